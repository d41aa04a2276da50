"""The boot loader in an STM32's ROM, over a UART: ST's AN3155, whose section numbers stand here.

A client of our own and not stm32loader, which erases everything, or pages that are all of one size: an update
here erases the sectors that it needs, and asks the chip who it is, and what is protected, before that.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from wasmote.errors import NoAnswer, VerificationRefused, WasmoteError
from wasmote.flash.board import FlashBoard, RunnerData, Sector
from wasmote.flash.image import Segment
from wasmote.flash.plan import BLANK, Plan
from wasmote.flash.port import open_port
from wasmote.flash.runner import FlashFault, FlashProtected, Progress, Report, Step, WrongChip

if TYPE_CHECKING:
    from serial import Serial

SYNC, ACK, NACK = 0x7F, 0x79, 0x1F
GET, GET_ID, READ, GO, WRITE, ERASE, EXTENDED_ERASE = 0x00, 0x02, 0x11, 0x21, 0x31, 0x43, 0x44
BAUD = 115_200
CHUNK = 256  # bytes of a READ or WRITE: 3.4, 3.6
PAGES_MAX = 32  # in one erase, so that it is over within its time
ANSWER_TIMEOUT_S = 2.0
ERASE_TIMEOUT_S = 16.0  # DS8626 table 41: 128 KiB take 4 s at most
SYNC_TRIES = 3  # an odd byte may be on its way

# Where option bytes say which sectors are write-protected: nWRP of STM32F2 and F4, RM0090 section 3.9.3.
NWRP = {0x411: 0x1FFFC008, 0x413: 0x1FFFC008, 0x421: 0x1FFFC008, 0x431: 0x1FFFC008}
# Set: the bits mean the reverse, protection from being read, RM0383 section 3.6.4.
SPRMOD = {0x421: 1 << 15, 0x431: 1 << 15}

UNPROTECT_HINT = (
    "ST's STM32CubeProgrammer, or `stm32loader --unprotect`, takes the protection off, and erases all flash"
)


def checksum(data: Sequence[int]) -> int:
    """Exclusive or of all bytes."""
    return functools.reduce(operator.xor, data, 0)


class Refused(FlashFault):
    """The boot loader said NACK."""


class BootLoader:
    """The protocol on an open port: a method for each command.

    Raises `NoAnswer` on silence, `Refused` on NACK, `FlashFault` when the port is gone.
    """

    def __init__(self, port: Serial) -> None:
        self._port = port

    def synchronize(self) -> None:
        """Let it measure the baud rate (3); one that has done so before takes it for half of a command."""
        for _ in range(SYNC_TRIES):
            self._send(bytes([SYNC]))
            answer = self._receive(1, ANSWER_TIMEOUT_S)
            if answer in (bytes([ACK]), bytes([NACK])):
                return
        raise NoAnswer(f"{self._port.port}: no boot loader answers")

    def commands(self) -> bytes:
        """Return the commands that it knows, and no others: 3.1."""
        self._command(GET)
        count = self._take(1)[0]
        answer = self._take(count + 1)
        self._expect_ack("GET")
        return answer[1:]  # behind the version

    def chip_id(self) -> int:
        """Return the product id: 3.3."""
        self._command(GET_ID)
        count = self._take(1)[0]
        answer = self._take(count + 1)
        self._expect_ack("GET ID")
        return int.from_bytes(answer, "big")

    def read(self, address: int, count: int) -> bytes:
        """Read up to CHUNK bytes: 3.4."""
        self._command(READ)
        self._address(address)
        self._send(bytes([count - 1, (count - 1) ^ 0xFF]))
        self._expect_ack(f"READ {address:#010x}")
        return self._take(count)

    def write(self, address: int, words: bytes) -> None:
        """Write up to CHUNK bytes, a multiple of four: 3.6."""
        self._command(WRITE)
        self._address(address)
        body = bytes([len(words) - 1]) + words
        self._send(body + bytes([checksum(body)]))
        self._expect_ack(f"WRITE {address:#010x}")

    def erase(self, pages: Sequence[int], *, extended: bool) -> None:
        """Erase pages by their numbers: 3.8, or 3.7 of older loaders."""
        width = 2 if extended else 1
        self._command(EXTENDED_ERASE if extended else ERASE)
        body = b"".join(number.to_bytes(width, "big") for number in (len(pages) - 1, *pages))
        self._send(body + bytes([checksum(body)]))
        self._expect_ack("ERASE", ERASE_TIMEOUT_S)

    def go(self, address: int) -> None:
        """Start the program whose vectors are at an address: 3.5."""
        self._command(GO)
        self._address(address)

    def _command(self, command: int) -> None:
        self._send(bytes([command, command ^ 0xFF]))
        self._expect_ack(f"command {command:#04x}")

    def _address(self, address: int) -> None:
        data = address.to_bytes(4, "big")
        self._send(data + bytes([checksum(data)]))
        self._expect_ack(f"address {address:#010x}")

    def _expect_ack(self, what: str, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        answer = self._take(1, timeout_s)[0]
        if answer == NACK:
            raise Refused(f"{self._port.port}: the boot loader refuses {what}")
        if answer != ACK:
            raise FlashFault(
                f"{self._port.port}: {answer:#04x} for an answer to {what}: the line is disturbed"
            )

    def _take(self, count: int, timeout_s: float = ANSWER_TIMEOUT_S) -> bytes:
        answer = self._receive(count, timeout_s)
        if len(answer) < count:
            raise NoAnswer(f"{self._port.port}: the boot loader stopped answering")
        return answer

    def _receive(self, count: int, timeout_s: float) -> bytes:
        try:
            self._port.timeout = timeout_s
            return bytes(self._port.read(count))
        except OSError as fault:
            raise self._gone() from fault

    def _send(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except OSError as fault:
            raise self._gone() from fault

    def _gone(self) -> FlashFault:
        return FlashFault(f"{self._port.port}: the port is gone: was it unplugged?")


class An3155:
    """Flashes over a UART; `enter` is what makes the chip listen there."""

    def __init__(self, board: FlashBoard, way: RunnerData, port: str) -> None:
        self._board = board
        self._enter = way.enter
        self._page = way.page
        self._port = open_port(port, BAUD, even_parity=True)
        self._loader = BootLoader(self._port)
        self._chip_id = 0
        self._extended = True

    def probe(self) -> str:
        """Ask for the chip's id, and what is protected."""
        try:
            self._loader.synchronize()
            self._extended = EXTENDED_ERASE in self._loader.commands()
            self._chip_id = self._loader.chip_id()
        except WasmoteError as fault:
            fault.hint = fault.hint or f"{self._enter}; then try again"
            raise
        if self._chip_id != self._board.chip_id:
            raise WrongChip(
                f"{self._port.port}: this chip's id is {self._chip_id:#05x}, that of {self._board.name} "
                f"({self._board.chip}) is {self._board.chip_id:#05x}",
                "nothing was changed; name the board that is plugged in",
            )
        self._require_readable()
        return f"chip id {self._chip_id:#05x}, as {self._board.chip}"

    def _require_readable(self) -> None:
        try:
            self._loader.read(self._board.origin, 4)
        except Refused as fault:
            raise FlashProtected(
                f"{self._port.port}: the chip is protected from being read, and so from being flashed",
                f"nothing was changed; {UNPROTECT_HINT}",
            ) from fault

    def _protected(self) -> set[int]:
        """The numbers of write-protected sectors, where we know how this chip tells."""
        if self._chip_id not in NWRP:
            return set()
        bits = int.from_bytes(self._loader.read(NWRP[self._chip_id], 2), "little")
        reverse = bool(bits & SPRMOD.get(self._chip_id, 0))
        return {sector.number for sector in self._board.sectors if bool(bits >> sector.number & 1) == reverse}

    def flash(self, plan: Plan, report: Report) -> None:
        """Erase, sector by sector, and write; what is blank in the image is not written."""
        if locked := [sector for sector in plan.sectors if sector.number in self._protected()]:
            raise _write_protected(self._port.port, locked[0], "nothing was changed; ")
        done = 0
        for sector in plan.sectors:
            report(Progress(Step.ERASE, done, plan.erased))
            self._erase(sector)
            done += sector.size
        report(Progress(Step.ERASE, done, plan.erased))
        done = 0
        for segment in plan.segments:
            for piece in _words(segment):
                report(Progress(Step.WRITE, done, plan.size))
                if piece.data.strip(BLANK):
                    self._loader.write(piece.address, piece.data)
                done += len(piece.data)
        report(Progress(Step.WRITE, plan.size, plan.size))

    def _erase(self, sector: Sector) -> None:
        pages = [sector.number]
        if self._page:
            first = (sector.address - self._board.origin) // self._page
            pages = list(range(first, first + sector.size // self._page))
        for at in range(0, len(pages), PAGES_MAX):
            self._loader.erase(pages[at : at + PAGES_MAX], extended=self._extended)
        if self._loader.read(sector.address, CHUNK).strip(BLANK):
            raise _write_protected(self._port.port, sector)

    def verify(self, plan: Plan, report: Report) -> None:
        """Read back and compare."""
        done = 0
        for segment in plan.segments:
            for piece in _words(segment):
                report(Progress(Step.VERIFY, done, plan.size))
                found = self._loader.read(piece.address, len(piece.data))
                if found != piece.data:
                    raise _differs(self._port.port, piece, found)
                done += len(piece.data)
        report(Progress(Step.VERIFY, plan.size, plan.size))

    def start(self) -> None:
        """Jump to the program."""
        self._loader.go(self._board.origin)

    def close(self) -> None:
        """Close the port."""
        self._port.close()


def _words(segment: Segment) -> Iterator[Segment]:
    """Cut into pieces of CHUNK, filled up with blanks to whole words."""
    before = segment.address % 4
    data = BLANK * before + segment.data
    data += BLANK * (-len(data) % 4)
    for at in range(0, len(data), CHUNK):
        yield Segment(segment.address - before + at, data[at : at + CHUNK])


def _write_protected(port: str, sector: Sector, state: str = "") -> FlashProtected:
    return FlashProtected(
        f"{port}: sector {sector.number} at {sector.address:#010x} is write-protected",
        f"{state}{UNPROTECT_HINT}",
    )


def _differs(port: str, piece: Segment, found: bytes) -> VerificationRefused:
    at = next(index for index, byte in enumerate(piece.data) if found[index] != byte)
    return VerificationRefused(
        f"{port}: the flash holds {found[at]:#04x} at {piece.address + at:#010x}, not {piece.data[at]:#04x}",
        "if it stays so, the chip's flash is worn out",
    )
