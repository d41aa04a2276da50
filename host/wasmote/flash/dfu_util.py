"""The boot loader in an STM32's ROM, over USB: dfu-util, and the files that ST calls DfuSe."""

from __future__ import annotations

import re
import struct
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from wasmote.errors import DeviceNotFound, PermissionRefused, VerificationRefused, WasmoteError
from wasmote.flash.board import FlashBoard, RunnerData
from wasmote.flash.image import Segment
from wasmote.flash.plan import Plan
from wasmote.flash.runner import FlashFault, FlashProtected, Progress, Report, Step, WrongChip
from wasmote.flash.tool import ToolFailed, find_program, run

VID, PID = 0x0483, 0xDF11
INTERNAL_FLASH = "0"  # its alternate setting: AN3156 section 2
DFUSE_VERSION = 0x011A  # bcdDFU of a DfuSe file: UM0391 section 2.1.4
DEVICE_VERSION = 0xFFFF  # any
UNITS = {"K": 1024, "M": 1024 * 1024, "B": 1, " ": 1}

_FOUND = re.compile(r'Found DFU: \[0483:df11\].* alt=0, name="(.*?)", serial="(.*?)"')
_RUN = re.compile(r"(\d+)\*(\d+)([KMB ])[a-g]")
_PERCENT = re.compile(r"(Erase|Download|Upload)\s*\[.*\]\s*(\d+)%")
_FIRST_ELEMENT = "Parsing element 1,"  # what it says before it erases
_ELEMENT = re.compile(r"Downloading element to address = (0x[0-9a-fA-F]+), size = (\d+)")

# What dfu-util says, and what it means. dfu-util 0.11.
MEANINGS: Sequence[tuple[str, type[WasmoteError], str, str]] = (
    (
        "LIBUSB_ERROR_ACCESS",
        PermissionRefused,
        "no permission to use the boot loader's USB device",
        "wasmote setup --udev",
    ),
    (
        "No DFU capable USB device available",
        DeviceNotFound,
        "no boot loader is on USB",
        "",
    ),
    ("LIBUSB_ERROR_NO_DEVICE", FlashFault, "the USB device is gone: was it unplugged?", ""),
    ("LIBUSB_ERROR_PIPE", FlashFault, "the boot loader refused a request", ""),
    (
        "errVENDOR",
        FlashProtected,
        "the chip is protected from being read or written",
        "protection is taken off with ST's STM32CubeProgrammer: that erases all flash",
    ),
)


def dfuse_file(segments: Sequence[Segment]) -> bytes:
    """Return a DfuSe file with these segments as elements: UM0391 section 2."""
    elements = b"".join(
        struct.pack("<II", segment.address, len(segment.data)) + segment.data for segment in segments
    )
    target = struct.pack("<6sBI255sII", b"Target", 0, 0, b"", len(elements), len(segments)) + elements
    size = struct.calcsize("<5sBIB") + len(target)
    body = struct.pack("<5sBIB", b"DfuSe", 1, size, 1) + target
    body += struct.pack("<HHHH3sB", DEVICE_VERSION, PID, VID, DFUSE_VERSION, b"UFD", 16)
    return body + struct.pack("<I", zlib.crc32(body) ^ 0xFFFFFFFF)


def parse_layout(name: str) -> tuple[int, list[int]]:
    """Parse what the boot loader says of its flash: `@Internal Flash  /0x08000000/04*016Kg,01*064Kg`.

    Returns the first address, and the bytes of each sector; AN3156 section 2, UM0424 section 10.3.2.
    """
    parts = name.split("/")
    if len(parts) < 3:
        return 0, []
    runs = [(int(count), int(size) * UNITS[unit]) for count, size, unit in _RUN.findall(parts[2])]
    return int(parts[1], 16), [size for count, size in runs for _ in range(count)]


