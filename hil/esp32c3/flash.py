"""The NOR flash: programming clears bits, erasing a sector sets them. It is a file, which outlives power."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

SIZE = 0x40_0000
SECTOR = 0x1000
PAGE = 256
JEDEC_ID = 0x1640EF  # W25Q32: capacity, type, maker

# W25Q32JV section 9.6, typical.
ERASE_S = 0.045
PROGRAM_PAGE_S = 0.0007


class Flash:
    """4 MiB. A new file is erased."""

    def __init__(self, path: Path) -> None:
        if not path.exists() or path.stat().st_size != SIZE:
            path.write_bytes(b"\xff" * SIZE)
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), SIZE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._bytes))

    def read(self, at: int, length: int) -> bytes:
        """Return what is there."""
        return self._bytes[at : at + length]

    def program(self, at: int, data: bytes) -> float:
        """Clear the bits that are 0 in data; returns the seconds that it takes."""
        before = int.from_bytes(self.read(at, len(data)))
        self._bytes[at : at + len(data)] = (before & int.from_bytes(data)).to_bytes(len(data))
        return (len(data) + PAGE - 1) // PAGE * PROGRAM_PAGE_S

    def erase(self, at: int, length: int = SECTOR) -> float:
        """Erase all sectors that the range touches; returns the seconds that it takes."""
        first, last = at // SECTOR, (at + length + SECTOR - 1) // SECTOR
        self._bytes[first * SECTOR : last * SECTOR] = b"\xff" * ((last - first) * SECTOR)
        return (last - first) * ERASE_S

    def holds(self, at: int, length: int) -> bool:
        """Whether the range lies in it."""
        return min(at, length) >= 0 and at + length <= SIZE
