"""Measure the life of modules on the emulated F405, in its own time; write build/bench/lifecycle.json.

swap_gap: without a running module, for the flood module; swap_gap_longest: the longest of all swaps. Both as
instructions, and as the time below which the chip cannot stay: at its clock it takes a cycle an instruction
at least, and more where flash is slow or memory is waited for.
samples_lost: readings of a board sensor, 100 a second, that were left out over `swaps` swaps with state,
uploads and the erasing of their banks included: by the node's own count (key 6 of /sensors), or missing from
the rhythm in which the module saw them. Each erase takes the longest that the datasheet allows; most_waiting:
readings that waited for its end at once. longest_between_samples_ms: by their times. erases_per_swap: of
banks; record_erases: of sectors of records. push_to_output_ms: from the first byte of the flood bundle to its
first record, by the board's clock, the link's idle time, `samples_to_output` requests and above all an erase
by the datasheet included; of no use for comparing programs. swap_peak_bytes: of the arena, while old and new
are there. snapshot: instructions while the board was not asleep.

drift_bytes: of the arena, before and after all swaps; `drift` has the same of 10^5 swaps on the native board,
where that takes minutes. powercut: tests/powercut, of all pairs of cuts one in PAIRS_EVERY.

The board's clock counts one nanosecond an instruction, and jumps while it sleeps (QEMU -icount
shift=0,sleep=off), so that how busy this machine is does not show; for the flood module it sleeps by this
machine's clock. Its UART takes no time. What tools/bench_signing.py wrote into the file stays.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench_boards import OUTPUT, ROOT, write
from board_toml import read_board
from wasmote.build import build_bundle
from wasmote.node import Node
from wasmote.sim import Simulator
from wasmote.wire.bundle import Bundle
from wasmote.wire.codec import decode, integer
from wasmote.wire.modules import Control, HandOver, ModuleStatus
from wasmote.wire.samples import Sample, Waiting
from wasmote.wire.state import Snapshot

BOARD = "netduinoplus2"
CORE_HZ = read_board(ROOT / "boards" / BOARD / "board.toml").clock["core_hz"]
SWAPS = 1000
DRIFT_SWAPS = 100_000
PAIRS_EVERY = 8  # minutes; `make -C tests/powercut check-full` takes them all
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


async def busy_instructions(node: Node) -> int:
    """Tell how many instructions the board has executed while it was not asleep: 1 ns each."""
    busy_us = (await node.info()).busy_us
    assert busy_us is not None
    return busy_us * 1000


def of_gap(gap_us: int) -> dict[str, object]:
    """Give a gap that was counted at 1 ns an instruction, and what it takes of the chip's time at least."""
    instructions = gap_us * 1000
    return {"instructions": instructions, "at_least_ms": round(instructions / CORE_HZ * 1000, 3)}


async def pass_ms(node: Node, span_ms: int) -> None:
    """Wait for so long by the board's clock."""
    until = await now_ms(node) + span_ms
    while await now_ms(node) < until:
        pass


async def reading(node: Node) -> None:
    """Wait until what runs in slot 0 has had a reading of the board's sensor."""
    while not (await node.module(0)).events:
        pass


@dataclass(frozen=True, slots=True)
class Swaps:
    """What swapping left behind."""

    pace: Pace
    done: tuple[ModuleStatus, ...]
    drift_bytes: int
    samples_lost: int  # by the node's own count
    waiting: Waiting
    erases: int  # of banks
    record_erases: int

    @property
    def gap_longest_us(self) -> int:
        """Return how long no module ran, at most."""
        return max(status.swap_gap_us or 0 for status in self.done)

    @property
    def with_state(self) -> int:
        """Return how many swaps handed the state over."""
        return sum(status.hand_over is HandOver.SAME for status in self.done)


def versions(folder: Path = PACE) -> list[bytes]:
    """Build both versions of the module that watches over its readings."""
    return [build_bundle(folder / f"pace_v{number}.toml").to_bytes() for number in (1, 2)]


async def swap_many(
    node: Node, swaps: int, bundles: list[bytes], *, period_ms: int = PERIOD_MS, pause_ms: int = 0
) -> Swaps:
    """Swap two versions, with `pause_ms` of the board's time before each, or as fast as this machine can."""
    before = await node.info()
    await node.install(0, bundles[0])
    await node.control(0, Control.START)
    await reading(node)  # the first may have waited since before the start, from the slower rhythm
    await node.control(0, Control.STOP)
    await node.control(0, Control.START)
    done: list[ModuleStatus] = []
    for number in range(1, swaps + 1):
        await reading(node)
        if pause_ms:
            await pass_ms(node, pause_ms)
        await node.install(0, bundles[number % 2])
        await node.control(0, Control.SWAP)
        done.append(await node.module(0))
    await reading(node)
    seen = pace(await node.snapshot(0), period_ms)
    sensors = await node.sensors()
    waiting = sensors[0].waiting
    assert waiting is not None
    await node.remove(0)
    after = await node.info()
    assert before.banks is not None
    assert after.banks is not None
    return Swaps(
        seen,
        tuple(done),
        before.arena_free - after.arena_free,
        sum(sensor.lost or 0 for sensor in sensors),
        waiting,
        after.banks.erased - before.banks.erased,
        after.banks.records_erased - before.banks.records_erased,
    )


