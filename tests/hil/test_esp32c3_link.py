"""The firmware's two ports, and what its interrupts do while flash is busy, on the emulated chip."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from esp32c3_chip import CHECK, Chip, opened, powered


@pytest_asyncio.fixture
async def chip(tmp_path: Path) -> AsyncIterator[Chip]:
    ports = ("--usb", f"unix:{tmp_path / 'usb'}", "--uart", f"unix:{tmp_path / 'uart'}")
    async with powered(tmp_path / "flash", "--image", str(CHECK), *ports) as running:
        yield running


async def test_answers_go_to_the_port_that_asked(chip: Chip) -> None:
    async with opened(chip.usb) as usb, opened(chip.uart) as uart:
        for _ in range(3):
            assert await usb.ask("cause") == "1"
            assert await uart.ask("overruns") == "0"


async def test_the_roms_words_on_the_uart_do_no_harm(chip: Chip) -> None:
    async with opened(chip.uart) as uart:
        uart.writer.write(b"reset\n")
        await uart.until("rst:0x3,boot:RUNS")
    async with opened(chip.uart) as uart:
        assert await uart.ask("cause") == "3"


async def test_a_board_without_firmware_says_so_and_tries_again(tmp_path: Path) -> None:
    """Nobody has stopped the watchdog that the ROM leaves running."""
    async with powered(tmp_path / "flash", "--uart", f"unix:{tmp_path / 'uart'}") as empty:
        reader, writer = await asyncio.open_unix_connection(empty.uart.removeprefix("unix:"))
        while await reader.readline() != b"rst:0x7,boot:FAILED\r\n":
            pass
        writer.close()


async def test_20000_bytes_come_back_over_the_uart(chip: Chip) -> None:
    data = random.Random(2).randbytes(20_000)
    async with opened(chip.uart) as uart:
        uart.writer.write(b"echo 20000\n" + data)
        assert await uart.exactly(len(data)) == data
        assert await uart.ask("overruns") == "0"


async def test_the_uart_is_idle_once_the_last_byte_is_on_the_line(chip: Chip) -> None:
    async with opened(chip.uart) as uart:
        assert await uart.ask("drain 1") == "drain 1"
        await uart.until("idle")


async def test_a_host_that_sends_more_than_the_ring_holds_has_to_wait(chip: Chip) -> None:
    """USB holds the host back while the loop does not turn; nothing is lost."""
    data = bytes(range(256)) * 128
    async with opened(chip.usb) as usb:
        await usb.ask("beat 1000")
        usb.writer.write(b"hog 200\n" + f"echo {len(data)}\n".encode() + data)
        await usb.until("hog 200")
        assert await usb.exactly(len(data)) == data
        assert await usb.ask("overruns") == "0"


async def test_the_alarm_comes_while_flash_is_erased(chip: Chip) -> None:
    """Erasing runs in ROM, with the cache suspended: what the alarm calls must be in RAM."""
    async with opened(chip.usb) as usb:
        await usb.ask("beat 10000")
        status, took_us = map(int, (await usb.ask("erase 0")).split())
        count, _ = map(int, (await usb.ask("beats")).split())
    assert status == 0
    assert count >= took_us // 10_000 > 10


EDGE_US = 2**40  # 12.7 days


async def test_an_alarm_beyond_a_fortnight_leaves_the_core_some_instructions(tmp_path: Path) -> None:
    """The core takes what is due before each instruction: an interrupt that does not end leaves it none."""
    options = (
        "--image",
        str(CHECK),
        "--usb",
        f"unix:{tmp_path / 'usb'}",
        "--uart",
        f"unix:{tmp_path / 'uart'}",
    )
    times = ("--ahead", str(EDGE_US - 1_000_000), "--steps-from", str(EDGE_US - 10_000))
    async with powered(tmp_path / "flash", *options, *times) as chip, opened(chip.usb) as usb:
        assert await usb.ask("watchdog 1000") == "watchdog 1000"
        assert (await usb.ask("wait 1100")).startswith("late ")
        assert int(await usb.ask("now"), 16) > EDGE_US
        assert await usb.ask("cause") == "1"
