"""A board as its board.toml says, checked: board_toml.py reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ROM_OVER_SERIAL = ("an3155", "esptool")


@dataclass(frozen=True)
class Memory:
    """One memory region: addresses and sizes in bytes; sectors as (count, size), flash only.

    `arena`: the module arena lies here.
    """

    name: str
    origin: int
    size: int
    sectors: tuple[tuple[int, int], ...] = ()
    arena: bool = False

    @property
    def end(self) -> int:
        """The first address behind the region."""
        return self.origin + self.size


@dataclass(frozen=True)
class Sector:
    """One sector of flash: bytes from its start, and bytes."""

    at: int
    size: int


@dataclass(frozen=True)
class FlashMap:
    """Which sectors of flash are for what; `vectors` may be a sector away from the rest of the firmware."""

    origin: int
    sectors: tuple[Sector, ...]
    vectors: tuple[Sector, ...]
    firmware: tuple[Sector, ...]
    records: tuple[Sector, ...]
    keys: tuple[Sector, ...]
    banks: tuple[Sector, ...]

    @property
    def size(self) -> int:
        """Bytes of all sectors."""
        return sum(sector.size for sector in self.sectors)

    @property
    def firmware_origin(self) -> int:
        """The address of the firmware's first sector, vectors apart."""
        return self.origin + (self.firmware[0].at if self.firmware else 0)


@dataclass(frozen=True)
class Sensor:
    """One [[sensor]]: what the firmware shows of it, and the driver function that reads it."""

    name: str
    channels: tuple[str, ...]
    units: tuple[str, ...]
    driver: str
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Escape:
    """The line that makes a board start without modules: a pin, its active level, and whether as a break."""

    pin: str
    active: int
    is_break: bool


@dataclass(frozen=True)
class Runner:
    """One [[runner]]: a way to flash the board, how its chip is made to listen, and how that was tried.

    `link`: the board's link is on the port through which it is flashed.
    """

    name: str
    enter: str
    tried: str
    link: bool

    @property
    def hears_link(self) -> bool:
        """Whether this is a loader in the chip's ROM that listens on the pins of the link."""
        return self.link and self.name in ROM_OVER_SERIAL


@dataclass(frozen=True)
class Emulator:
    """QEMU's program, machine and options; how the emulated image differs: a file for objects, memories.

    `replaces`: the family's files in whose place that file is.
    """

    file: str
    program: str
    machine: str
    options: tuple[str, ...]
    serial: int
    replaces: tuple[str, ...]
    origins: dict[str, int]


@dataclass(frozen=True)
class Support:
    """How a board is tested here, what works, and what does not: why, by what."""

    tested: str
    works: tuple[str, ...]
    missing: dict[str, str]


@dataclass(frozen=True)
class Board:
    """A checked board.toml."""

    name: str
    title: str
    chip: str
    cpu: str
    family: str
    net: bool
    injection: bool
    flash: FlashMap | None
    clock: dict[str, int]
    link: dict[str, Any]
    escape: Escape | None
    limits: dict[str, int]
    budgets: dict[str, int]
    memories: tuple[Memory, ...]
    sensors: tuple[Sensor, ...]
    runners: tuple[Runner, ...]
    emulator: Emulator | None
    support: Support

    @property
    def loader_hears_link(self) -> bool:
        """Whether a loader in the chip's ROM listens on the pins of the link: the node may start it."""
        return any(runner.hears_link for runner in self.runners)

    @property
    def firmware_bytes(self) -> int:
        """Bytes of flash that the firmware may fill, vectors apart."""
        return sum(sector.size for sector in self.flash.firmware) if self.flash else 0

    def origin(self, memory: Memory) -> int:
        """Where a region's image begins: in flash, at the first of the firmware's sectors."""
        return self.flash.firmware_origin if self.flash and memory.name == "flash" else memory.origin

    def capacity(self, memory: Memory) -> int:
        """Bytes of a region that the image may take: of flash, the sectors that are the firmware's."""
        return self.firmware_bytes if memory.name == "flash" else memory.size
