"""The boot loader in an ESP32's ROM: Espressif's esptool, as everybody uses it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from wasmote.errors import NoAnswer, VerificationRefused, WasmoteError
from wasmote.flash.board import FlashBoard, RunnerData
from wasmote.flash.plan import Plan
from wasmote.flash.port import try_port
from wasmote.flash.runner import Entry, FlashFault, FlashProtected, Progress, Report, Step, WrongChip
from wasmote.flash.tool import ToolFailed, find_module, run

BAUD = 460_800  # esptool changes to it once it has connected; USB has none
DIRECT_BOOT_REVISION = (0, 3)  # older chips do not start an image that has no second boot loader before it

FORCE_DOWNLOAD = 0x600080F4  # RTC_CNTL_OPTION1 of an ESP32-C3: every reset but that of power keeps it

_CHIP = re.compile(r"(?:Chip type|Chip is):?\s+(.+)")
_REVISION = re.compile(r"revision v(\d+)\.(\d+)")
_ERASING = "Flash will be erased"  # what it says before it does
_WRITING = re.compile(r"Writing at (0x[0-9a-f]+)")
_VERIFIED = "Hash of data verified"


class Esptool:
    """Flashes over the chip's USB or UART; `target` is what esptool calls the chip.

    Unless DTR and RTS are the entry into the boot loader, the chip is there already.
    """

    def __init__(self, board: FlashBoard, way: RunnerData, port: str, *, entry: Entry = Entry.LINES) -> None:
        self._board = board
        self._way = way
        self._port = port
        self._entry = entry
        self._program = find_module("esptool")
        self._folder = tempfile.TemporaryDirectory(prefix="wasmote-esp-")
        self._verified = 0

    def command(self, after: str, *arguments: str) -> list[str]:
        """Return the command line; `after` is what esptool does with the chip, where it can, at its end."""
        resets = ("default-reset", after) if self._entry is Entry.LINES else ("no-reset", "no-reset")
        chip = ("--chip", self._way.target, "--port", self._port)
        return [*self._program, *chip, "--before", resets[0], "--after", resets[1], *arguments]

    def probe(self) -> str:
        """Have esptool compare the chip with the one it is to be, and ask for its revision."""
        try_port(self._port)
        said = self._run(self.command("no-reset", "flash-id"))
        chip, revision = _CHIP.search(said), _REVISION.search(said)
        if revision and (int(revision[1]), int(revision[2])) < DIRECT_BOOT_REVISION:
            raise WrongChip(
                f"{self._port}: this chip, of revision {revision[1]}.{revision[2]}, cannot start our image",
                "nothing was changed; revision 0.3 or newer is needed",
            )
        return chip[1].strip() if chip else self._way.target

    def flash(self, plan: Plan, report: Report) -> None:
        """Have esptool erase what is needed, write, and compare MD5 sums.

        It resets the chip into its loader again: without that, DTR and RTS are not such that it can start the
        chip in the end.
        """
        files = []
        for number, segment in enumerate(sorted(plan.segments, key=lambda segment: segment.address)):
            path = Path(self._folder.name) / f"{number}.bin"
            path.write_bytes(segment.data)
            files += [f"{segment.address - self._board.origin:#x}", str(path)]
        listener = _Listener(plan, self._board.origin, report)
        command = self.command("hard-reset", "--baud", str(BAUD), "write-flash")
        said = self._run([*command, *files], listener.line)
        self._verified = said.count(_VERIFIED)
        report(Progress(Step.WRITE, plan.size, plan.size))

    def verify(self, plan: Plan, report: Report) -> None:
        """See that esptool has compared all that it wrote, by sums that the chip makes of its flash."""
        if self._verified != len(plan.segments):
            raise VerificationRefused(
                f"{self._port}: esptool has verified {self._verified} of {len(plan.segments)} parts",
                "flash again",
            )
        report(Progress(Step.VERIFY, plan.size, plan.size))

    def start(self) -> None:
        """Have a chip that its firmware sent here start; others were reset when all was written.

        The bit that the firmware has set would bring the chip back here. Then a watchdog resets it, which is
        the reset that needs no line.
        """
        if self._entry is Entry.NODE:
            port = ("--chip", self._way.target, "--port", self._port)
            resets = ("--before", "no-reset", "--after", "watchdog-reset", "--no-stub")
            self._run([*self._program, *port, *resets, "write-mem", f"{FORCE_DOWNLOAD:#x}", "0"])

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def _run(self, command: list[str], listen: Callable[[str], None] = lambda _: None) -> str:
        try:
            return run(command, listen)
        except ToolFailed as fault:
            raise self._explain(fault) from fault

    def _explain(self, fault: ToolFailed) -> WasmoteError:
        said = fault.said
        if wrong := re.search(r"This chip is (.+?), not (.+?)\.", said):
            return WrongChip(
                f"{self._port}: this chip is an {wrong[1]}, that of {self._board.name} is an {wrong[2]}",
                "nothing was changed; name the board that is plugged in",
            )
        if "No serial data received" in said or "Failed to connect" in said:
            return NoAnswer(
                f"{self._port}: no boot loader answers", f"{self._way.enter}; then try again with --no-reset"
            )
        if "MD5 of file does not match" in said or "flash region is empty" in said:
            return VerificationRefused(
                f"{self._port}: the flash does not hold what was written", "flash again"
            )
        if "Secure" in said and "enabled" in said:
            return FlashProtected(f"{self._port}: the chip is in a secure mode:\n{said}")
        if not Path(self._port).exists() and "://" not in self._port:
            return FlashFault(f"{self._port}: the port is gone: was it unplugged?")
        return fault


class _Listener:
    """Makes progress of what esptool prints."""

    def __init__(self, plan: Plan, origin: int, report: Report) -> None:
        self._plan = plan
        self._origin = origin
        self._report = report
        self._begun = False

    def line(self, text: str) -> None:
        """Take a line: where it writes is how far it is, parts before that included."""
        if text.startswith(_ERASING) and not self._begun:
            self._begun = True
            self._report(Progress(Step.WRITE, 0, self._plan.size))
        elif at := _WRITING.search(text):
            address = int(at[1], 16) + self._origin
            done = sum(max(0, min(segment.end, address) - segment.address) for segment in self._plan.segments)
            self._report(Progress(Step.WRITE, done, self._plan.size))
