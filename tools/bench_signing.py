"""Measure what a signature costs a node, on each core; write it into build/bench/lifecycle.json.

verify_instructions: instructions for one verification, by core. A board that trusts a key gets changes of its
keys that were altered after they were signed, and as many that are not signed at all: what it computes longer
(key 17 of /node, virtual time of QEMU -icount shift=0) is the verification, with the hashing of 120 bytes.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench_boards import INSTRUCTIONS_PER_US, OUTPUT, write
from wasmote.errors import CoapError
from wasmote.keys import Key
from wasmote.node import Node
from wasmote.signing import sign
from wasmote.sim import Simulator
from wasmote.wire.codec import encode
from wasmote.wire.cose import KEYS_AAD
from wasmote.wire.keys import KeyChange

BOARDS = ("netduino2", "netduinoplus2", "qemu-rv32")
TRIES = 20


async def _busy_us(node: Node, change: KeyChange | bytes) -> int:
    """What TRIES refusals of a change take."""
    before = (await node.info()).busy_us or 0
    for _ in range(TRIES):
        try:
            await node.change_keys(change)
        except CoapError:
            continue
        raise AssertionError("the board took a change that it must refuse")
    return ((await node.info()).busy_us or 0) - before


async def measure(board: str) -> tuple[str, int]:
    """Return a board's core, and the instructions of a verification on it."""
    private = Ed25519PrivateKey.generate()
    key = Key("bench", private.public_key().public_bytes_raw(), private)
    change = KeyChange(2, 1, key.public)
    altered = replace(sign(change.to_cbor(), key, KEYS_AAD), payload=replace(change, sequence=3).to_cbor())
    async with (
        await Simulator.start(board, count_instructions=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        await node.change_keys(KeyChange(1, 0, key.public))
        spent = await _busy_us(node, encode(altered.to_item())) - await _busy_us(node, change)
        return (await node.info()).cpu, spent * INSTRUCTIONS_PER_US // TRIES


def main() -> None:
    """Measure all boards; other figures of the file stay."""
    path = OUTPUT / "lifecycle.json"
    figures = json.loads(path.read_text()) if path.exists() else {}
    figures["verify_instructions"] = dict(asyncio.run(measure(board)) for board in BOARDS)
    write("lifecycle.json", figures)


if __name__ == "__main__":
    main()
