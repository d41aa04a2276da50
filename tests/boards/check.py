"""Talks to the self-test program (check.c) over a board's serial line: lines, and raw bytes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

from wasmote.link.ports import open_port
from wasmote.link.url import parse_link
from wasmote.sim import ROOT, Simulator

IMAGES = {
    "native": "build/native-asan/check.elf",
    "netduinoplus2": "build/netduinoplus2/check-qemu.elf",
    "netduino2": "build/netduino2/check-qemu.elf",
    "qemu-rv32": "build/qemu-rv32/check.elf",
    "esp32c3-devkitm": "build/esp32c3-devkitm/check.bin",
}
UNIQUE_IDS = {"native": b"native-7", "esp32c3-devkitm": bytes.fromhex("020000000007")}  # of instance 7


def image_of(board: str) -> Path:
    """Where the build puts the program, `make firmware BOARD=... APP=check`."""
    return ROOT / IMAGES[board]


REPEAT_S = 0.25  # as a CoAP client repeats a request


class Check:
    """One connection to the program."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._reader = asyncio.StreamReader()
        self._transport: asyncio.Transport

    @classmethod
    async def connect(cls, simulator: Simulator) -> Self:
        """Open the serial line; what the program said before is skipped."""
        check = cls(simulator)
        is_datagrams = simulator.url.startswith("coap:")
        link = parse_link(simulator.serial_url if simulator.serial_url and is_datagrams else simulator.url)
        check._transport = await open_port(link, lambda: asyncio.StreamReaderProtocol(check._reader))
        while not await check._is_there():
            pass
        check.send("synced")
        await check.until("unknown: synced")
        return check

    async def _is_there(self) -> bool:
        """Ask once; a UART loses what comes before the program has started it."""
        self.send("sync")
        try:
            await asyncio.wait_for(self.line(), REPEAT_S)
        except TimeoutError:
            return False
        return True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.abort()

    def send(self, line: str) -> None:
        self._transport.write(line.encode() + b"\n")

    async def line(self) -> str:
        return (await self._reader.readline()).decode().rstrip("\n")

    async def until(self, wanted: str) -> None:
        while await self.line() != wanted:
            pass

    async def ask(self, line: str) -> str:
        self.send(line)
        return await self.line()

    async def echo(self, data: bytes) -> bytes:
        self.send(f"echo {len(data)}")
        self._transport.write(data)
        return await self._reader.readexactly(len(data))
