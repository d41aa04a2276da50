"""What every way of flashing has, and what its faults are called."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wasmote.errors import VerificationRefused, WasmoteError
from wasmote.flash.plan import Plan


class Entry(enum.Enum):
    """By what a chip gets into its boot loader, where a tool could do that itself."""

    LINES = "DTR and RTS"
    HAND = "a button"  # and out of it, too
    NODE = "the firmware"


class Step(enum.Enum):
    """What is being done to the flash."""

    ERASE = "erase"
    WRITE = "write"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step is, in bytes."""

    step: Step
    done: int
    total: int


Report = Callable[[Progress], None]


class Runner(Protocol):
    """A way to write a board's flash. Its methods are called in this order; `close` always."""

    def probe(self) -> str:
        """Ask the chip what it is, in a few words, and change nothing.

        Raises `WrongChip`, `NoAnswer`, `Busy`, `DeviceNotFound`, `PermissionRefused`, or `FlashProtected`.
        """

    def flash(self, plan: Plan, report: Report) -> None:
        """Erase and write. Raises `FlashFault`, or `FlashProtected`."""

    def verify(self, plan: Plan, report: Report) -> None:
        """Compare what the flash holds with the plan. Raises `VerificationRefused`."""

    def start(self) -> None:
        """Have the chip leave its boot loader and start what was written."""

    def close(self) -> None:
        """Let go of port and tool."""


class FlashFault(WasmoteError):
    """Flashing failed: the port went away, or the chip or the tool refused."""


class FlashProtected(WasmoteError):
    """The chip is set such that its flash cannot be read or written."""


class WrongChip(VerificationRefused):
    """The chip says that it is another one than the board has."""
