"""`/modules`: the slots of a node, what is in them and what to do with it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from wasmote.wire.codec import (
    Fields,
    Payload,
    PayloadFault,
    array,
    binary,
    decode,
    encode,
    numbers_by_name,
    u32_by_name,
    unsigned,
    without_none,
)
from wasmote.wire.cose import KEY_ID_BYTES

DIGEST_BYTES = 32
SHORT_DIGEST_BYTES = 8


class ModuleState(enum.IntEnum):
    """What a slot is doing."""

    EMPTY = 0
    STOPPED = 1
    RUNNING = 2
    TRAPPED = 3
    PAUSED = 4
    QUARANTINED = 5  # it failed at every boot, and is left alone


class HandOver(enum.IntEnum):
    """What became of the old module's declared state in a swap."""

    NONE = 0  # there was none
    SAME = 1  # taken over as it is: the schemas are equal
    MIGRATED = 2  # by the new module's `migrate`
    FRESH = 3  # the new module began anew


class Control(enum.IntEnum):
    """What can be asked of a slot."""

    START = 0
    STOP = 1
    SWAP = 2
    PAUSE = 3
    RESUME = 4
    CONFIRM = 5
    ROLL_BACK = 6


class Cause(enum.IntEnum):
    """Why a module was taken out of service."""

    TRAP = 1
    RESET = 2  # the node was reset while it was on probation
    BOOT = 3  # after a boot it did not come through its start, or was not what may run
    REQUESTED = 4

    @property
    def text(self) -> str:
        """For people, behind a comma or a colon."""
        return _CAUSES[self]


_CAUSES = {
    Cause.TRAP: "it trapped",
    Cause.RESET: "the board was reset while it was on probation",
    Cause.BOOT: "it could not be started after a reset",
    Cause.REQUESTED: "somebody asked for it",
}


@dataclass(frozen=True, slots=True)
class Candidate(Payload):
    """A module that is installed and waits for start or swap."""

    name: str
    version: str
    sequence: int
    digest: bytes  # SHA-256 of the module
    signer: bytes | None = None  # id of the key that its bundle is signed with

    @classmethod
    def from_item(cls, item: object, where: str = "/modules") -> Self:
        """Read a `candidate` map."""
        fields = Fields(item, where)
        digest, signer = fields.binary(3, DIGEST_BYTES), fields.optional_binary(4, KEY_ID_BYTES)
        return cls(fields.text(0), fields.text(1), fields.unsigned(2), digest, signer)

    def to_item(self) -> dict[int, object]:
        """Return a `candidate` map."""
        return without_none(enumerate((self.name, self.version, self.sequence, self.digest, self.signer)))


@dataclass(frozen=True, slots=True)
class StreamStatus(Payload):
    """An output stream of a module and the sequence number its next record will get."""

    name: str
    next_seq: int

    @classmethod
    def from_item(cls, item: object, where: str = "/modules") -> Self:
        """Read a `stream-status` map."""
        fields = Fields(item, where)
        return cls(fields.text(0), fields.unsigned(1))

    def to_item(self) -> dict[int, object]:
        """Return a `stream-status` map."""
        return {0: self.name, 1: self.next_seq}


@dataclass(frozen=True, slots=True)
class Failure(Payload):
    """The module that was taken out of service last in a slot."""

    cause: Cause
    digest: bytes  # short: its first eight bytes

    @classmethod
    def from_item(cls, item: object, where: str = "/modules") -> Self:
        """Read a `[cause, short-digest]`."""
        entries = array(item, where)
        if len(entries) < 2:
            raise PayloadFault(where, f"expected a cause and a digest, found {len(entries)} items")
        try:
            cause = Cause(unsigned(entries[0], where))
        except ValueError as fault:
            raise PayloadFault(where, str(fault)) from fault
        return cls(cause, binary(entries[1], where, SHORT_DIGEST_BYTES))

    def to_item(self) -> list[object]:
        """Return `[cause, short-digest]`."""
        return [int(self.cause), self.digest]

    def is_of(self, digest: bytes) -> bool:
        """Whether it was the module with this SHA-256."""
        return digest[:SHORT_DIGEST_BYTES] == self.digest


