"""Measure links and CoAP on emulated boards; write build/bench/link.json.

get_instructions, notify_instructions: on the emulated F405, whose clock counts one nanosecond an instruction
(QEMU -icount shift=0) and which tells how long it was not asleep (`busy_us` of /node): instructions, not
cycles, from the interrupt of the first byte to the last one sent. A GET is one of /time; a notification one
of a record of one value, its share of confirmable ones and their ACKs included.
upload_16k: a bundle with a module of 16 KiB over slipmux; bytes on the wire both ways, with framing.
boards: GETs of /time over slipmux, one after the other.
aiocoap_ratio and gateway_…: requests a second of the gateway in proportion to those of an empty aiocoap echo;
bench_gateway.py says which.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

from bench_boards import BOARD, INSTRUCTIONS_PER_US, ROOT, write
from bench_gateway import beside_aiocoap
from padding import padded
from wasmote.build import build_bundle
from wasmote.node import Node
from wasmote.sim import Simulator
from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import Control
from wasmote.wire.records import Records
from wasmote.wire.samples import Sample

PATH = "/time"
MODULE = ROOT / "tests" / "modules" / "scale.toml"
MODULE_BYTES = 16 * 1024
SENSOR, STREAM = "probe", "scaled"
COUNT = 400
NOTIFICATIONS = 320  # the board sends at most one each 20 ms


async def gets(node: Node, count: int) -> float:
    """GET one after the other; return how many a second."""
    begun = time.perf_counter()
    for _ in range(count):
        await node.request("GET", PATH)
    return count / (time.perf_counter() - begun)


async def busy_us(node: Node) -> int:
    """Return how long the board has worked."""
    busy = (await node.info()).busy_us
    assert busy is not None
    return busy


async def instructions_per_get(node: Node) -> int:
    """Compare runs of n and 2n GETs: what asking for `busy_us` costs falls out."""
    start = await busy_us(node)
    await gets(node, COUNT)
    middle = await busy_us(node)
    await gets(node, 2 * COUNT)
    end = await busy_us(node)
    return ((end - middle) - (middle - start)) * INSTRUCTIONS_PER_US // COUNT


async def _feed(node: Node, first_s: int, watched: AsyncIterator[Records] | None = None) -> int:
    """Feed samples one by one, each when the record of the one before was notified; return busy us."""
    start = await busy_us(node)
    for at_s in range(first_s, first_s + NOTIFICATIONS):
        await node.feed(SENSOR, [Sample(at_s * 1000, (1.0,))])
        if watched is not None:
            await anext(watched)
    return await busy_us(node) - start


async def _erases(node: Node) -> int:
    banks = (await node.info()).banks
    assert banks is not None
    return banks.erased


async def _run_confirmed(node: Node, bundle: Bundle) -> None:
    """Start a module, and wait until the bank for the next one is erased, which its confirmation asks for."""
    await node.install(0, bundle.to_bytes())
    await node.control(0, Control.START)
    before = await _erases(node)
    await node.control(0, Control.CONFIRM)
    while await _erases(node) == before:
        pass


async def instructions_per_notification(node: Node, bundle: Bundle) -> int:
    """Compare the same samples with and without an observer."""
    await _run_confirmed(node, bundle)
    alone = await _feed(node, 1)
    async with aclosing(node.watch(0, STREAM)) as watched:
        await anext(watched)
        observed = await _feed(node, 1 + NOTIFICATIONS, watched)
    return (observed - alone) * INSTRUCTIONS_PER_US // NOTIFICATIONS


async def counted() -> dict[str, object]:
    """Count instructions."""
    async with (
        await Simulator.start(BOARD, count_instructions=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        return {
            "get_instructions": await instructions_per_get(node),
            "notify_instructions": await instructions_per_notification(node, build_bundle(MODULE)),
        }


async def upload(node: Node) -> dict[str, int]:
    """Install 16 KiB."""
    bundle = padded(build_bundle(MODULE), MODULE_BYTES).to_bytes()
    counters = node.link_counters
    assert counters is not None
    before = counters.bytes, counters.frames
    await node.install(0, bundle)
    return {"bytes": counters.bytes - before[0], "round_trips": counters.frames - before[1]}


async def over_slipmux(board: str) -> tuple[dict[str, float], dict[str, int]]:
    """Measure requests, and an upload, over a board's serial line."""
    async with (
        await Simulator.start(board) as simulator,
        await Node.connect(simulator.serial_url or simulator.url) as node,
    ):
        counters = node.link_counters
        assert counters is not None
        before = counters.bytes
        rate = await gets(node, COUNT)
        requests = {
            "requests_per_s": round(rate, 1),
            "bytes_per_request": round((counters.bytes - before) / COUNT, 1),
        }
        return requests, await upload(node)


async def links() -> dict[str, object]:
    """Measure everything."""
    slipmux = {board: await over_slipmux(board) for board in (BOARD, "native")}
    return {
        **await counted(),
        "upload_16k": slipmux[BOARD][1],
        **await beside_aiocoap(),
        "boards": {board: requests for board, (requests, _) in slipmux.items()},
    }


if __name__ == "__main__":
    write("link.json", asyncio.run(links()))
