"""What `GET /modules/N` tells of a slot of this machine's node."""

from __future__ import annotations

from dataclasses import replace

from wasmote.runtime.slots import HostSlot
from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import Candidate, HandOver, ModuleStatus, StreamStatus


def status_of(slot: HostSlot) -> ModuleStatus:
    """How a slot is: what runs, what waits, what failed."""
    status = ModuleStatus(
        slot.index,
        slot.state,
        error=slot.error,
        candidate=_named(slot.candidate),
        failure=slot.failure,
    )
    if slot.active is None:
        return status
    made, handed = slot.active.manifest, slot.handed
    return replace(
        status,
        name=made.name,
        version=made.version,
        sequence=made.sequence,
        digest=made.digest,
        events=slot.module.events if slot.module else 0,
        traps=slot.traps,
        streams=tuple(StreamStatus(name, ring.next_seq) for name, ring in slot.rings.items()),
        state_handed_over=None if handed is None else handed in (HandOver.SAME, HandOver.MIGRATED),
        swap_gap_us=None if handed is None else 0,
        hand_over=handed,
        in_place=None if handed is None else False,
        probation=slot.probation.events_left if slot.probation else None,
        fallback=_named(slot.fallback.bundle) if slot.fallback else None,
        restart_in_ms=_restart_in_ms(slot),
        traps_in_a_row=slot.traps_in_a_row or None,
        signer=slot.active.signer,
        refused=(slot.module.refused if slot.module else 0) or None,
    )


def _restart_in_ms(slot: HostSlot) -> int | None:
    if slot.restart is None:
        return None
    return max(round((slot.restart.when() - slot.clock.time()) * 1000), 0)


def _named(bundle: Bundle | None) -> Candidate | None:
    if bundle is None:
        return None
    made = bundle.manifest
    return Candidate(made.name, made.version, made.sequence, made.digest, bundle.signer)
