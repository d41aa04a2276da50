"""When a module has proved itself, and when one that trapped is tried again: firmware/SPEC.md, `/modules`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import DEFAULT_PROBATION, Manifest

BACK_OFF_S = (0.5, 1.0)  # after the first trap in a row, after the second; after a third it stays stopped
GOOD_EVENTS = 16  # that end a row


class Timer(Protocol):
    """A call that is due: asyncio.TimerHandle."""

    def when(self) -> float:
        """When it is due, in the clock's time, s."""
        ...

    def cancel(self) -> None:
        """Do not make it."""
        ...


class Clock(Protocol):
    """The time of an event loop, which is one of these."""

    def time(self) -> float:
        """Now, s."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call after so many seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Fallback:
    """The module that was replaced, and the state that it handed over then."""

    bundle: Bundle
    state: bytes | None


@dataclass(slots=True)
class Probation:
    """The time in which a new module has to prove itself; `events_left` 0: until it is told."""

    events_left: int
    fallback: Fallback | None

    @classmethod
    def of(cls, manifest: Manifest, fallback: Fallback | None) -> Probation:
        """As long as the manifest says."""
        events = DEFAULT_PROBATION if manifest.probation is None else manifest.probation
        return cls(events, fallback)

    def passed(self, events: int) -> bool:
        """Note events without a trap; True when they were the last it had to pass."""
        if self.events_left == 0:
            return False
        self.events_left = max(self.events_left - events, 0)
        return self.events_left == 0


def back_off_s(traps_in_a_row: int) -> float | None:
    """How long a trapped module waits for its restart; None when it has used up its tries."""
    return BACK_OFF_S[traps_in_a_row - 1] if traps_in_a_row <= len(BACK_OFF_S) else None