@dataclass(frozen=True, slots=True)
class ModuleStatus(Payload):
    """One slot, as `GET /modules/N` tells it. What a slot does not have is None."""

    slot: int
    state: ModuleState
    name: str | None = None
    version: str | None = None
    sequence: int | None = None
    digest: bytes | None = None  # SHA-256 of the module
    events: int | None = None  # since it was started
    traps: int | None = None  # since the slot was last empty
    time_us: int | None = None
    longest_event_us: int | None = None
    arena_bytes: int | None = None
    error: str | None = None  # why it trapped, or the last error
    candidate: Candidate | None = None
    streams: tuple[StreamStatus, ...] = ()
    state_handed_over: bool | None = None  # in the last swap
    swap_gap_us: int | None = None  # of the last swap: time without a running module
    hand_over: HandOver | None = None  # in the last swap
    in_place: bool | None = None  # the last swap had no room for both modules at once
    missed: int | None = None  # readings of the board that came while it was paused
    probation: int | None = None  # events until it is confirmed by itself; 0: only `confirm` does
    fallback: Candidate | None = None  # what a roll-back goes back to
    failure: Failure | None = None
    restart_in_ms: int | None = None  # after a trap
    traps_in_a_row: int | None = None
    signer: bytes | None = None  # id of the key that the bundle of the module is signed with
    refused: int | None = None  # host calls since it was started; None: there were none

    def out_of_service(self, digest: bytes) -> Failure | None:
        """Why a module, by its SHA-256, was taken out of this slot last; None of one that is there."""
        there = self.digest == digest and self.state is not ModuleState.QUARANTINED
        failed = self.failure is not None and self.failure.is_of(digest)
        return self.failure if failed and not there else None

    @classmethod
    def from_item(cls, item: object, where: str = "/modules") -> Self:
        """Read a `module` map."""
        fields = Fields(item, where)
        candidate = Candidate.from_item(fields[12], fields.where(12)) if 12 in fields else None
        streams = fields.array(13) if 13 in fields else []
        return cls(
            slot=fields.unsigned(0),
            state=_state(fields.unsigned(1), fields.where(1)),
            name=fields.optional_text(2),
            version=fields.optional_text(3),
            sequence=fields.optional_unsigned(4),
            digest=fields.optional_binary(5, DIGEST_BYTES),
            events=fields.optional_unsigned(6),
            traps=fields.optional_unsigned(7),
            time_us=fields.optional_unsigned(8),
            longest_event_us=fields.optional_unsigned(9),
            arena_bytes=fields.optional_unsigned(10),
            error=fields.optional_text(11),
            candidate=candidate,
            streams=tuple(StreamStatus.from_item(one, fields.where(13)) for one in streams),
            state_handed_over=fields.optional_flag(14),
            swap_gap_us=fields.optional_unsigned(15),
            hand_over=_hand_over(fields) if 17 in fields else None,
            in_place=fields.optional_flag(18),
            missed=fields.optional_unsigned(16),
            probation=fields.optional_unsigned(19),
            fallback=Candidate.from_item(fields[20], fields.where(20)) if 20 in fields else None,
            failure=Failure.from_item(fields[21], fields.where(21)) if 21 in fields else None,
            restart_in_ms=fields.optional_unsigned(22),
            traps_in_a_row=fields.optional_unsigned(23),
            signer=fields.optional_binary(24, KEY_ID_BYTES),
            refused=fields.optional_unsigned(25),
        )

    def to_item(self) -> dict[int, object]:
        """Return a `module` map without the keys that are None."""
        values = (
            self.slot,
            int(self.state),
            self.name,
            self.version,
            self.sequence,
            self.digest,
            self.events,
            self.traps,
            self.time_us,
            self.longest_event_us,
            self.arena_bytes,
            self.error,
            self.candidate.to_item() if self.candidate else None,
            [stream.to_item() for stream in self.streams] or None,
            self.state_handed_over,
            self.swap_gap_us,
            self.missed,
            None if self.hand_over is None else int(self.hand_over),
            self.in_place,
            self.probation,
            self.fallback.to_item() if self.fallback else None,
            self.failure.to_item() if self.failure else None,
            self.restart_in_ms,
            self.traps_in_a_row,
            self.signer,
            self.refused,
        )
        return without_none(enumerate(values))


@dataclass(frozen=True, slots=True)
class ControlRequest(Payload):
    """The payload of `POST /modules/N/control`."""

    operation: Control
    next_seq: Mapping[str, int] | None = (
        None  # stream -> number it goes on with, where the slot has no such stream
    )
    beside: int | None = None  # with START: the slot of the module whose state it begins with

    @classmethod
    def from_item(cls, item: object, where: str = "/modules/N/control") -> Self:
        """Read a `control` map."""
        fields = Fields(item, where, ("operation", "numbers", "beside"), closed=True)
        try:
            operation = Control(fields.unsigned(0))
        except ValueError as fault:
            raise PayloadFault(fields.where(0), str(fault)) from fault
        numbers = u32_by_name(fields[1], fields.where(1)) if 1 in fields else None
        if 2 in fields and operation is not Control.START:
            raise PayloadFault(fields.where(2), "only a start is beside another slot")
        return cls(operation, numbers, fields.optional_unsigned(2))

    def to_item(self) -> dict[int, object]:
        """Return a `control` map."""
        numbers = dict(self.next_seq) if self.next_seq else None
        return without_none(enumerate((int(self.operation), numbers, self.beside)))


def config_from_cbor(payload: bytes, where: str) -> dict[str, float]:
    """Read a `config` payload: parameter -> value."""
    return numbers_by_name(decode(payload, where), where)


def config_to_cbor(config: Mapping[str, float]) -> bytes:
    """Encode a `config` payload."""
    return encode(dict(config))


def _hand_over(fields: Fields) -> HandOver:
    try:
        return HandOver(fields.unsigned(17))
    except ValueError as fault:
        raise PayloadFault(fields.where(17), str(fault)) from fault


def _state(value: int, where: str) -> ModuleState:
    try:
        return ModuleState(value)
    except ValueError as fault:
        raise PayloadFault(where, f"{value} is no module state") from fault
