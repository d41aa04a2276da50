"""A debug probe - ST-LINK, CMSIS-DAP, J-Link - with pyocd."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from wasmote.errors import DeviceNotFound, PermissionRefused, UsageFault, VerificationRefused, WasmoteError
from wasmote.flash.board import FlashBoard, RunnerData
from wasmote.flash.image import Segment
from wasmote.flash.plan import Plan
from wasmote.flash.runner import FlashFault, FlashProtected, Progress, Report, Step, WrongChip
from wasmote.flash.tool import ToolFailed, find_module, run

DBGMCU_IDCODE = 0xE0042000  # of Cortex-M3 and M4 chips: RM0090 section 38.6.1
DEV_ID = 0xFFF

_WORD = re.compile(r"^e0042000:\s+([0-9a-f]{8})\b", re.MULTILINE | re.IGNORECASE)
_SAME = re.compile(r"All \d+ bytes match")


def probes(listed: str) -> list[dict[str, Any]]:
    """Parse `pyocd json --probes`."""
    try:
        return list(json.loads(listed)["boards"])
    except (ValueError, KeyError, TypeError) as fault:
        raise FlashFault(
            f"pyocd lists its probes in a way that is not understood: {listed[:80]!r}"
        ) from fault


def hex_file(segments: tuple[Segment, ...]) -> str:
    """Return segments as Intel HEX."""
    lines = []
    for segment in segments:
        at = segment.address
        while at < segment.end:
            end = min(segment.end, at + 16, (at | 0xFFFF) + 1)
            if at == segment.address or at % 0x10000 == 0:
                lines.append(_record(4, 0, (at >> 16).to_bytes(2, "big")))
            lines.append(_record(0, at & 0xFFFF, segment.data[at - segment.address : end - segment.address]))
            at = end
    return "\n".join([*lines, _record(1, 0, b""), ""])


def _record(kind: int, address: int, data: bytes) -> str:
    record = bytes([len(data), *address.to_bytes(2, "big"), kind]) + data
    return f":{record.hex().upper()}{-sum(record) & 0xFF:02X}"


class Pyocd:
    """Flashes through a debug probe; `target` is what pyocd calls the chip."""

    def __init__(self, board: FlashBoard, way: RunnerData, serial_number: str | None) -> None:
        self._board = board
        self._way = way
        self._serial_number = serial_number
        self._program = find_module("pyocd")
        self._folder = tempfile.TemporaryDirectory(prefix="wasmote-pyocd-")

    def command(self, verb: str, *arguments: str, target: str | None = None) -> list[str]:
        """Return the command line for the one probe."""
        which = ("--uid", self._serial_number) if self._serial_number else ()
        return [*self._program, verb, "--no-wait", "--target", target or self._way.target, *which, *arguments]

    def probe(self) -> str:
        """Read the chip's id, as what every Cortex-M is: the pack is not needed for that."""
        found = probes(run([*self._program, "json", "--probes"]))
        mine = [entry for entry in found if self._serial_number in (None, entry.get("unique_id"))]
        if not mine:
            raise DeviceNotFound(
                "pyocd finds no debug probe", f"{self._way.enter}; `wasmote doctor` looks why"
            )
        said = self._run("commander", "--command", f"read32 {DBGMCU_IDCODE:#010x}", target="cortex_m")
        word = _WORD.search(said)
        if word is None:
            raise FlashFault(f"pyocd does not say the chip's id: {said[-80:]!r}")
        chip_id = int(word[1], 16) & DEV_ID
        if chip_id != self._board.chip_id:
            raise WrongChip(
                f"this chip's id is {chip_id:#05x}, that of {self._board.name} ({self._board.chip}) is "
                f"{self._board.chip_id:#05x}",
                "nothing was changed; name the board that is plugged in",
            )
        return f"chip id {chip_id:#05x}, as {self._board.chip}"

    def flash(self, plan: Plan, report: Report) -> None:
        """Have pyocd erase the sectors that are needed, and write."""
        path = Path(self._folder.name) / "image.hex"
        path.write_text(hex_file(plan.segments), encoding="ascii")
        report(Progress(Step.WRITE, 0, plan.size))  # it tells no figures where nobody looks
        self._run("flash", "--erase", "sector", "--format", "hex", "--no-reset", str(path))
        report(Progress(Step.WRITE, plan.size, plan.size))

    def verify(self, plan: Plan, report: Report) -> None:
        """Have pyocd compare."""
        done = 0
        for number, segment in enumerate(plan.segments):
            report(Progress(Step.VERIFY, done, plan.size))
            path = Path(self._folder.name) / f"{number}.bin"
            path.write_bytes(segment.data)
            said = self._run("commander", "--command", f"compare {segment.address:#010x} {path}")
            if not _SAME.search(said):
                raise VerificationRefused(
                    f"the flash from {segment.address:#010x} on does not hold what was written",
                    "if it stays so, the chip's flash is worn out",
                )
            done += len(segment.data)
        report(Progress(Step.VERIFY, plan.size, plan.size))

    def start(self) -> None:
        """Reset the chip."""
        self._run("reset")

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def _run(self, verb: str, *arguments: str, target: str | None = None) -> str:
        try:
            return run(self.command(verb, *arguments, target=target))
        except ToolFailed as fault:
            raise _explain(fault, self._way) from fault


def _explain(fault: ToolFailed, way: RunnerData) -> WasmoteError:
    said = fault.said
    if "not recognized" in said:
        return UsageFault(
            f"pyocd does not know the flash of {way.target}",
            f"pyocd pack install {way.target}; it is fetched",
        )
    if "No target device available" in said or "No connected debug probe" in said:
        return DeviceNotFound("pyocd finds no debug probe", way.enter)
    if "Access denied" in said or "insufficient permissions" in said or "LIBUSB_ERROR_ACCESS" in said:
        return PermissionRefused("no permission to use the debug probe", "wasmote setup --udev")
    if "locked" in said.lower() or "protect" in said.lower():
        return FlashProtected(
            "the chip is protected from being read or written",
            "protection is taken off with ST's STM32CubeProgrammer: that erases all flash",
        )
    return fault
