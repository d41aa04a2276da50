"""Starts the emulated chip as a process, as a program on a bench would."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from wasmote.sim import ROOT

REPEAT_S = 0.25
CHECK = ROOT / "build/esp32c3-devkitm/check.bin"


@dataclass(frozen=True)
class Chip:
    """A running chip: the URLs of its ports."""

    usb: str
    uart: str

    @property
    def usb_device(self) -> str:
        """The path of a pty."""
        return self.usb.removeprefix("serial://")


@asynccontextmanager
async def powered(flash: Path, *options: str) -> AsyncIterator[Chip]:
    """Give it power for as long as this lasts; its ports are ptys unless the options say otherwise."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hil.esp32c3", "--flash", str(flash), *options, cwd=ROOT, stdout=PIPE
    )
    try:
        assert process.stdout is not None
        yield Chip(**json.loads(await process.stdout.readline()))
    finally:
        process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


class Line:
    """A serial line of the self-test program (tests/boards/check.c)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    async def is_there(self) -> bool:
        """Ask once; UART0 forgets what came before the program has started it."""
        try:
            await asyncio.wait_for(self.ask("sync"), REPEAT_S)
        except TimeoutError:
            return False
        return True

    async def exactly(self, count: int) -> bytes:
        """Read bytes as they are."""
        return await self._reader.readexactly(count)

    async def until(self, wanted: str) -> None:
        """Read lines up to this one."""
        while (await self._reader.readline()).decode(errors="replace").strip() != wanted:
            pass

    async def ask(self, question: str) -> str:
        """Send a line and return the next that comes."""
        self.writer.write(question.encode() + b"\n")
        return (await self._reader.readline()).decode(errors="replace").strip()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Line]:
    """Connect to a port with unix:PATH; what was said before is skipped."""
    reader, writer = await asyncio.open_unix_connection(url.removeprefix("unix:"))
    line = Line(reader, writer)
    try:
        while not await line.is_there():
            pass
        writer.write(b"synced\n")
        await line.until("unknown: synced")
        yield line
    finally:
        writer.close()
