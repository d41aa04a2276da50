"""Measure the life of modules on the emulated F405, in its own time; write build/bench/lifecycle.json.

swap_gap_ms: without a running module, for the flood module. samples_lost: readings of a board sensor, 100 a
second, that were left out over `swaps` swaps with state, uploads included; samples_lost_without_swaps: of as
many readings without a swap, which is the emulator's own. push_to_output_ms: from the first byte of the flood
bundle to its first record, the link's idle time and `samples_to_output` requests included.
drift_bytes: arena before and after. The board's clock counts one nanosecond an instruction (QEMU -icount
shift=0), and its UART takes no time. What others measured into powercut.json and verify.json is merged in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
from dataclasses import dataclass
from pathlib import Path

from wasmote.build import build_bundle
from wasmote.node import Node
from wasmote.sim import Simulator
from wasmote.wire.bundle import Bundle
from wasmote.wire.codec import decode, integer
from wasmote.wire.modules import Control, HandOver, ModuleStatus
from wasmote.wire.samples import Sample
from wasmote.wire.state import Snapshot

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build" / "bench"
BOARD = "netduinoplus2"
SWAPS = 1000
DAY_MS = 86_400_000
FLOOD = ROOT / "models" / "flood"
PACE = ROOT / "tests" / "modules"
_PACE_STATE = struct.Struct("<qqqQ")  # tests/modules/pace.c
PERIOD_MS = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """What the module that watches over its readings has seen."""

    longest_ms: int
    seen: int
    missed: int


async def now_ms(node: Node) -> int:
    """Tell the board's time."""
    return integer(decode((await node.request("GET", "/time")).payload, "/time"), "/time")


async def reading(node: Node) -> None:
    """Wait until what runs in slot 0 has had a reading of the board's sensor."""
    while not (await node.module(0)).events:
        pass


async def swap_many(node: Node, swaps: int) -> tuple[Pace, list[ModuleStatus], int]:
    """Swap two versions at 100 readings a second; return what they saw, each swap, and the arena's drift."""
    versions = [build_bundle(PACE / f"pace_v{number}.toml").to_bytes() for number in (1, 2)]
    free = (await node.info()).arena_free
    await node.install(0, versions[0])
    await node.control(0, Control.START)
    done: list[ModuleStatus] = []
    for number in range(1, swaps + 1):
        await reading(node)
        await node.install(0, versions[number % 2])
        await node.control(0, Control.SWAP)
        done.append(await node.module(0))
    await reading(node)
    pace = _pace(await node.snapshot(0))
    await node.remove(0)
    return pace, done, free - (await node.info()).arena_free


async def idle(node: Node, readings: int) -> Pace:
    """Let the same module have as many readings without a swap: what the emulator itself leaves out."""
    await node.install(0, build_bundle(PACE / "pace_v1.toml").to_bytes())
    await node.control(0, Control.START)
    while ((await node.module(0)).events or 0) < readings:
        pass
    return _pace(await node.snapshot(0))


def _pace(taken: bytes) -> Pace:
    first_ms, last_ms, longest_ms, seen = _PACE_STATE.unpack(Snapshot.from_bytes(taken).state)
    missed = max(
        0, round((last_ms - first_ms) / PERIOD_MS) + 1 - seen
    )  # a late one is made up for by the next
    return Pace(longest_ms, seen, missed)


async def flood(node: Node) -> dict[str, object]:
    """Push, feed, swap and read the flood module."""
    first, second = (build_bundle(FLOOD / name) for name in ("flood.toml", "flood_v2.toml"))
    sensor = first.manifest.inputs[0].sensor
    began = await now_ms(node)
    await node.install(0, first.to_bytes())
    await node.control(0, Control.START)
    fed = 0
    while (await node.module(0)).streams[0].next_seq == 0:  # it waits until its window is full
        await node.feed(sensor, [Sample(fed * DAY_MS, (3.0, 50.0))])
        fed += 1
    pushed_ms = await now_ms(node) - began
    await node.feed(sensor, [Sample(day * DAY_MS, (3.0, 50.0)) for day in range(fed, 400)])
    ran = await node.module(0)
    await node.install(0, second.to_bytes())
    await node.control(0, Control.SWAP)
    swapped = await node.module(0)
    assert swapped.hand_over is HandOver.SAME
    return {
        "swap_gap_ms": (swapped.swap_gap_us or 0) / 1000,
        "push_to_output_ms": pushed_ms,
        "samples_to_output": fed,
        "bundle_bytes": len(first.to_bytes()),
        "swap_peak_bytes": (ran.arena_bytes or 0) + (0 if swapped.in_place else swapped.arena_bytes or 0),
        **await snapshot(node, second),
    }


async def snapshot(node: Node, bundle: Bundle) -> dict[str, object]:
    """Take the state of what runs in slot 0, and put it back."""
    await node.control(0, Control.PAUSE)
    began = await now_ms(node)
    taken = await node.snapshot(0)
    took_ms = await now_ms(node) - began
    await node.control(0, Control.STOP)
    began = await now_ms(node)
    await node.restore(0, taken)
    put_ms = await now_ms(node) - began
    assert await node.snapshot(0) == taken
    memory = len(Snapshot.from_bytes(taken).memory)
    figures = {"bytes": len(taken), "memory_bytes": memory, "get_ms": took_ms, "put_ms": put_ms}
    return {"snapshot": {**figures, "module": bundle.manifest.name}}


async def measure(swaps: int) -> dict[str, object]:
    """Run everything; the readings by a clock that does not know how busy this machine is."""
    async with (
        await Simulator.start(BOARD, count_instructions=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        figures = await flood(node)
    async with (
        await Simulator.start(BOARD, count_instructions=True, skip_idle=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        pace, done, drift = await swap_many(node, swaps)
        undisturbed = await idle(node, pace.seen)
    with_state = sum(status.hand_over is HandOver.SAME for status in done)
    return {
        "board": BOARD,
        **figures,
        "swaps": swaps,
        "swap_gap_longest_ms": max(status.swap_gap_us or 0 for status in done) / 1000,
        "swaps_with_state": with_state,
        "samples": pace.seen,
        "samples_lost": pace.missed,
        "samples_lost_without_swaps": undisturbed.missed,
        "longest_between_samples_ms": pace.longest_ms,
        "drift_bytes": drift,
    }


def merged() -> dict[str, object]:
    """Collect what other tools have measured of the same life."""
    found: dict[str, object] = {}
    for name, key in (("powercut", "powercut"), ("verify", "verify_instructions")):
        path = OUTPUT / f"{name}.json"
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            found[key] = content.get(key, content) if isinstance(content, dict) else content
    return found


def main() -> None:
    """Write the file, and say so."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--swaps", type=int, default=SWAPS, help=f"how many (default: {SWAPS})")
    figures = asyncio.run(measure(parser.parse_args().swaps)) | merged()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / "lifecycle.json"
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(f"{path.relative_to(ROOT)}:\n{path.read_text(encoding='utf-8')}", end="")


if __name__ == "__main__":
    main()
