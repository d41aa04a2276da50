"""`/sensors`: what a node measures, and samples fed to it from outside."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from wasmote.errors import UsageFault
from wasmote.wire.codec import (
    Fields,
    Payload,
    PayloadFault,
    array,
    as_binary32,
    encode,
    number,
    time_ms,
    unsigneds,
)

SAMPLES_MAX = 32  # samples in one PUT
SAMPLES_BYTES_MAX = 1024  # COAP_REQUEST_BODY_MAX of the firmware


@dataclass(frozen=True, slots=True)
class Waiting:
    """Readings of all the board's sensors that wait for the modules, in the one queue that they share."""

    most: int  # that waited at once since the node started
    room: int  # that can wait
    in_erase: int  # that come, at most, while flash is erased: more than `room` are lost

    @classmethod
    def from_item(cls, item: object, where: str) -> Self:
        """Read `[most, room, in_erase]`."""
        counts = unsigneds(item, where)
        if len(counts) < 3:
            raise PayloadFault(where, f"expected 3 counts, found {len(counts)}")
        return cls(*counts[:3])

    def to_item(self) -> list[int]:
        """Return `[most, room, in_erase]`."""
        return [self.most, self.room, self.in_erase]


@dataclass(frozen=True, slots=True)
class SensorInfo(Payload):
    """One entry of `GET /sensors`: channels that are read together, with a unit for each."""

    name: str
    channels: tuple[str, ...]
    units: tuple[str, ...]
    injected: bool  # fed by PUT only
    readings: int  # since the node started
    newest_ms: int | None = None  # time of the newest reading; None before the first
    lost: int | None = None  # readings of a board's sensor that were due and that there are none of
    waiting: Waiting | None = None  # of a board's sensor, where the node tells
    # Running modules that its readings go to, where the node tells: what runs, not what the sensor is.
    listeners: int | None = field(default=None, compare=False)

    @classmethod
    def from_item(cls, item: object, where: str = "/sensors") -> Self:
        """Read a `sensor` map."""
        fields = Fields(item, where)
        return cls(
            name=fields.text(0),
            channels=fields.texts(1),
            units=fields.texts(2),
            injected=fields.flag(3),
            readings=fields.unsigned(4),
            newest_ms=fields.integer(5) if 5 in fields else None,
            lost=fields.unsigned(6) if 6 in fields else None,
            waiting=Waiting.from_item(fields[7], fields.where(7)) if 7 in fields else None,
            listeners=fields.optional_unsigned(8),
        )

    def to_item(self) -> dict[int, object]:
        """Return a `sensor` map."""
        item: dict[int, object] = dict(
            enumerate((self.name, [*self.channels], [*self.units], self.injected, self.readings))
        )
        for key, value in ((5, self.newest_ms), (6, self.lost)):
            if value is not None:
                item[key] = value
        if self.waiting:
            item[7] = self.waiting.to_item()
        if self.listeners is not None:
            item[8] = self.listeners
        return item


@dataclass(frozen=True, slots=True)
class Sample(Payload):
    """One reading: its time (ms since 1970, UTC) and a value for each channel, sent as binary32."""

    time_ms: int
    values: tuple[float, ...]

    @classmethod
    def from_item(cls, item: object, where: str = "samples") -> Self:
        """Read `[time, [value, ...]]`."""
        pair = array(item, where)
        if len(pair) != 2:
            raise PayloadFault(where, f"expected [time, values], found {len(pair)} items")
        values = tuple(_value(value, where) for value in array(pair[1], where))
        return cls(time_ms(pair[0], where), values)

    def to_item(self) -> list[object]:
        """Return `[time, [value, ...]]`. Raises `UsageFault` for a value beyond binary32."""
        return [self.time_ms, [as_binary32(value, f"sample at {self.time_ms} ms") for value in self.values]]


def _value(item: object, where: str) -> float:
    """Read a value; one that is finite and beyond binary32 would become infinite."""
    value = number(item, where)
    try:
        struct.pack("<f", value)
    except OverflowError as fault:
        raise PayloadFault(where, f"{value!r} does not fit a binary32 number") from fault
    return value


def samples_from_cbor(payload: bytes, where: str, channels: int) -> list[Sample]:
    """Read what is PUT on a sensor of so many channels. Raises `PayloadFault`."""
    samples = Sample.list_from_cbor(payload, where)
    if not 1 <= len(samples) <= SAMPLES_MAX:
        raise PayloadFault(where, f"expected 1 to {SAMPLES_MAX} samples, found {len(samples)}")
    if any(len(sample.values) != channels for sample in samples):
        raise PayloadFault(where, f"expected samples of {channels} values")
    return samples


def sample_chunks(samples: Sequence[Sample]) -> Iterator[bytes]:
    """Encode samples as payloads of at most 32 samples and 1024 bytes each, in order."""
    chunk: list[object] = []
    size = 0
    for sample in samples:
        item = sample.to_item()
        length = len(encode(item))
        if length > SAMPLES_BYTES_MAX - 3:
            raise UsageFault(
                f"a sample of {len(sample.values)} channels takes {length} bytes, too many for one PUT"
            )
        if chunk and (
            len(chunk) == SAMPLES_MAX or size + length > SAMPLES_BYTES_MAX - 3
        ):  # 3: the array's head
            yield encode(chunk)
            chunk, size = [], 0
        chunk.append(item)
        size += length
    if chunk:
        yield encode(chunk)
