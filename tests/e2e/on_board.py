"""What the end-to-end tests do with a node: run modules, feed a probe, read its outputs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from wasmote.build import build_bundle
from wasmote.node import Node
from wasmote.sim import ROOT
from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import Control
from wasmote.wire.samples import Sample

SANITIZED = ROOT / "build" / "native-asan" / "firmware.elf"
MODULES = Path(__file__).parents[1] / "modules"


@cache
def bundle(name: str) -> Bundle:
    return build_bundle(MODULES / f"{name}.toml")


async def run_module(node: Node, name: str, slot: int = 0) -> None:
    await node.install(slot, bundle(name).to_bytes())
    await node.control(slot, Control.START)


async def swap_module(node: Node, name: str, slot: int = 0) -> None:
    await node.install(slot, bundle(name).to_bytes())
    await node.control(slot, Control.SWAP)


def probe(*values: float, start: int = 1) -> list[Sample]:
    """One sample a value, 1000 ms apart, the first at `start` seconds."""
    return [Sample((start + i) * 1000, (value,)) for i, value in enumerate(values)]


async def outputs(node: Node, stream: str, slot: int = 0) -> list[float]:
    """The first value of every record that the ring holds."""
    values: list[float] = []
    since: int | None = None
    while True:
        batch = await node.records(slot, stream, since)
        values += [float(record.values[0]) for record in batch.records]
        if not batch.records or batch.records[-1].seq + 1 == batch.next_seq:
            return values
        since = batch.records[-1].seq
