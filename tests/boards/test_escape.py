"""The boot escape on each board that can be had: it is held, or not, while the board starts."""

from __future__ import annotations

from check import Check, image_of
from wasmote.sim import Simulator


async def test_a_board_that_nobody_holds_starts_its_modules(check: Check) -> None:
    assert await check.ask("escape") == "0"


async def test_the_escape_counts_at_each_start(board: str) -> None:
    async with await Simulator.start(board, image=image_of(board), without_modules=True) as simulator:
        async with await Check.connect(simulator) as check:
            assert await check.ask("escape") == "1"
            check.send("reset")
            await check.until("ready 3")
            assert await check.ask("escape") == "1"
        simulator.without_modules = False
        await simulator.kill()
        await simulator.restart()
        async with await Check.connect(simulator) as check:
            assert await check.ask("escape") == "0"
