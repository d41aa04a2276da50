"""Measure what the firmware takes and how fast the flood module runs; write build/bench/*.json.

size.json: flash and RAM in bytes, by board and part, with the budgets.
modules.json: the flood module on the emulated F405: RAM, bundle, instructions per sample and per swap. Its
clock counts one nanosecond an instruction (QEMU -icount shift=0), so these are instructions, not cycles.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from wasmote.build import build_bundle
from wasmote.node import Node
from wasmote.sim import Simulator
from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import Control
from wasmote.wire.samples import Sample

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build" / "bench"
FLOOD = ROOT / "models" / "flood"
BOARD = "netduinoplus2"
INSTRUCTIONS_PER_US = 1000  # of virtual time
SAMPLES = 400
DAY_MS = 86_400_000


def write(name: str, figures: Mapping[str, object] | list[object]) -> None:
    """Write one file of results, and say so."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / name
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(f"{path.relative_to(ROOT)}:\n{path.read_text(encoding='utf-8')}", end="")


def sizes() -> list[object]:
    """Collect the size reports of the images that were built, in order of the boards' names."""
    boards = sorted(path.parent.name for path in ROOT.glob("boards/[!_]*/board.toml"))
    reports = [ROOT / "build" / board / "size.json" for board in boards]
    return [json.loads(path.read_text()) for path in reports if path.exists()]


async def _run(node: Node, bundle: Bundle, first_day: int) -> None:
    """Feed SAMPLES days of the same weather: what a sample costs does not depend on the numbers."""
    days = range(first_day, first_day + SAMPLES)
    await node.feed(bundle.manifest.inputs[0].sensor, [Sample(day * DAY_MS, (3.0, 50.0)) for day in days])


async def modules() -> dict[str, object]:
    """Run the flood module and swap it, on the emulated F405."""
    first, second = (build_bundle(FLOOD / name) for name in ("flood.toml", "flood_v2.toml"))
    async with (
        await Simulator.start(BOARD, count_instructions=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        free = (await node.info()).arena_free
        await node.install(0, first.to_bytes())
        await node.control(0, Control.START)
        await _run(node, first, 0)
        ran = await node.module(0)
        await node.install(0, second.to_bytes())
        await node.control(0, Control.SWAP)
        await _run(node, second, SAMPLES)
        swapped = await node.module(0)
    return {
        BOARD: {
            "arena_bytes": {"free": free, "flood": ran.arena_bytes},
            "wasm_bytes": first.manifest.size,
            "bundle_bytes": len(first.to_bytes()),
            "samples": SAMPLES,
            "instructions_per_sample": (ran.time_us or 0) * INSTRUCTIONS_PER_US // SAMPLES,
            "instructions_longest_event": (ran.longest_event_us or 0) * INSTRUCTIONS_PER_US,
            "instructions_per_swap": (swapped.swap_gap_us or 0) * INSTRUCTIONS_PER_US,
            "swap_state_handed_over": swapped.state_handed_over,
        }
    }


def main() -> None:
    """Write all files."""
    write("size.json", sizes())
    write("modules.json", asyncio.run(modules()))


if __name__ == "__main__":
    main()
