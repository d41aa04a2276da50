"""A file of firmware: Intel HEX, or the bytes as they lie in flash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from wasmote.errors import UsageFault, VerificationRefused

DATA, END, SEGMENT_ADDRESS, START_SEGMENT, LINEAR_ADDRESS, START_LINEAR = range(6)  # records of Intel HEX
NAME_CHARACTERS = rb"[A-Za-z0-9_-]"


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes that lie together, from an address on."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + len(self.data)


@dataclass(frozen=True, slots=True)
class Image:
    """The content of an image file, in the order of addresses; `sha256` is the file's."""

    path: Path
    segments: tuple[Segment, ...]
    sha256: str

    @property
    def size(self) -> int:
        """All its bytes."""
        return sum(len(segment.data) for segment in self.segments)

    @classmethod
    def read(cls, path: Path, origin: int) -> Self:
        """Read a file; a binary one begins at `origin`.

        Raises `UsageFault` where it cannot be read, `VerificationRefused` where it is damaged.
        """
        try:
            content = path.read_bytes()
        except OSError as fault:
            raise UsageFault(
                f"{path}: cannot be read: {fault.strerror}", "--image FILE, a .hex or .bin"
            ) from fault
        is_hex = path.suffix.lower() in (".hex", ".ihex", ".ihx")
        segments = parse_hex(content, path) if is_hex else (Segment(origin, content),)
        if not any(segment.data for segment in segments):
            raise VerificationRefused(f"{path}: holds no bytes", "build it again")
        return cls(path, segments, hashlib.sha256(content).hexdigest())

    def names(self, boards: Iterable[str]) -> list[str]:
        """Which of these boards it is for: the firmware holds its board's name, which /node tells."""
        return [
            board
            for board in boards
            for name in [re.compile(rb"(?<!" + NAME_CHARACTERS + rb")" + re.escape(board.encode()) + rb"\0")]
            if any(name.search(segment.data) for segment in self.segments)
        ]


def parse_hex(content: bytes, path: Path) -> tuple[Segment, ...]:
    """Parse Intel HEX (Intel, Hexadecimal Object File Format Specification, revision A)."""
    pieces: list[Segment] = []
    base, ended = 0, False
    for number, line in enumerate(content.split(), 1):
        where = f"{path}:{number}"
        kind, address, data = _record(line, where)
        if ended:
            raise VerificationRefused(f"{where}: goes on behind its end", "build it again")
        if kind == DATA:
            pieces.append(Segment(base + address, data))
        elif kind == END:
            ended = True
        elif kind in (SEGMENT_ADDRESS, LINEAR_ADDRESS) and len(data) == 2:
            base = int.from_bytes(data, "big") << (4 if kind == SEGMENT_ADDRESS else 16)
        elif kind not in (START_SEGMENT, START_LINEAR):
            raise VerificationRefused(f"{where}: a record of unknown kind {kind}", "build it again")
    if not ended:
        raise VerificationRefused(f"{path}: is cut off: its last record is missing", "build or copy it again")
    return _joined(pieces, path)


def _record(line: bytes, where: str) -> tuple[int, int, bytes]:
    try:
        record = bytes.fromhex(line.removeprefix(b":").decode("ascii"))
    except ValueError:
        record = b""
    if not line.startswith(b":") or len(record) < 5 or len(record) != record[0] + 5 or sum(record) & 0xFF:
        raise VerificationRefused(
            f"{where}: the image is damaged: this is no record of Intel HEX, or its checksum is wrong",
            "build or copy it again",
        )
    return record[3], int.from_bytes(record[1:3], "big"), record[4:-1]


def _joined(pieces: list[Segment], path: Path) -> tuple[Segment, ...]:
    runs: list[tuple[int, bytearray]] = []
    for piece in sorted(pieces, key=lambda piece: piece.address):
        end = runs[-1][0] + len(runs[-1][1]) if runs else -1
        if piece.address == end:
            runs[-1][1].extend(piece.data)
        elif piece.address < end:
            raise VerificationRefused(
                f"{path}: says twice what lies at {piece.address:#010x}", "build it again"
            )
        else:
            runs.append((piece.address, bytearray(piece.data)))
    return tuple(Segment(address, bytes(data)) for address, data in runs)
