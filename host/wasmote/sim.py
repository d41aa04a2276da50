"""Emulated boards as processes: the native board as it is, others in QEMU or in an emulator of ours.

All say by themselves when they can be reached - QEMU by the greeting of its monitor protocol (QMP), which
comes when the UART's socket listens, the others by their first line - so nothing here waits by the clock.

Time on a board passes by what the board does, not by how long this machine takes for it, so that neither
its watchdog nor a module's time budget runs out because this machine has other work: QEMU counts
instructions (-icount), the others the processor time that they got. While a board sleeps, time passes by
this machine's clock.

A board ends with the program that started it, however that ends: setpriv has the kernel see to it. The
terminal's Ctrl-C does not reach it, so that whoever started it can end things in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
import tomllib
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from wasmote.cancellation import ends_within
from wasmote.errors import DeviceNotFound, NoAnswer, UsageFault, WasmoteError
from wasmote.flash.images import CHECKOUT, PACKAGED, board_files, native_image
from wasmote.flash_map import FlashMap

ROOT = CHECKOUT  # emulated boards run what was built there
START_TIMEOUT_S = 120.0  # until a board can be reached, on a very busy machine
INSTRUCTION_NS_LOG2 = 3  # 8 ns, about what the chips take at least: 1 / 168 MHz to 1 / 100 MHz
STOP_TIMEOUT_S = 5.0  # until a board that was asked to end is made to
LAST_WORDS_BYTES = 4096  # of what a board writes on standard output and error, kept for messages
QEMU_PACKAGES = {"qemu-system-arm": "qemu-system-arm", "qemu-system-riscv32": "qemu-system-misc"}

_log = logging.getLogger("wasmote.sim")


class SimulatorFault(WasmoteError):
    """The emulator ended or did not start."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One of QEMU's machines: the program that has it, its options, and which serial port the link is on."""

    program: str
    name: str
    options: tuple[str, ...]
    serial: int

    @classmethod
    def of(cls, emulator: dict[str, Any]) -> Self:
        """Read board.toml's [emulator]."""
        options = tuple(emulator.get("options", ()))
        return cls(emulator["program"], emulator["machine"], options, emulator["serial"])


@dataclass(frozen=True, slots=True)
class BoardImage:
    """What to run: a board, its image and flash, and by what: a QEMU machine, or a module of this checkout.

    With neither the image is a Linux program.
    """

    board: str
    machine: Machine | None
    module: str | None
    path: Path
    flash: FlashMap

    @property
    def is_program(self) -> bool:
        """Whether it runs as it is, a Linux process, and has its link on UDP."""
        return self.machine is None and self.module is None

    @classmethod
    def find(cls, board: str, image: Path | None = None) -> Self:
        """Look a board up; `image` is run instead of what `make firmware` built, or the wheel brought.

        `board` is its name, or a beginning that no other board's name has.
        Raises `UsageFault` for a board that cannot be emulated, `DeviceNotFound` without an image.
        """
        files = board_files()
        board = _whole_name(board, list(files))
        data = tomllib.loads(files[board].read_text(encoding="utf-8"))
        emulator = data.get("emulator")
        if emulator is None and data["family"] != "native":
            raise UsageFault(f"nothing here emulates a {board}")
        module = emulator.get("module") if emulator else None
        path = image or _image_of(board, emulator)
        if not path.is_file():
            raise DeviceNotFound(f"there is no image {path}", f"build it: make firmware BOARD={board}")
        machine = Machine.of(emulator) if emulator and module is None else None
        return cls(board, machine, module, path.resolve(), FlashMap.of(data))


def _image_of(board: str, emulator: dict[str, Any] | None) -> Path:
    if not PACKAGED.is_dir():
        return ROOT / "build" / board / _image_name(emulator)
    if emulator:
        raise UsageFault(
            f"{board} is emulated in a checkout only: the installed package has no emulator for it",
            "wasmote sim native runs here; for others clone the repository, and run tools/setup there",
        )
    return native_image()


def _whole_name(board: str, names: list[str]) -> str:
    meant = [name for name in names if name.startswith(board)]
    if board in names:
        return board
    if len(meant) != 1:
        raise UsageFault(f"there is no board {board}", f"one of: {', '.join(meant or names)}")
    return meant[0]


def _image_name(emulator: dict[str, Any] | None) -> str:
    """Return what the build calls the image: the one that ships, unless QEMU needs another."""
    if emulator and "module" in emulator:
        return "firmware.bin"
    return "firmware-qemu.elf" if emulator and emulator["replaces"] else "firmware.elf"


