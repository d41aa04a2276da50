"""NOR flash with a real chip's sectors: erasing sets all bits of a sector, programming only clears bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ERASED = 0xFF


class NorFlash:
    """A chip's flash. Addresses are the chip's. `protected` holds sectors, by number, that do not change.

    `stuck` maps addresses to bits that a bad cell no longer sets.
    """

    def __init__(self, origin: int, sectors: Sequence[int]) -> None:
        self.origin = origin
        self.sectors = tuple(sectors)
        self.content = bytearray([ERASED]) * sum(sectors)
        self.protected: set[int] = set()
        self.stuck: dict[int, int] = {}
        self.erased: list[int] = []  # sectors, in the order in which they were

    def load(self, path: Path) -> None:
        """Take the content of a file of the flash's size, if there is one."""
        if path.exists():
            content = path.read_bytes()
            if len(content) != len(self.content):
                raise ValueError(f"{path} holds {len(content)} bytes, the flash {len(self.content)}")
            self.content[:] = content

    def has(self, address: int, count: int) -> bool:
        """Whether these addresses are all flash."""
        return self.origin <= address and address + count <= self.origin + len(self.content)

    def read(self, address: int, count: int) -> bytes:
        """Read what `has`."""
        at = address - self.origin
        return bytes(self.content[at : at + count])

    def program(self, address: int, words: bytes) -> None:
        """Clear bits; where it is protected nothing changes, which the chip does not report."""
        for at, byte in enumerate(words, address - self.origin):
            if self._sector_of(at) not in self.protected:
                self.content[at] &= byte & ~self.stuck.get(self.origin + at, 0)

    def erase(self, number: int) -> None:
        """Erase a sector; a protected one stays as it is."""
        if number in self.protected:
            return
        at = sum(self.sectors[:number])
        self.content[at : at + self.sectors[number]] = bytes([ERASED]) * self.sectors[number]
        for address, bits in self.stuck.items():
            if at <= address - self.origin < at + self.sectors[number]:
                self.content[address - self.origin] &= ~bits
        self.erased.append(number)

    def _sector_of(self, at: int) -> int:
        end = 0
        for number, size in enumerate(self.sectors):
            end += size
            if at < end:
                return number
        raise IndexError(at)
