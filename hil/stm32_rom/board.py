"""A chip in its boot loader behind a pseudo-terminal; told to start the program, it is that program.

Where that starts the loader, it is in its loader again: QEMU ends then.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from pathlib import Path
from typing import Self

from hil.stm32_rom.flash import NorFlash
from hil.stm32_rom.protocol import Rom
from wasmote.flash.board import FlashBoard
from wasmote.sim import ROOT, Simulator

READ_BYTES = 4096


class EmulatedBoard:
    """A board with BOOT0 high. Leave it with `async with`.

    `path` keeps the flash when the program is to run: QEMU takes it from there, and goes on writing it.
    """

    def __init__(self, board: FlashBoard, rom: Rom, path: Path | None = None) -> None:
        self.rom = rom
        self.bytes_in = self.bytes_out = self.round_trips = 0
        self.unplug_after: int | None = None  # bytes that it still takes
        self.unplugged = asyncio.Event()
        self._board = board
        self._path = path
        self._controller, self._terminal = os.openpty()
        tty.setraw(self._terminal)
        self.port = os.ttyname(self._terminal)
        self._program: asyncio.Task[None] | None = None
        self._simulator: Simulator | None = None
        self._uart: asyncio.StreamWriter | None = None

    @classmethod
    def of(cls, name: str, path: Path | None = None, *, extended: bool = True) -> Self:
        """A board of boards/, its flash as in the file, else erased."""
        board = FlashBoard.read(ROOT / "boards" / name / "board.toml")
        if board.chip_id is None:
            raise ValueError(f"{name} has no STM32")
        flash = NorFlash(board.origin, [sector.size for sector in board.sectors])
        if path is not None:
            flash.load(path)
        return cls(board, Rom(board.chip_id, flash, extended=extended), path)

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._controller, self._readable)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop_program()
        self.unplug()

    async def reset_into_loader(self) -> None:
        """Press reset with BOOT0 high: the program ends, the loader waits."""
        await self._stop_program()
        if self._path is not None:
            self.rom.flash.load(self._path)
        self.rom.reset()

    async def _stop_program(self) -> None:
        if self._program is not None:
            self._program.cancel()
            await asyncio.wait([self._program])
        if self._uart is not None:
            self._uart.close()
        if self._simulator is not None:
            await self._simulator.stop()
        self._program = self._simulator = self._uart = None

    def unplug(self) -> None:
        """Take the terminal away, as a pulled cable does."""
        if not self.unplugged.is_set():
            asyncio.get_running_loop().remove_reader(self._controller)
            os.close(self._terminal)
            os.close(self._controller)
            self.unplugged.set()

    def _readable(self) -> None:
        data = os.read(self._controller, READ_BYTES)
        if self._uart is not None:
            self._uart.write(data)
            return
        if self.unplug_after is not None:
            self.unplug_after -= len(data)
            if self.unplug_after < 0:
                self.unplug()
                return
        replies = self.rom.feed(data)
        self.bytes_in += len(data)
        self.bytes_out += len(replies)
        self.round_trips += bool(replies)
        os.write(self._controller, replies)
        if self.rom.started is not None and self._path is not None and self._program is None:
            self._path.write_bytes(self.rom.flash.content)
            self._program = asyncio.create_task(
                self._run(self._path), name=f"the program of {self._board.name}"
            )

    async def _run(self, path: Path) -> None:
        """Run what the flash holds; bytes of the terminal go to its UART, and back."""
        self._simulator = await Simulator.start(self._board.name, image=path, flash=path, has_loader=True)
        reader, self._uart = await asyncio.open_unix_connection(self._simulator.url.removeprefix("unix:"))
        with contextlib.suppress(OSError):
            while data := await reader.read(READ_BYTES):
                os.write(self._controller, data)
        simulator, uart = self._simulator, self._uart
        self._program = self._simulator = self._uart = None
        uart.close()
        await simulator.stop()
        self.rom.flash.load(path)
        self.rom.reset()