class DfuUtil:
    """Flashes over USB with dfu-util."""

    def __init__(self, board: FlashBoard, way: RunnerData, serial_number: str | None) -> None:
        self._board = board
        self._enter = way.enter
        self._serial_number = serial_number
        self._program = find_program("dfu-util", "dfu-util")
        self._folder = tempfile.TemporaryDirectory(prefix="wasmote-dfu-")

    def command(self, *arguments: str) -> list[str]:
        """Return the command line for the one device."""
        which = ("--serial", f"{self._serial_number}") if self._serial_number else ()
        return [self._program, "--device", f"{VID:04x}:{PID:04x}", *which, *arguments]

    def probe(self) -> str:
        """Compare the sectors that the boot loader names with the board's."""
        listed = self._run("--list")
        found = [match for match in _FOUND.findall(listed) if self._serial_number in (None, match[1])]
        if not found:
            access = "LIBUSB_ERROR_ACCESS" in listed
            raise (
                _explain(listed, self._enter)
                if access
                else DeviceNotFound("no boot loader is on USB", f"{self._enter}; then try again")
            )
        origin, sizes = parse_layout(found[0][0])
        self._require_board(origin, sizes, found[0][0])
        return f"{sum(sizes) // 1024} KiB of flash in {len(sizes)} sectors, as {self._board.chip}"

    def _require_board(self, origin: int, sizes: list[int], name: str) -> None:
        starts = {origin + sum(sizes[:number]) for number in range(len(sizes) + 1)}
        ours = {sector.address for sector in self._board.sectors} | {self._board.sectors[-1].end}
        same_ends = {min(starts), max(starts)} == {min(ours), max(ours)}
        if not (same_ends and ours <= starts):
            raise WrongChip(
                f"the chip's flash, {name.strip()}, is not that of {self._board.name} ({self._board.chip})",
                "nothing was changed; name the board that is plugged in",
            )

    def flash(self, plan: Plan, report: Report) -> None:
        """Have dfu-util erase the sectors that are needed, and write."""
        path = Path(self._folder.name) / "image.dfu"
        path.write_bytes(dfuse_file(plan.segments))
        listener = _Listener(plan, report)
        self._run("--alt", INTERNAL_FLASH, "--download", str(path), listen=listener.line)
        report(Progress(Step.WRITE, plan.size, plan.size))

    def verify(self, plan: Plan, report: Report) -> None:
        """Read back and compare."""
        done = 0
        for segment in plan.segments:
            report(Progress(Step.VERIFY, done, plan.size))
            found = self._upload(f"{segment.address:#010x}:{len(segment.data)}")
            if found != segment.data:
                raise VerificationRefused(
                    f"the flash from {segment.address:#010x} on does not hold what was written",
                    "if it stays so, the chip's flash is worn out",
                )
            done += len(segment.data)
        report(Progress(Step.VERIFY, plan.size, plan.size))

    def _upload(self, what: str) -> bytes:
        path = Path(self._folder.name) / "read"
        path.unlink(missing_ok=True)  # dfu-util does not overwrite
        self._run("--alt", INTERNAL_FLASH, "--dfuse-address", what, "--upload", str(path))
        return path.read_bytes()

    def start(self) -> None:
        """Leave the boot loader; it goes away in the middle of dfu-util's last request, which is no fault."""
        path = Path(self._folder.name) / "leave"
        where = f"{self._board.origin:#010x}:4:leave"
        try:
            run(self.command("--alt", INTERNAL_FLASH, "--dfuse-address", where, "--upload", str(path)))
        except ToolFailed:
            return

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def _run(self, *arguments: str, listen: Callable[[str], None] = lambda _: None) -> str:
        try:
            return run(self.command(*arguments), listen)
        except ToolFailed as fault:
            raise _explain(fault.said, self._enter, fault) from fault


class _Listener:
    """Makes progress of what dfu-util prints."""

    def __init__(self, plan: Plan, report: Report) -> None:
        self._plan = plan
        self._report = report
        self._before = self._element = 0

    def line(self, text: str) -> None:
        if text.startswith(_FIRST_ELEMENT):
            self._report(Progress(Step.ERASE, 0, self._plan.size))
        elif element := _ELEMENT.match(text):
            self._before += self._element
            self._element = int(element[2])
        elif percent := _PERCENT.search(text):
            step = Step.ERASE if percent[1] == "Erase" else Step.WRITE
            done = self._before + self._element * int(percent[2]) // 100
            self._report(Progress(step, min(done, self._plan.size), self._plan.size))


def _explain(said: str, enter: str, fault: WasmoteError | None = None) -> WasmoteError:
    for text, kind, message, hint in MEANINGS:
        if text in said:
            return kind(message, hint or f"{enter}; then try again")
    return fault or FlashFault(said)