class Simulator:
    """A running emulated board. Leave it with `async with`, or call `stop()`.

    `without_modules`: whether the boot escape is held when it starts the next time, or is reset.
    `has_loader`: whoever runs this stands in for the chip's ROM, and QEMU's end is what starts that.
    """

    def __init__(
        self, image: BoardImage, instance: int, port: int | None, count_instructions: bool, skip_idle: bool
    ) -> None:
        self.board = image.board
        self.url = ""  # the link to use
        self.serial_url: str | None = None  # slipmux, where that is another one
        self._image = image
        self._instance = instance
        self._port = port
        self._count_instructions = count_instructions
        self._skip_idle = skip_idle
        self._slow_flash = False
        self._clock_us = 0
        self.without_modules = False
        self.has_loader = False
        self._folder = tempfile.TemporaryDirectory(prefix="wasmote-")
        self._flash = Path(self._folder.name) / "flash"  # what the board's flash holds: it outlives a restart
        self._process: Process | None = None
        self._outputs: list[asyncio.Task[str]] = []  # standard error and output, read to their ends

    @classmethod
    async def start(
        cls,
        board: str,
        *,
        instance: int = 0,
        port: int | None = None,
        image: Path | None = None,
        flash: Path | None = None,
        count_instructions: bool = False,
        skip_idle: bool = False,
        slow_flash: bool = False,
        clock_us: int = 0,
        keys: Sequence[bytes] = (),
        without_modules: bool = False,
        has_loader: bool = False,
    ) -> Self:
        """Start a board and return when it can be reached.

        `instance` tells several boards of a kind apart (it goes into the unique id). `port` is where it
        listens on 127.0.0.1: UDP for native, TCP for others; without it native takes any free port and the
        others a Unix socket. `flash` is a file for the board's flash, which then outlives the simulator.
        `count_instructions` makes time on a QEMU board pass by 1 ns an instruction, not 8; `skip_idle` has it
        jump while the board sleeps, where it else passes by this machine's clock. With `slow_flash` a QEMU
        board's erases take the datasheet's longest times, not the typical ones. `clock_us` is what its clock
        starts at, after a reset too, in the place of 0: what shows after years. `keys` are the public keys
        that it is flashed with; without any a new one starts in development mode. Raises `UsageFault`, also
        for keys where the flash is not new, `DeviceNotFound`, `SimulatorFault`, `NoAnswer`.
        """
        simulator = cls(BoardImage.find(board, image), instance, port, count_instructions, skip_idle)
        simulator._flash = flash or simulator._flash
        simulator.without_modules = without_modules
        simulator.has_loader = has_loader
        simulator._slow_flash = slow_flash
        simulator._clock_us = clock_us
        try:
            simulator._make_executable()
            simulator._image.flash.make(simulator._flash, keys)
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
        self._process = await asyncio.create_subprocess_exec(
            *_ending_with_us(self._command()), stdin=PIPE, stdout=PIPE, stderr=PIPE, process_group=0
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._outputs = [asyncio.create_task(_last_words(self._process.stderr))]
        try:
            async with asyncio.timeout(START_TIMEOUT_S):  # wait_for of Python 3.11 may lose a cancellation
                greeting = await self._greeting(self._process.stdout)
        except TimeoutError:
            await self.kill()
            raise NoAnswer(f"the {self.board} did not come up within {START_TIMEOUT_S:.0f} s") from None
        except BaseException:
            await self.kill()
            raise
        self._outputs.append(asyncio.create_task(_last_words(self._process.stdout)))
        if self._image.module:
            self.url, self.serial_url = greeting["usb"], greeting["uart"]
        elif not self._image.machine:
            self._note_native_links(greeting)

    def _command(self) -> list[str]:
        if self._image.module:
            return self._module_command(self._image.module)
        return self._qemu_command(self._image.machine) if self._image.machine else self._native_command()

    async def kill(self) -> None:
        """End it at once, as a power cut does."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to end, make it end when it has not within STOP_TIMEOUT_S, and remove what it left.

        A hung native board does not hear SIGTERM: it takes signals where it sleeps, in its event loop.
        """
        await self._end(signal.SIGTERM)
        self._folder.cleanup()

    async def wait(self) -> None:
        """Wait until it ends by itself. Raises `SimulatorFault` with its last words where it failed."""
        status = await self.process.wait()
        if status:
            how = f"with status {status}" if status > 0 else f"by {signal.Signals(-status).name}"
            raise SimulatorFault(f"the {self.board} ended {how}", await self._outputs[0])

    async def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        if not await ends_within(STOP_TIMEOUT_S, self._process.wait()):
            _log.warning("the %s hangs: killed %g s after %s", self.board, STOP_TIMEOUT_S, number.name)
            self._process.kill()
            await self._process.wait()
        await asyncio.gather(*self._outputs)
        self._close_pipes()
        self._process = None

    def _close_pipes(self) -> None:
        """Close the transport now: asyncio would do it at some later turn of the loop, or never."""
        transport: asyncio.SubprocessTransport = self.process._transport  # type: ignore[attr-defined]
        transport.close()

    async def _greeting(self, output: asyncio.StreamReader) -> dict[str, Any]:
        """Read the first line."""
        try:
            line = await output.readline()
            greeting = json.loads(line or "{}")
        except ValueError as fault:  # no JSON, or no end of line within the reader's limit
            raise SimulatorFault(
                f"{self._image.path}: is no {self.board} that tells how it is reached",
                f"build it: make firmware BOARD={self.board}",
            ) from fault
        if not line:
            await self.process.wait()
            raise SimulatorFault(f"the {self.board} ended while it started", await self._outputs[0])
        return dict(greeting)

    # native

    def _make_executable(self) -> None:
        """Run a copy where the image may not be run: a wheel's files need not be executable."""
        path = self._image.path
        if self._image.machine or self._image.module or os.access(path, os.X_OK):
            return
        copy = Path(self._folder.name) / path.name
        shutil.copyfile(path, copy)
        copy.chmod(0o700)
        self._image = replace(self._image, path=copy)

    def _native_command(self) -> list[str]:
        unique_id = f"native-{self._instance}".encode().hex()
        options = ("--id", unique_id, "--udp", str(self._port or 0), "--flash", str(self._flash))
        escape = ("--without-modules",) if self.without_modules else ()
        return [str(self._image.path), *options, *escape, "--clock", str(self._clock_us)]

    def _note_native_links(self, greeting: dict[str, Any]) -> None:
        self._port = int(greeting["udp"])  # the same after a restart
        self.url = f"coap://127.0.0.1:{self._port}"
        self.serial_url = f"serial://{greeting['pty']}"

    # an emulator of ours

    def _module_command(self, module: str) -> list[str]:
        folder = Path(self._folder.name)
        usb = f"unix:{folder / 'usb'}" if self._port is None else f"tcp:{self._port}"
        return [
            *("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", module),
            *("--flash", str(self._flash), "--image", str(self._image.path)),
            *("--mac", f"02{self._instance:010x}", "--usb", usb, "--uart", f"unix:{folder / 'uart'}"),
            *(("--without-modules",) if self.without_modules else ()),
            *("--ahead", str(self._clock_us)),
        ]

    # QEMU

    def _qemu_command(self, machine: Machine) -> list[str]:
        program = _installed(machine.program, QEMU_PACKAGES.get(machine.program, machine.program))
        if self._port is None:
            socket = Path(self._folder.name) / "uart"
            self.url, chardev = f"unix:{socket}", f"path={socket}"
        else:
            self.url, chardev = f"tcp://127.0.0.1:{self._port}", f"host=127.0.0.1,port={self._port}"
        unique_id = f"qemu-{self._instance:07d}".encode().hex()  # 96 bits, as on the chip
        seed = secrets.token_hex(8)  # QEMU has no entropy for this machine
        shift = 0 if self._count_instructions else INSTRUCTION_NS_LOG2
        counting = ("-icount", f"shift={shift},sleep={'off' if self._skip_idle else 'on'}")
        unconnected = ("-serial", "null") * machine.serial
        return [
            *(program, "-machine", machine.name, *machine.options, "-kernel", str(self._image.path)),
            *counting,
            *("-nodefaults", "-display", "none", "-qmp", "stdio"),
            *("-chardev", f"socket,id=uart,server=on,wait=off,{chardev}"),
            *(*unconnected, "-serial", "chardev:uart"),
            *(
                "-semihosting-config",
                f"enable=on,target=native,arg=wasmote,arg=id={unique_id},arg=seed={seed},"
                f"arg=flash={self._flash},arg=without-modules={self.without_modules:d}"
                f",arg=flash-slow={self._slow_flash:d},arg=clock={self._clock_us}"
                + (",arg=loader=1" if self.has_loader else ""),
            ),
        ]


def _installed(program: str, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise DeviceNotFound(f"{program} is not installed", f"sudo apt-get install {package}")
    return path


def _ending_with_us(command: list[str]) -> list[str]:
    """Have the kernel kill the program when we die, even by SIGKILL (prctl(2), PR_SET_PDEATHSIG)."""
    return [_installed("setpriv", package="util-linux"), "--pdeathsig", "KILL", "--", *command]


async def _last_words(output: asyncio.StreamReader) -> str:
    """Read to the end, so that the pipe never fills up and holds the board; return what came last."""
    words = b""
    while chunk := await output.read(LAST_WORDS_BYTES):
        words = (words + chunk)[-LAST_WORDS_BYTES:]
    return words.decode(errors="replace").strip()
