"""Swaps under load, as tools/bench_lifecycle.py measures them at length."""

from __future__ import annotations

import pytest

from bench_lifecycle import BOARD, PERIOD_MS, flood, swap_many
from wasmote.node import Node
from wasmote.sim import Simulator
from wasmote.wire.modules import HandOver

SWAPS = 40


@pytest.mark.parametrize("board", [BOARD, "netduino2"])
async def test_swaps_do_not_hold_up_the_readings_of_the_board(board: str) -> None:
    async with (
        await Simulator.start(board, count_instructions=True, skip_idle=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        pace, done, drift = await swap_many(node, SWAPS)
    assert pace.seen > SWAPS  # one before each, and the state went through all of them
    # Now and then the emulator's clock jumps over a reading, without a swap as well; no swap takes longer.
    assert pace.longest_ms <= 2 * PERIOD_MS
    assert drift == 0
    assert all(status.hand_over is HandOver.SAME for status in done)


async def test_the_flood_module_is_swapped_within_50_ms() -> None:
    async with (
        await Simulator.start(BOARD, count_instructions=True) as simulator,
        await Node.connect(simulator.url) as node,
    ):
        gap_ms = (await flood(node))["swap_gap_ms"]
    assert isinstance(gap_ms, float)
    assert 0 < gap_ms < 50
