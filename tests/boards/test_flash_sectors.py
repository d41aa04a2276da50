"""Flash as hal.h promises it: bits are cleared until a sector is erased, and what is there outlives power."""

from __future__ import annotations

from check import Check, image_of
from wasmote.sim import Simulator

ERASED = "ff" * 32
TIMES_US = {  # an erase of a bank, a word, at least: of the datasheets, in the board's own time
    "native": (0, 0),
    "netduinoplus2": (1_000_000, 16),
    "netduino2": (1_000_000, 16),
    "qemu-rv32": (120_000, 11),
    "esp32c3-devkitm": (8 * 45_000, 0),
}


async def status_and_time(check: Check, command: str) -> tuple[int, int]:
    status, time_us = (await check.ask(command)).split()
    return int(status), int(time_us)


async def test_a_word_is_programmed_and_may_be_cleared(check: Check, board: str) -> None:
    erase_us, word_us = TIMES_US[board]
    status, took_us = await status_and_time(check, "erase 0")
    assert (status, await check.ask("peek")) == (0, ERASED)
    assert took_us >= erase_us
    status, took_us = await status_and_time(check, "program 90")
    assert (status, await check.ask("peek")) == (0, "5a" * 32)
    assert took_us >= 32 // 4 * word_us
    assert (await status_and_time(check, "program 0"))[0] == 0
    assert await check.ask("peek") == "00" * 32
    assert (await status_and_time(check, "erase 0"))[0] == 0
    assert await check.ask("peek") == ERASED


async def test_it_outlives_a_reset(check: Check) -> None:
    await check.ask("erase 0")
    await check.ask("program 165")
    check.send("reset")
    await check.until("ready 3")
    assert await check.ask("peek") == "a5" * 32


async def test_it_outlives_a_power_cut_and_a_new_board_is_erased(board: str) -> None:
    async with await Simulator.start(board, image=image_of(board)) as simulator:
        async with await Check.connect(simulator) as check:
            assert await check.ask("peek") == ERASED
            await check.ask("program 195")
        await simulator.kill()
        await simulator.restart()
        async with await Check.connect(simulator) as check:
            assert await check.ask("peek") == "c3" * 32


async def test_what_comes_while_a_sector_is_erased_waits_in_the_ring(check: Check, board: str) -> None:
    """As many bytes as boards/README.md says: the largest messages, each of their bytes escaped."""
    messages = 1 if board == "netduino2" else 3
    check.send("erase 0\n" + "x" * 2311 * messages)  # a line of which the program keeps the beginning
    assert (await check.line()).startswith("0 ")
    assert (await check.line()).startswith("unknown: xxx")
    assert await check.ask("overruns") == "0"