async def drift(swaps: int) -> dict[str, object]:
    """Swap as often on the native board, and look at nothing but the arena."""
    bundles = versions()
    async with await Simulator.start("native") as simulator, await Node.connect(simulator.url) as node:
        free = (await node.info()).arena_free
        await node.install(0, bundles[0])
        await node.control(0, Control.START)
        for number in range(1, swaps + 1):
            await node.install(0, bundles[number % 2])
            await node.control(0, Control.SWAP)
        await node.remove(0)
        left = free - (await node.info()).arena_free
    return {"board": "native", "swaps": swaps, "drift_bytes": left}


def pace(taken: bytes, period_ms: int = PERIOD_MS) -> Pace:
    """Read what that module has seen from its state."""
    first_ms, last_ms, longest_ms, seen = _PACE_STATE.unpack(Snapshot.from_bytes(taken).state)
    return Pace(longest_ms, seen, round((last_ms - first_ms) / period_ms) + 1 - seen)


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
        "swap_gap": of_gap(swapped.swap_gap_us or 0),
        "push_to_output_ms": pushed_ms,
        "samples_to_output": fed,
        "bundle_bytes": len(first.to_bytes()),
        "swap_peak_bytes": (ran.arena_bytes or 0) + (0 if swapped.in_place else swapped.arena_bytes or 0),
        **await snapshot(node, second),
    }


async def snapshot(node: Node, bundle: Bundle) -> dict[str, object]:
    """Take the state of what runs in slot 0, and put it back."""
    await node.control(0, Control.PAUSE)
    began = await busy_instructions(node)
    taken = await node.snapshot(0)
    get = await busy_instructions(node) - began
    await node.control(0, Control.STOP)
    began = await busy_instructions(node)
    await node.restore(0, taken)
    put = await busy_instructions(node) - began
    assert await node.snapshot(0) == taken
    memory = len(Snapshot.from_bytes(taken).memory)
    figures = {"bytes": len(taken), "memory_bytes": memory, "get_instructions": get, "put_instructions": put}
    return {"snapshot": {**figures, "module": bundle.manifest.name}}


async def measure(swaps: int, drift_swaps: int) -> dict[str, object]:
    """Run everything; the swaps by a clock that does not know how busy this machine is."""
    async with (
        await Simulator.start(BOARD, count_instructions=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        figures = await flood(node)
    async with (
        await Simulator.start(BOARD, count_instructions=True, skip_idle=True, slow_flash=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        swapped = await swap_many(node, swaps, versions())
    return {
        "board": BOARD,
        **figures,
        "swaps": swaps,
        "swap_gap_longest": of_gap(swapped.gap_longest_us),
        "swaps_with_state": swapped.with_state,
        "samples": swapped.pace.seen,
        "samples_lost": max(swapped.pace.missed, swapped.samples_lost),
        "longest_between_samples_ms": swapped.pace.longest_ms,
        "most_waiting": swapped.waiting.most,
        "drift_bytes": swapped.drift_bytes,
        "erases_per_swap": round(swapped.erases / swaps, 3),
        "record_erases": swapped.record_erases,
        "drift": await drift(drift_swaps),
    }


def powercut() -> dict[str, object]:
    """Cut the power of the store in pairs."""
    subprocess.run(("make", "-s", "-C", str(ROOT / "tests/powercut")), check=True)
    command = (str(ROOT / "build/tests/powercut/powercut"), "0", str(PAIRS_EVERY))
    ran = subprocess.run(command, capture_output=True, text=True, check=False)  # it fails when cuts are bad
    found: dict[str, object] = json.loads(ran.stdout.splitlines()[-1])
    return found


def verified(path: Path) -> dict[str, object]:
    """Keep what a signature costs."""
    figures = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {key: figures[key] for key in ("verify_instructions",) if key in figures}


def main() -> None:
    """Write the file, and say so."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--swaps", type=int, default=SWAPS, help=f"how many (default: {SWAPS})")
    parser.add_argument(
        "--drift-swaps", type=int, default=DRIFT_SWAPS, help=f"on the native board (default: {DRIFT_SWAPS})"
    )
    arguments = parser.parse_args()
    path = OUTPUT / "lifecycle.json"
    measured = asyncio.run(measure(arguments.swaps, arguments.drift_swaps))
    write("lifecycle.json", measured | {"powercut": powercut()} | verified(path))


if __name__ == "__main__":
    main()
