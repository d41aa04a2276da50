"""The life of a module on a node, for people: probation, restarts, failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmote.wire.modules import Failure, ModuleState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmote.wire.modules import ModuleStatus


def life_notes(status: ModuleStatus, before: ModuleStatus | None = None) -> Iterator[str]:
    """What a listing says of a slot's probation, restarts and failures.

    `before` is what was in the slot when it was asked last: of what failed a node keeps only the digest.
    """
    if status.probation is not None:
        yield probation_text(status)
    if status.restart_in_ms is not None:
        yield f"starts again in {status.restart_in_ms / 1000:.1f} s"
    elif status.state is ModuleState.TRAPPED and status.traps_in_a_row:
        yield f"stays stopped after {_counted(status.traps_in_a_row, 'trap')} in a row"
    if status.failure is not None:
        yield failure_text(status, status.failure, before)
    if status.refused:
        yield refused_text(status.refused)


def probation_text(status: ModuleStatus) -> str:
    """How long the probation lasts, and what it would go back to."""
    left = f"for {_counted(status.probation, 'event')}" if status.probation else "until it is confirmed"
    back = status.fallback
    return f"on probation {left}" + (f", else back to {back.name} {back.version}" if back else "")


def refused_text(calls: int) -> str:
    """That a module does what its manifest does not say."""
    return f"{_counted(calls, 'host call')} refused: the board's log says which"


def failure_text(status: ModuleStatus, failure: Failure, before: ModuleStatus | None = None) -> str:
    """What was taken out of service, and why; by its name where it is what `before` shows."""
    which = f"module {failure.digest.hex()}"
    if before is not None and before.digest is not None and failure.is_of(before.digest):
        which = f"{before.name} {before.version}"
    if status.state is ModuleState.QUARANTINED:
        return f"{which} is left alone: {failure.cause.text}"
    return f"{which} was rolled back: {failure.cause.text}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
