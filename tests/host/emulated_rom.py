"""An STM32 in its boot loader (hil/stm32_rom) that lives in a thread, for clients that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from hil.stm32_rom.board import EmulatedBoard

Result = TypeVar("Result")


class RomThread:
    """The board, and the loop that it lives in."""

    def __init__(self, board: EmulatedBoard, loop: asyncio.AbstractEventLoop) -> None:
        self.board = board
        self.port = board.port
        self.rom = board.rom
        self.flash = board.rom.flash
        self._loop = loop

    def call(self, function: Callable[[], Awaitable[Result]]) -> Result:
        """Run a coroutine function in its loop, and wait for the result."""

        async def run() -> Result:
            return await function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()


@contextmanager
def emulated_rom(name: str, path: Path | None = None, *, extended: bool = True) -> Iterator[RomThread]:
    """Run a board of boards/ in its boot loader as long as this lasts."""
    ready: list[RomThread] = []
    is_ready = threading.Event()
    ends: list[Callable[[], object]] = []

    async def live() -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        async with EmulatedBoard.of(name, path, extended=extended) as board:
            ready.append(RomThread(board, loop))
            ends.append(lambda: loop.call_soon_threadsafe(end.set))
            is_ready.set()
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(live(),), name=f"boot loader of {name}")
    thread.start()
    is_ready.wait()
    try:
        yield ready[0]
    finally:
        ends[0]()
        thread.join()
