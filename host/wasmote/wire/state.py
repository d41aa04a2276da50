"""`/modules/N/state`: a snapshot of a live module (content format 65002).

A CBOR sequence (RFC 8742): a head, every mutable global, the table, memory without its zeros, and the SHA-256
of all these. The same history gives the same bytes on every core and in the host runtime.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

import cbor2

from wasmote.wire.codec import (
    Fields,
    PayloadFault,
    array,
    binary,
    decode_next,
    encode,
    integer,
    numbers_by_name,
    text,
    u32_by_name,
    unsigned,
    without_none,
)

STATE_CONTENT_FORMAT = 65002
STATE_VERSION = 1
WHERE = "snapshot"

_CHUNK_BYTES = 256
_TABLE_ENTRIES = 64
_DIGEST_BYTES = 32
_F32LE_ARRAY_TAG = 85  # RFC 8746 section 2.1


@dataclass(frozen=True, slots=True)
class DeclaredState:
    """Where in memory the state lies that a module declares, and what its layout is called."""

    schema: str
    address: int
    size: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The newest reading of an input: `values` are binary32, little endian."""

    time_ms: int
    values: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that events have changed in a module, between two events.

    `mutable_globals`: index -> bits, of which an i32 or an f32 has the low 32; `table`: function indices.
    """

    name: str
    digest: bytes  # SHA-256 of the module
    memory: bytes
    next_seq: Mapping[str, int]  # stream -> number of its next record
    config: Mapping[str, float] = field(default_factory=dict)
    readings: tuple[Reading | None, ...] = ()  # one an input
    events: int = 0
    declared: DeclaredState | None = None
    mutable_globals: Mapping[int, int] = field(default_factory=dict)
    table: tuple[int | None, ...] = ()

    @property
    def state(self) -> bytes:
        """The bytes of the declared state; none where the module declares none."""
        if self.declared is None:
            return b""
        return self.memory[self.declared.address : self.declared.address + self.declared.size]

    def to_bytes(self) -> bytes:
        """Encode; equal snapshots give equal bytes."""
        body = b"".join(self._items())
        return body + encode(hashlib.sha256(body).digest())

    @classmethod
    def from_bytes(cls, encoded: bytes) -> Self:
        """Decode and check. Raises `PayloadFault`."""
        first, end = decode_next(encoded, 0, WHERE)
        head = Fields(first, WHERE)
        if (version := head.unsigned(0)) != STATE_VERSION:
            raise PayloadFault(WHERE, f"version {version}, this package speaks {STATE_VERSION}")
        body = _Body(bytearray(_size(head)))
        body.read(encoded, end)
        return cls(
            name=head.text(1),
            digest=head.binary(2, _DIGEST_BYTES),
            memory=bytes(body.memory),
            next_seq=u32_by_name(head[5], head.where(5)),
            config=numbers_by_name(head[6], head.where(6)),
            readings=tuple(_reading(item, where) for item, where in head.entries(7)),
            events=head.unsigned(8),
            declared=_declared(head),
            mutable_globals=body.mutable_globals,
            table=tuple(body.table),
        )

    def _items(self) -> Iterator[bytes]:
        yield encode(self._head())
        for index, bits in sorted(self.mutable_globals.items()):
            yield encode([index, bits])
        for start in range(0, len(self.table), _TABLE_ENTRIES):
            yield encode([start, list(self.table[start : start + _TABLE_ENTRIES])])
        for start in range(0, len(self.memory), _CHUNK_BYTES):
            chunk = self.memory[start : start + _CHUNK_BYTES]
            trimmed = chunk.lstrip(b"\0")
            if trimmed:
                yield encode([start + len(chunk) - len(trimmed), trimmed.rstrip(b"\0")])

    def _head(self) -> dict[int, object]:
        declared = self.declared
        return without_none(
            [
                (0, STATE_VERSION),
                (1, self.name),
                (2, self.digest),
                (3, [declared.schema, declared.address, declared.size] if declared else None),
                (4, len(self.memory)),
                (5, dict(self.next_seq)),
                (6, dict(self.config)),
                (7, [_reading_item(reading) for reading in self.readings]),
                (8, self.events),
            ]
        )


@dataclass(slots=True)
class _Body:
    """What stands behind the head."""

    memory: bytearray
    mutable_globals: dict[int, int] = field(default_factory=dict)
    table: list[int | None] = field(default_factory=list)

    def read(self, encoded: bytes, at: int) -> None:
        """Read up to the digest, which must be that of all before it and the last item."""
        while True:
            item, end = decode_next(encoded, at, WHERE)
            if isinstance(item, bytes):
                break
            self._take(item)
            at = end
        if item != hashlib.sha256(encoded[:at]).digest():
            raise PayloadFault(WHERE, "its digest is not that of its bytes")
        if end != len(encoded):
            raise PayloadFault(WHERE, "there is something behind its digest")

    def _take(self, item: object) -> None:
        pair = array(item, WHERE)
        if len(pair) != 2:
            raise PayloadFault(WHERE, "expected pairs behind the head")
        place, content = unsigned(pair[0], WHERE), pair[1]
        if isinstance(content, bytes):
            if place + len(content) > len(self.memory):
                raise PayloadFault(WHERE, "memory beyond its end")
            self.memory[place : place + len(content)] = content
        elif isinstance(content, list | tuple):
            self.table += [None if one is None else unsigned(one, WHERE) for one in content]
        else:
            self.mutable_globals[place] = unsigned(content, WHERE)


def _size(head: Fields) -> int:
    size = head.unsigned(4)
    if size > 0xFFFF_FFFF:
        raise PayloadFault(head.where(4), f"{size} bytes of memory")
    return size


def _declared(head: Fields) -> DeclaredState | None:
    if 3 not in head:
        return None
    where = head.where(3)
    schema, address, size = (*head.array(3), None, None, None)[:3]
    return DeclaredState(text(schema, where), unsigned(address, where), unsigned(size, where))


def _reading(item: object, where: str) -> Reading | None:
    if item is None:
        return None
    time_ms, values = (*array(item, where), None, None)[:2]
    if not isinstance(values, cbor2.CBORTag) or values.tag != _F32LE_ARRAY_TAG:
        raise PayloadFault(where, "expected a reading: a time and binary32 values")
    return Reading(integer(time_ms, where), binary(values.value, where))


def _reading_item(reading: Reading | None) -> object:
    if reading is None:
        return None
    return [reading.time_ms, cbor2.CBORTag(_F32LE_ARRAY_TAG, reading.values)]
