"""`/modules/N/trace`: each event that enters a module, and what it called in it and was answered."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import cbor2

from wasmote.wire.codec import Fields, Payload, PayloadFault, array, binary, encode, integer, unsigned
from wasmote.wire.node import BOOT_ID_BYTES

F32LE_ARRAY_TAG = 85  # RFC 8746 section 2.1: binary32, little endian
SHORT_DIGEST_BYTES = 8
REQUEST_BYTES_MAX = 1024  # COAP_REQUEST_BODY_MAX of the firmware


class EventKind(enum.IntEnum):
    """What a record tells of."""

    BEGAN = 0  # a module began in the slot: no event
    SAMPLE = 1
    TICK = 2
    CONFIG = 3


class Function(enum.IntEnum):
    """What is traced of a module's calls, by its place in wasm3-port/host_api.toml."""

    SENSOR_READ = 0
    EMIT = 1
    NOW_MS = 3
    RANDOM = 5


@dataclass(frozen=True, slots=True)
class Call:
    """A call and its answer.

    `items`: of sensor_read the input, the result and, where it is positive, the values (binary32, little
    endian); of emit the stream; of now_ms the time; of random the bytes.
    """

    function: Function
    items: tuple[int | bytes, ...]

    @classmethod
    def from_item(cls, item: object, where: str) -> Self:
        """Read a `call`."""
        function, *items = array(item, where) or [None]
        try:
            known = Function(unsigned(function, where))
        except ValueError as fault:
            raise PayloadFault(where, f"function {function} is not traced") from fault
        call = cls(known, tuple(items))
        expected: tuple[type, ...] = (int,)
        if known is Function.RANDOM:
            expected = (bytes,)
        elif known is Function.SENSOR_READ:
            expected = (int, int, bytes) if len(items) > 2 else (int, int)
        if tuple(type(one) for one in items) != expected:
            raise PayloadFault(where, f"no call of {known.name.lower()}: {items!r:.60}")
        return call

    def to_item(self) -> list[object]:
        """Return a `call`."""
        return [int(self.function), *self.items]


@dataclass(frozen=True, slots=True)
class TracedEvent(Payload):
    """One record of a trace. `content`: values (binary32, little endian) of a sample; encoded parameters."""

    kind: EventKind
    number: int  # events handled before it since the module was started
    seq: int = 0
    time_ms: int | None = None
    input: int | None = None
    content: bytes | None = None
    calls: tuple[Call, ...] = ()
    trap: str | None = None
    cut: bool = False  # too large for the node's record: content and calls are missing
    digest: bytes | None = None  # short, of the module that began

    @classmethod
    def from_item(cls, item: object, where: str = "trace") -> Self:
        """Read an `event-record` map."""
        fields = Fields(item, where)
        kind = _kind(fields.unsigned(1), fields.where(1))
        return cls(
            kind=kind,
            number=fields.unsigned(2),
            seq=fields.unsigned(0),
            time_ms=fields.integer(3) if 3 in fields else None,
            input=fields.optional_unsigned(4),
            content=_content(fields) if 5 in fields else None,
            calls=tuple(Call.from_item(*one) for one in fields.entries(6)) if 6 in fields else (),
            trap=fields.optional_text(7),
            cut=bool(fields.optional_flag(8)),
            digest=fields.optional_binary(9, SHORT_DIGEST_BYTES),
        )

    def to_item(self) -> dict[int, object]:
        """Return an `event-record` map."""
        content: object = self.content
        if self.kind is EventKind.SAMPLE and self.content is not None:
            content = cbor2.CBORTag(F32LE_ARRAY_TAG, self.content)
        calls = [call.to_item() for call in self.calls]
        traced = self.kind is not EventKind.BEGAN and not self.cut
        members = (
            *(self.seq, int(self.kind), self.number, self.time_ms, self.input, content),
            *(calls if traced else None, self.trap, self.cut or None, self.digest),
        )
        return {key: value for key, value in enumerate(members) if value is not None}

    @property
    def emitted(self) -> tuple[int, ...]:
        """The streams that it emitted a record to each, by index, in order."""
        return tuple(integer(call.items[0], "emit") for call in self.calls if call.function is Function.EMIT)


@dataclass(frozen=True, slots=True)
class Trace(Payload):
    """The answer of `GET /modules/N/trace`: records, oldest first, with what is needed to notice gaps."""

    boot_id: bytes
    lost: int  # records after SEQ that the ring no longer holds
    next_seq: int
    events: tuple[TracedEvent, ...]
    on: bool

    @classmethod
    def from_item(cls, item: object, where: str = "trace") -> Self:
        """Read a `trace` map."""
        fields = Fields(item, where)
        return cls(
            boot_id=fields.binary(0, BOOT_ID_BYTES),
            lost=fields.unsigned(1),
            next_seq=fields.unsigned(2),
            events=tuple(TracedEvent.from_item(*one) for one in fields.entries(3)),
            on=fields.flag(4),
        )

    def to_item(self) -> dict[int, object]:
        """Return a `trace` map."""
        events = [event.to_item() for event in self.events]
        return {0: self.boot_id, 1: self.lost, 2: self.next_seq, 3: events, 4: self.on}


def events_to_cbor(events: Iterable[TracedEvent]) -> bytes:
    """Encode the payload of `POST /modules/N/event`."""
    return encode([event.to_item() for event in events])


def _kind(value: int, where: str) -> EventKind:
    try:
        return EventKind(value)
    except ValueError as fault:
        raise PayloadFault(where, f"{value} is no kind of event") from fault


def _content(fields: Fields) -> bytes:
    item = fields[5]
    if isinstance(item, cbor2.CBORTag) and item.tag == F32LE_ARRAY_TAG:
        item = item.value
    return binary(item, fields.where(5))
