"""The peripheral bus: which device is behind an address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

BASE = 0x6000_0000
SIZE = 0xD_1000
PAGE = 0x1000


class EmulatorFault(Exception):
    """The guest wants what this emulator does not have, or the emulator is wrong."""


class Device(Protocol):
    """Registers of 32 bits, by offset from the device's first."""

    def read(self, offset: int) -> int:
        """Return a register's value; reading may change it."""
        ...

    def write(self, offset: int, value: int) -> None:
        """Set a register."""
        ...


class Bus:
    """Devices by the address of their page. They are new after each reset."""

    def __init__(self) -> None:
        self._devices: dict[int, Device] = {}

    def connect(self, devices: Mapping[int, Device]) -> None:
        """Put devices in the place of those that were there."""
        self._devices = dict(devices)

    def read(self, address: int) -> int:
        """Read a register."""
        return self._at(address).read(address % PAGE)

    def write(self, address: int, value: int) -> None:
        """Write a register."""
        self._at(address).write(address % PAGE, value)

    def _at(self, address: int) -> Device:
        device = self._devices.get(address - address % PAGE)
        if device is None:
            raise EmulatorFault(f"no device is emulated at {address:#x}")
        return device


class Registers:
    """A device whose registers hold what was written, and do nothing. A base for those that do something."""

    def __init__(self, values: Mapping[int, int] | None = None) -> None:
        self.values = dict(values or {})

    def read(self, offset: int) -> int:
        """Return what was written last."""
        return self.values.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Keep it."""
        self.values[offset] = value
