"""`/modules/N/trace`: each event that enters a module, and what it called in it and was answered."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import cbor2

from wasmote.wire.codec import (
    TIME_MAX_MS,
    TIME_MIN_MS,
    Fields,
    Payload,
    PayloadFault,
    array,
    binary,
    decode,
    encode,
    i32,
    integer,
    unsigned,
)
from wasmote.wire.manifest import Manifest
from wasmote.wire.modules import config_from_cbor
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
        if len(items) != _items_of(known, items):
            raise PayloadFault(where, f"no call of {known.name.lower()}: {items!r:.60}")
        match known:
            case Function.RANDOM:
                return cls(known, (binary(items[0], where),))
            case Function.NOW_MS:
                return cls(known, (integer(items[0], where),))
            case Function.EMIT:
                return cls(known, (i32(items[0], where),))
        asked, result = i32(items[0], where), i32(items[1], where)
        read = (binary(items[2], where, 4 * result),) if result > 0 else ()
        return cls(known, (asked, result, *read))

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
            number=fields.u32(2),
            seq=fields.u32(0),
            time_ms=fields.integer(3) if 3 in fields else None,
            input=fields.optional_u32(4),
            content=_content(fields, kind) if 5 in fields else None,
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


def switch_from_cbor(payload: bytes, where: str = "trace") -> bool:
    """Read the payload of `PUT /modules/N/trace`: whether it is to be on. Raises `PayloadFault`."""
    return Fields(decode(payload, where), where, ("on",), closed=True).flag(0)


def events_from_cbor(payload: bytes, manifest: Manifest, where: str = "event") -> list[TracedEvent]:
    """Read the payload of `POST /modules/N/event`: events that this module can have had.

    Raises `PayloadFault`.
    """
    events = TracedEvent.list_from_cbor(payload, where)
    if not events:
        raise PayloadFault(where, "expected at least one record of a trace")
    for index, event in enumerate(events):
        if event.cut or not _fits(event, manifest):
            raise PayloadFault(where, f"record {index} is no event that this module can have had")
    return events


def events_to_cbor(events: Iterable[TracedEvent]) -> bytes:
    """Encode the payload of `POST /modules/N/event`."""
    return encode([event.to_item() for event in events])


def _fits(event: TracedEvent, manifest: Manifest) -> bool:
    match event.kind:
        case EventKind.SAMPLE:
            return _is_sample(event, manifest)
        case EventKind.TICK:
            return _is_time(event.time_ms)
        case EventKind.CONFIG:
            return _is_config(event.content, manifest)
    return False


def _is_sample(event: TracedEvent, manifest: Manifest) -> bool:
    if event.input is None or event.input >= len(manifest.inputs) or not _is_time(event.time_ms):
        return False
    return len(event.content or b"") == 4 * len(manifest.inputs[event.input].channels)


def _is_time(time_ms: int | None) -> bool:
    return time_ms is not None and TIME_MIN_MS <= time_ms <= TIME_MAX_MS


def _is_config(content: bytes | None, manifest: Manifest) -> bool:
    """Whether it is parameters that the module has, encoded."""
    try:
        return content is not None and {*config_from_cbor(content, "config")} <= {*manifest.config}
    except PayloadFault:
        return False


def _items_of(function: Function, items: list[object]) -> int:
    """How many items a call has besides its function."""
    if function is not Function.SENSOR_READ:
        return 1
    return 3 if len(items) > 1 and isinstance(items[1], int) and items[1] > 0 else 2


def _kind(value: int, where: str) -> EventKind:
    try:
        return EventKind(value)
    except ValueError as fault:
        raise PayloadFault(where, f"{value} is no kind of event") from fault


def _content(fields: Fields, kind: EventKind) -> bytes:
    """Bytes; the values of a sample have their tag, parameters none."""
    item, is_tagged = fields[5], False
    if isinstance(item, cbor2.CBORTag) and item.tag == F32LE_ARRAY_TAG:
        item, is_tagged = item.value, True
    if (kind is EventKind.SAMPLE and not is_tagged) or (kind is EventKind.CONFIG and is_tagged):
        raise PayloadFault(fields.where(5), f"not what a {kind.name.lower()} holds")
    return binary(item, fields.where(5))
