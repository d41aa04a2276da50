"""The trace of a node that is this machine: firmware/node/trace.c, for slots under wasmtime."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from wasmote.errors import UsageFault
from wasmote.runtime.guest import GuestTrap
from wasmote.runtime.script import Strayed
from wasmote.runtime.slots import Conflict, HostSlot, Unfit
from wasmote.wire.modules import ModuleState
from wasmote.wire.trace import Trace, TracedEvent, events_from_cbor, switch_from_cbor

RING_EVENTS = 4096
ANSWER_EVENTS = 64  # in one answer


@dataclass(slots=True)
class HostTrace:
    """The one trace of a node; `grown` is called with the slot when a record was added, or it was ended."""

    grown: Callable[[int], None]
    slot: int | None = None  # whose records these are
    on: bool = False
    next_seq: int = 0
    events: deque[TracedEvent] = field(default_factory=lambda: deque(maxlen=RING_EVENTS))

    def switch(self, slot: int, body: bytes) -> None:
        """Do what `PUT /modules/N/trace` asks. Raises Conflict while another slot is traced."""
        if not switch_from_cbor(body):
            if self.on and self.slot == slot:
                self.on = False
                self.grown(slot)  # whoever else reads it would wait for ever
            return
        if self.on and self.slot != slot:
            raise Conflict(f"slot {self.slot} is being traced, and there is one trace at a time")
        if not self.on:
            self.events.clear()
        self.slot, self.on = slot, True

    def take(self, slot: int, event: TracedEvent) -> None:
        """Keep an event of the slot that is traced."""
        if not self.on or self.slot != slot:
            return
        self.events.append(replace(event, seq=self.next_seq))
        self.next_seq = (self.next_seq + 1) & 0xFFFF_FFFF
        self.grown(slot)

    def answer(self, slot: int, boot_id: bytes, query: str) -> bytes:
        """`GET /modules/N/trace`."""
        mine = list(self.events) if self.slot == slot else []
        oldest = self.next_seq - len(mine)
        lost = 0
        if query == "":
            mine = mine[-1:]
        elif query != "since=none":
            first = int(query.removeprefix("since=")) + 1 & 0xFFFF_FFFF
            lost = max(oldest - first, 0) if first < self.next_seq else 0
            mine = [event for event in mine if event.seq >= first]
        on = self.on and self.slot == slot
        return Trace(boot_id, lost, self.next_seq, tuple(mine[:ANSWER_EVENTS]), on).to_cbor()


def replay_events(slot: HostSlot, body: bytes) -> None:
    """Do what `POST /modules/N/event` asks.

    Raises Conflict for an event that is not the next one, or in which the module strays, Unfit when it traps.
    """
    if slot.state is not ModuleState.PAUSED or slot.active is None:
        raise Conflict("events are replayed to a paused module: put a snapshot first")
    for event in events_from_cbor(body, slot.active.manifest):
        try:
            slot.replay(event)
        except UsageFault as fault:
            raise Conflict(fault.message) from fault
        except GuestTrap as fault:
            cause = fault.__cause__
            if isinstance(cause, Strayed):
                raise Conflict(str(cause)) from fault
            raise Unfit(f"event {event.number}: {fault}") from fault
