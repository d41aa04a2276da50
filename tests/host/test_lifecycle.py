"""Swaps under load, as tools/bench_lifecycle.py measures them at length."""

from __future__ import annotations

import pytest

from bench_lifecycle import BOARD, PACE, PERIOD_MS, flood, pace, reading, swap_many
from wasmote.build import build_bundle
from wasmote.node import Node
from wasmote.sim import Simulator
from wasmote.wire.modules import Control
from wasmote.wire.samples import Sample

SWAPS = 40
EVENT_MS = 50  # the longest event that spin.toml's budget allows


@pytest.mark.parametrize("board", [BOARD, "netduino2"])
async def test_no_reading_is_lost_over_uploads_erased_banks_and_swaps(board: str) -> None:
    """Nor is any late, by its time: with 100 a second, an erase alone lasts a hundred of them."""
    async with (
        await Simulator.start(board, count_instructions=True, skip_idle=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        swapped = await swap_many(node, SWAPS)
    assert swapped.pace.seen > SWAPS  # one before each, and the state went through all of them
    assert (swapped.pace.missed, swapped.samples_lost) == (0, 0)
    assert swapped.pace.longest_ms <= PERIOD_MS + 1  # times are in whole milliseconds
    assert swapped.erases >= SWAPS // 2
    assert swapped.drift_bytes == 0
    assert swapped.with_state == SWAPS


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


async def test_the_flood_module_is_swapped_within_50_ms() -> None:
    async with (
        await Simulator.start(BOARD, count_instructions=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        gap_ms = (await flood(node))["swap_gap_ms"]
    assert isinstance(gap_ms, float)
    assert 0 < gap_ms < 50
