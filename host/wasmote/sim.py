"""Emulated boards as processes: the native board as it is, the others in QEMU.

Both say by themselves when they can be reached - the native board by its first line, QEMU by the greeting of
its monitor protocol (QMP), which comes when the UART's socket listens - so nothing here waits by the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import signal
import tempfile
import tomllib
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from wasmote.errors import DeviceNotFound, NoAnswer, UsageFault, WasmoteError

ROOT = Path(__file__).resolve().parents[2]  # of the checkout: emulated boards run what was built there
START_TIMEOUT_S = 20.0  # until a board can be reached, on a busy machine
QEMU = "qemu-system-arm"


class SimulatorFault(WasmoteError):
    """The emulator ended or did not start."""


@dataclass(frozen=True, slots=True)
class BoardImage:
    """What to run: a board's name, its QEMU machine (None: the image is a Linux program) and image file."""

    board: str
    machine: str | None
    path: Path

    @classmethod
    def find(cls, board: str, image: Path | None = None) -> Self:
        """Look a board up in boards/; `image` is run instead of what `make firmware` built.

        Raises `UsageFault` for a board that cannot be emulated, `DeviceNotFound` without an image.
        """
        description = ROOT / "boards" / board / "board.toml"
        if not description.is_file():
            names = ", ".join(sorted(path.parent.name for path in ROOT.glob("boards/*/board.toml")))
            raise UsageFault(f"there is no board {board}", f"one of: {names}")
        data = tomllib.loads(description.read_text())
        machine = data.get("emulator", {}).get("machine")
        if machine is None and data["family"] != "native":
            raise UsageFault(f"nothing here emulates a {board}")
        path = image or ROOT / "build" / board / ("firmware.elf" if machine is None else "firmware-qemu.elf")
        if not path.is_file():
            raise DeviceNotFound(f"there is no image {path}", f"build it: make firmware BOARD={board}")
        return cls(board, machine, path)


class Simulator:
    """A running emulated board. Leave it with `async with`, or call `stop()`."""

    def __init__(self, image: BoardImage, instance: int, port: int | None, count_instructions: bool) -> None:
        self.board = image.board
        self.url = ""  # the link to use
        self.serial_url: str | None = None  # slipmux, where that is another one
        self._image = image
        self._instance = instance
        self._port = port
        self._count_instructions = count_instructions
        self._folder = tempfile.TemporaryDirectory(prefix="wasmote-")
        self._process: Process | None = None
        self._errors: asyncio.Task[bytes] | None = None

    @classmethod
    async def start(
        cls,
        board: str,
        *,
        instance: int = 0,
        port: int | None = None,
        image: Path | None = None,
        count_instructions: bool = False,
    ) -> Self:
        """Start a board and return when it can be reached.

        `instance` tells several boards of a kind apart (it goes into the unique id). `port` is where it
        listens on 127.0.0.1: UDP for native, TCP for QEMU; without it native takes any free port and QEMU a
        Unix socket. `count_instructions` makes time on a QEMU board pass by 1 ns an instruction. Raises
        `UsageFault`, `DeviceNotFound`, `SimulatorFault`, `NoAnswer`.
        """
        simulator = cls(BoardImage.find(board, image), instance, port, count_instructions)
        try:
            await simulator.restart()
        except BaseException:
            simulator._folder.cleanup()
            raise
        return simulator

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def process(self) -> Process:
        """The process that runs now."""
        if self._process is None:
            raise SimulatorFault(f"the {self.board} is not running")
        return self._process

    async def restart(self) -> None:
        """Start it (again), on the same link: what a board does when its power comes back."""
        command = self._qemu_command() if self._image.machine else self._native_command()
        self._process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        assert self._process.stderr is not None
        self._errors = asyncio.create_task(self._process.stderr.read())
        try:
            greeting = await asyncio.wait_for(self._first_line(), START_TIMEOUT_S)
        except TimeoutError:
            await self.kill()
            raise NoAnswer(f"the {self.board} did not come up within {START_TIMEOUT_S:.0f} s") from None
        if not self._image.machine:
            self._note_native_links(greeting)

    async def kill(self) -> None:
        """End it at once, as a power cut does."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """End it, and remove what it left."""
        await self._end(signal.SIGTERM)
        self._folder.cleanup()

    async def wait(self) -> int:
        """Wait until it ends by itself; return its exit status."""
        return await self.process.wait()

    async def _end(self, number: signal.Signals) -> None:
        if self._process is None or self._errors is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        await self._process.wait()
        await self._errors
        self._close_pipes()
        self._process = None

    def _close_pipes(self) -> None:
        """Close the transport now: asyncio would do it at some later turn of the loop, or never."""
        transport: asyncio.SubprocessTransport = self.process._transport  # type: ignore[attr-defined]
        transport.close()

    async def _first_line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            await self.process.wait()
            assert self._errors is not None
            words = (await self._errors).decode(errors="replace").strip()
            raise SimulatorFault(f"the {self.board} ended while it started", words)
        greeting: dict[str, Any] = json.loads(line)
        return greeting

    # native

    def _native_command(self) -> list[str]:
        unique_id = f"native-{self._instance}".encode().hex()
        return [str(self._image.path), "--id", unique_id, "--udp", str(self._port or 0)]

    def _note_native_links(self, greeting: dict[str, Any]) -> None:
        self._port = int(greeting["udp"])  # the same after a restart
        self.url = f"coap://127.0.0.1:{self._port}"
        self.serial_url = f"serial://{greeting['pty']}"

    # QEMU

    def _qemu_command(self) -> list[str]:
        program = shutil.which(QEMU)
        if program is None:
            raise DeviceNotFound(f"{QEMU} is not installed", "sudo apt-get install qemu-system-arm")
        assert self._image.machine is not None
        if self._port is None:
            socket = Path(self._folder.name) / "uart"
            self.url, chardev = f"unix:{socket}", f"path={socket}"
        else:
            self.url, chardev = f"tcp://127.0.0.1:{self._port}", f"host=127.0.0.1,port={self._port}"
        unique_id = f"qemu-{self._instance:07d}".encode().hex()  # 96 bits, as on the chip
        seed = secrets.token_hex(8)  # QEMU has no entropy for this machine
        counting = ("-icount", "shift=0") if self._count_instructions else ()
        return [
            *(program, "-machine", self._image.machine, "-kernel", str(self._image.path)),
            *counting,
            *("-nodefaults", "-display", "none", "-qmp", "stdio"),
            *("-chardev", f"socket,id=uart,server=on,wait=off,{chardev}", "-serial", "chardev:uart"),
            *(
                "-semihosting-config",
                f"enable=on,target=native,arg=wasmote,arg=id={unique_id},arg=seed={seed}",
            ),
        ]
