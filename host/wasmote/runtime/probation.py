"""When a module has proved itself, and when one that trapped is tried again: firmware/SPEC.md, `/modules`."""

from __future__ import annotations

from dataclasses import dataclass

from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import DEFAULT_PROBATION, Manifest

BACK_OFF_S = (0.5, 1.0)  # after the first trap in a row, after the second; after a third it stays stopped
GOOD_EVENTS = 16  # that end a row


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
