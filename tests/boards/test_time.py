"""Time that has run for years: a board's clock crosses what some part of it might count no further than."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from check import Check, image_of
from wasmote.sim import Simulator

EDGES_US = {
    "2^31 us": 2**31,
    "2^32 us": 2**32,
    "2^40 us": 2**40,  # 12.7 days
    "2^31 ms": 2**31 * 1000,
    "49.7 days": 2**32 * 1000,  # 2^32 ms
    "2^48 us": 2**48,  # 8.9 years: what the timer of an ESP32-C3 counts
    "2^53 us": 2**53,  # 285 years: where a double no longer tells two from each other
}
BEFORE_US = 3_000_000
TURNS_MAX = 40  # of the loop in a wait of WAIT_MS: it ends, and is then asleep
WAIT_MS = 200


@pytest.fixture(params=EDGES_US)
def edge_us(request: pytest.FixtureRequest) -> int:
    return EDGES_US[str(request.param)]


@pytest_asyncio.fixture
async def before(board: str, edge_us: int) -> AsyncIterator[Check]:
    """A board whose clock is shortly before the edge."""
    async with (
        await Simulator.start(board, image=image_of(board), clock_us=edge_us - BEFORE_US) as simulator,
        await Check.connect(simulator) as connected,
    ):
        while await now_us(connected) < edge_us - BEFORE_US:
            pass  # an ESP32-C3's timer runs on by half of what it counts with each reading
        yield connected


async def now_us(check: Check) -> int:
    return int(await check.ask("now"), 16)


async def beats(check: Check) -> int:
    return int((await check.ask("beats")).split()[0])


async def test_timers_alarm_and_sleep_go_on_across_it(before: Check, edge_us: int) -> None:
    assert await before.ask("watchdog 2000") == "watchdog 2000"
    assert await before.ask("beat 20000") == "beat 20000"
    left_us = edge_us - await now_us(before)
    assert left_us < BEFORE_US
    assert (await before.ask(f"wait {max(left_us, 0) // 1000 + WAIT_MS}")).startswith("late ")
    assert await now_us(before) > edge_us
    count = await beats(before)
    assert count >= WAIT_MS // 20 // 2
    assert (await before.ask(f"wait {WAIT_MS}")).startswith("late ")
    assert await beats(before) > count
    assert await before.ask("beat 0") == "beat 0"
    assert await before.ask("past") == "past 0"


async def test_the_loop_sleeps_behind_it(before: Check, edge_us: int) -> None:
    """An alarm that is taken for one that has passed shows as load."""
    left_us = edge_us - await now_us(before)
    assert (await before.ask(f"wait {max(left_us, 0) // 1000 + 1}")).startswith("late ")
    turns = int(await before.ask("turns"))
    assert (await before.ask(f"wait {WAIT_MS}")).startswith("late ")
    assert int(await before.ask("turns")) - turns < TURNS_MAX
