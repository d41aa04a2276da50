"""Swaps under load, as tools/bench_lifecycle.py measures them at length."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench_lifecycle import BOARD, PACE, PERIOD_MS, flood, pace, reading, swap_many, versions
from wasmote.build import build_bundle
from wasmote.node import Node
from wasmote.sim import Simulator
from wasmote.wire.codec import array, decode
from wasmote.wire.log import LogLine
from wasmote.wire.modules import Control
from wasmote.wire.samples import Sample

SWAPS = 20
QUIET_MS = 1000  # QUIET_US of firmware/node/upkeep.c: so long after a change the next bank is erased
SLOWEST_ERASE_MS = 2000  # 128 KiB of an STM32F4's flash (DS8626 table 41, maximum)
# Times are in whole milliseconds, and beside other work an alarm of QEMU's comes up to 3 ms late.
LATE_MS = 4
LIMIT_MS = 8  # the fastest rhythm at which as many readings come in that time as the node can keep
EVENT_MS = 50  # the longest event that spin.toml's budget allows


def paced(folder: Path, period_ms: int) -> Path:
    """The module that watches over its readings, asking for another rhythm."""
    for number in (1, 2):
        text = (PACE / f"pace_v{number}.toml").read_text()
        assert f"poll_ms = {PERIOD_MS}" in text
        (folder / f"pace_v{number}.toml").write_text(
            text.replace(f"poll_ms = {PERIOD_MS}", f"poll_ms = {period_ms}")
        )
    shutil.copy(PACE / "pace.c", folder)
    return folder


@pytest.mark.parametrize("pause_ms", [0, QUIET_MS - 50, QUIET_MS + 50])
@pytest.mark.parametrize(
    ("board", "period_ms"), [(BOARD, PERIOD_MS), (BOARD, LIMIT_MS), ("netduino2", LIMIT_MS)]
)
async def test_no_reading_is_lost_over_uploads_erased_banks_and_swaps(
    board: str, period_ms: int, pause_ms: int, tmp_path: Path
) -> None:
    """Nor is any late, by its time, although each erase takes the longest that the datasheet allows.

    The host is as fast as it can, or paced by the board's clock such that what the node erases ahead falls
    due while it erases for the next upload, or just before.
    """
    bundles = versions(paced(tmp_path, period_ms))
    async with (
        await Simulator.start(board, count_instructions=True, skip_idle=True, slow_flash=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        swapped = await swap_many(node, SWAPS, bundles, period_ms=period_ms, pause_ms=pause_ms)
    assert swapped.pace.seen > SWAPS  # one before each, and the state went through all of them
    assert (swapped.pace.missed, swapped.samples_lost) == (0, 0)
    assert swapped.pace.longest_ms <= period_ms + LATE_MS
    assert swapped.erases >= SWAPS // 2
    assert swapped.drift_bytes == 0
    assert swapped.with_state == SWAPS
    assert SLOWEST_ERASE_MS // period_ms <= swapped.waiting.most <= swapped.waiting.room
    assert swapped.waiting.in_erase <= swapped.waiting.room


async def test_a_node_says_when_its_readings_come_too_fast_for_its_flash(tmp_path: Path) -> None:
    async with (
        await Simulator.start(BOARD) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        quiet = (await node.sensors())[0].waiting
        await node.install(0, versions(paced(tmp_path, 1))[0])
        await node.control(0, Control.START)
        waiting = (await node.sensors())[0].waiting
        answer = await node.request("GET", "/log?since=none")
        lines = [LogLine.from_item(item).text for item in array(decode(answer.payload, "/log"), "/log")]
    assert quiet is not None
    assert waiting is not None
    assert quiet.in_erase <= quiet.room
    assert waiting.in_erase > SLOWEST_ERASE_MS
    assert (
        f"{waiting.in_erase} readings come while flash is erased (2000 ms at most), and 256 can wait" in lines
    )


async def test_an_event_that_does_not_end_holds_up_no_reading_of_another_module() -> None:
    async with (
        await Simulator.start(BOARD, count_instructions=True, skip_idle=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        for slot, name in enumerate(("pace_v1", "spin")):
            await node.install(slot, build_bundle(PACE / f"{name}.toml").to_bytes())
            await node.control(slot, Control.START)
        await reading(node)
        wanted = ((await node.module(0)).events or 0) + EVENT_MS // PERIOD_MS
        await node.feed("probe", [Sample(1, (-1.0,))])
        while ((await node.module(0)).events or 0) < wanted:
            pass
        trapped = await node.module(1)
        seen = pace(await node.snapshot(0))
        lost = [sensor.lost for sensor in await node.sensors() if not sensor.injected]
    assert trapped.traps == 1
    assert (seen.missed, lost) == (0, [0, 0])
    assert seen.longest_ms <= PERIOD_MS + 1


async def test_the_flood_module_is_swapped_in_fewer_instructions_than_50_ms_have() -> None:
    async with (
        await Simulator.start(BOARD, count_instructions=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        gap = (await flood(node))["swap_gap"]
    assert isinstance(gap, dict)
    assert gap["at_least_ms"] == pytest.approx(gap["instructions"] / 168_000, abs=0.001)  # an F405's 168 MHz
    assert 0 < gap["at_least_ms"] < 50
