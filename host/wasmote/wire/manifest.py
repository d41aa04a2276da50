"""The manifest of a module: firmware/SPEC.md, "Bundle and manifest".

Every value is checked when it is made, whether it came from the wire or from a project file: one that
exists is one a node can be asked to accept. Encoding is deterministic (RFC 8949 section 4.2.1).
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from wasmote import limits
from wasmote.errors import UsageFault
from wasmote.wire.cbor import Map
from wasmote.wire.codec import Fields, PayloadFault, decode, encode, numbers_by_name, without_none

ABI_VERSION = 1
PAGE_BYTES = 16384
DIGEST_BYTES = 32
NO_UNIT = "1"  # of SenML (RFC 8428 section 12.1): a number, a ratio
ANY_DEVICE = "any"
CAPABILITIES = ("log", "random")
DEFAULT_EVENT_BUDGET_US = limits.MODULE_EVENT_BUDGET_US
DEFAULT_PROBATION = limits.MODULE_PROBATION_EVENTS

VERSION_BYTES_MAX, TEXT_BYTES_MAX = 23, 31

# the members of each rule of the SPEC by their keys, from 0
_STREAM = ("name", "dtype", "shape", "fields", "units", "rate_ms")
_INPUT = ("sensor", "channels", "units", "poll_ms")
_STATE = ("schema", "size")
_MANIFEST = (
    *("name", "version", "sequence", "digest", "size", "abi", "device class", "pages", "stack"),
    *("streams", "inputs", "config", "state", "capabilities", "event_budget_us"),
    *("memory_bytes", "memory_use", "probation"),
)

_NAME = re.compile(r"[a-z0-9_-]{1,31}")
_U32_MAX = 0xFFFF_FFFF


class InvalidManifest(UsageFault):
    """A manifest breaks a rule of firmware/SPEC.md; the message names the field and the reason.

    `field` is the path of what is wrong ("config: gain"); empty where it is the whole.
    """

    def __init__(self, message: str, hint: str = "", field: str = "") -> None:
        super().__init__(message, hint)
        self.field = field


class DType(enum.IntEnum):
    """The element type of a stream."""

    F32 = 0

    @property
    def bytes(self) -> int:
        """Size of one element, bytes."""
        return 4


@dataclass(frozen=True, slots=True)
class Stream:
    """An output of a module: every record holds `count` values of `dtype`, laid out as `shape`.

    `rate_ms` is the usual time from one record to the next; None where there is none.
    """

    name: str
    shape: tuple[int, ...]
    fields: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    dtype: DType = DType.F32
    rate_ms: int | None = None

    def __post_init__(self) -> None:
        where = f"stream {self.name!r}"
        check_name(self.name, "stream name")
        _require(len(self.shape) > 0, f"{where}: shape", "needs at least one dimension")
        for dimension in self.shape:
            _check_u32(dimension, f"{where}: shape", minimum=1)
        _check_at_most(self.count, limits.STREAM_VALUES_MAX, f"{where}: shape", "values")
        _check_labels(self.fields, f"{where}: fields", self.count, "values")
        _check_labels(self.units, f"{where}: units", self.count, "values", distinct=False)
        if self.rate_ms is not None:
            _check_u32(self.rate_ms, f"{where}: rate_ms", minimum=1)

    @property
    def count(self) -> int:
        """Values in one record."""
        return math.prod(self.shape)

    def _to_item(self) -> dict[int, object]:
        fields, units = list(self.fields) or None, list(self.units) or None
        members = (self.name, int(self.dtype), list(self.shape), fields, units, self.rate_ms)
        return without_none(enumerate(members))

    @classmethod
    def _from_item(cls, item: object, where: str) -> Self:
        fields = Fields(item, where, _STREAM)
        name, code = fields.text(0), fields.unsigned(1)
        _require(code in list(DType), f"stream {name!r}: dtype", f"{code} is not known; 0 is f32")
        labels = _labels(fields, 3), _labels(fields, 4)
        return cls(name, fields.unsigneds(2), *labels, DType(code), fields.optional_unsigned(5))


@dataclass(frozen=True, slots=True)
class Input:
    """A sensor that a module listens to, with its channels in the order in which their values arrive.

    `poll_ms` asks the node to read a sensor of the board that often; None leaves the pace to the sensor.
    """

    sensor: str
    channels: tuple[str, ...]
    units: tuple[str, ...]
    poll_ms: int | None = None

    def __post_init__(self) -> None:
        where = f"input {self.sensor!r}"
        check_name(self.sensor, "input sensor")
        _require(len(self.channels) > 0, f"{where}: channels", "needs at least one channel")
        _check_at_most(len(self.channels), limits.SENSOR_CHANNELS_MAX, f"{where}: channels", "channels")
        _check_labels(self.channels, f"{where}: channels", len(self.channels), "channels")
        _require(
            len(self.units) == len(self.channels),
            f"{where}: units",
            f"has {len(self.units)} for {len(self.channels)} channels",
        )
        if self.poll_ms is not None:
            _check_u32(self.poll_ms, f"{where}: poll_ms", minimum=1)

    def _to_item(self) -> dict[int, object]:
        members = (self.sensor, list(self.channels), list(self.units), self.poll_ms)
        return without_none(enumerate(members))

    @classmethod
    def _from_item(cls, item: object, where: str) -> Self:
        fields = Fields(item, where, _INPUT)
        return cls(fields.text(0), fields.texts(1), fields.texts(2), fields.optional_unsigned(3))


@dataclass(frozen=True, slots=True)
class StateSchema:
    """What a swap hands over: `size` bytes, understood by every module with the same `schema` id and size."""

    schema: str
    size: int

    def __post_init__(self) -> None:
        _check_text(self.schema, "state schema", TEXT_BYTES_MAX)
        _check_u32(self.size, "state size", minimum=1)

    def _to_item(self) -> dict[int, object]:
        return {0: self.schema, 1: self.size}

    @classmethod
    def _from_item(cls, item: object, where: str) -> Self:
        fields = Fields(item, where, _STATE)
        return cls(fields.text(0), fields.unsigned(1))


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """What a module's linear memory holds from the start, in bytes, from the lowest address up.

    `heap` is what lies above the data: the module's to use, or left over in the last page.
    """

    stack: int
    data: int
    heap: int

    def __post_init__(self) -> None:
        for part in (self.stack, self.data, self.heap):
            _check_u32(part, "memory_use")

    def _to_item(self) -> list[int]:
        return [self.stack, self.data, self.heap]

    @classmethod
    def _from_item(cls, parts: tuple[int, ...]) -> Self:
        _require(len(parts) == 3, "memory_use", f"has {len(parts)} parts, not stack, data and heap")
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that a node has to know of a module before it loads it.

    `digest` and `size` are those of the module's bytes; `pages` counts 16 KiB pages of linear memory; `stack`
    is the engine's operand stack in bytes, not the C stack, which lies in linear memory. `memory_bytes` is
    set when the last page is trimmed; `memory_use`, for people, where the packer could measure it.
    `probation` counts the events without a trap that confirm the module; 0: only a client does.
    """

    name: str
    version: str
    sequence: int
    digest: bytes
    size: int
    pages: int
    stack: int
    streams: tuple[Stream, ...] = ()
    inputs: tuple[Input, ...] = ()
    config: Mapping[str, float] = field(default_factory=dict)
    state: StateSchema | None = None
    capabilities: tuple[str, ...] = ()
    event_budget_us: int | None = None
    abi: int = ABI_VERSION
    device_class: str = ANY_DEVICE
    memory_bytes: int | None = None
    memory_use: MemoryUse | None = None
    probation: int | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "name")
        _check_text(self.version, "version", VERSION_BYTES_MAX)
        _require(len(self.digest) == DIGEST_BYTES, "digest", f"has {len(self.digest)} bytes, SHA-256 has 32")
        _check_u32(self.sequence, "sequence")
        _check_u32(self.size, "size", minimum=1)
        _check_u32(self.abi, "abi")
        _check_text(self.device_class, "device class", TEXT_BYTES_MAX)
        _check_u32(self.pages, "pages")
        _check_u32(self.stack, "stack", minimum=1)
        _check_at_most(len(self.streams), limits.MODULE_STREAMS_MAX, "streams", "streams")
        _check_at_most(len(self.inputs), limits.MODULE_INPUTS_MAX, "inputs", "inputs")
        _check_distinct((stream.name for stream in self.streams), "streams")
        _check_distinct((entry.sensor for entry in self.inputs), "inputs")
        _check_config(self.config)
        _check_capabilities(self.capabilities)
        if self.event_budget_us is not None:
            _check_u32(self.event_budget_us, "event_budget_us", minimum=1)
        if self.probation is not None:
            _check_u32(self.probation, "probation")
        if self.memory_bytes is not None:
            _check_trimmed(self.memory_bytes, self.pages)

    def check_for_nodes(self) -> None:
        """Refuse what a node takes in and then does not start: InvalidManifest.

        Not part of what makes a manifest, because a node reads one so that it can say what it refuses.
        """
        least, most = limits.WASM_STACK_MIN, limits.MODULE_STACK_MAX
        _require(
            least <= self.stack <= most, "stack", f"{self.stack} bytes are not between {least} and {most}"
        )
        if self.event_budget_us is not None:
            most = limits.MODULE_EVENT_BUDGET_MAX_US
            _check_at_most(self.event_budget_us, most, "event_budget_us", "us")

    @property
    def held_bytes(self) -> int:
        """Bytes of linear memory that the module may have."""
        return self.pages * PAGE_BYTES if self.memory_bytes is None else self.memory_bytes

    def stream_index(self, name: str) -> int:
        """The number by which the module knows stream `name`; InvalidManifest when there is none."""
        for index, stream in enumerate(self.streams):
            if stream.name == name:
                return index
        known = ", ".join(stream.name for stream in self.streams) or "none"
        raise InvalidManifest(f"module {self.name} has no stream {name!r}", f"its streams: {known}")

    def input_index(self, sensor: str) -> int:
        """The number by which the module knows `sensor`; InvalidManifest when it does not listen to it."""
        for index, entry in enumerate(self.inputs):
            if entry.sensor == sensor:
                return index
        known = ", ".join(entry.sensor for entry in self.inputs) or "none"
        raise InvalidManifest(f"module {self.name} has no input {sensor!r}", f"its inputs: {known}")

    def to_cbor(self) -> bytes:
        """Encode deterministically: equal manifests give equal bytes."""
        members = (
            self.name,
            self.version,
            self.sequence,
            self.digest,
            self.size,
            self.abi,
            self.device_class,
            self.pages,
            self.stack,
            [stream._to_item() for stream in self.streams],
            [entry._to_item() for entry in self.inputs],
            _config_item(self.config) or None,
            self.state._to_item() if self.state else None,
            list(self.capabilities) or None,
            self.event_budget_us,
            self.memory_bytes,
            self.memory_use._to_item() if self.memory_use else None,
            self.probation,
        )
        return encode(without_none(enumerate(members)))

    @classmethod
    def from_cbor(cls, encoded: bytes) -> Self:
        """Decode and check; raises InvalidManifest, which names the field that is wrong and why."""
        try:
            return cls._from_item(decode(encoded, "manifest"))
        except PayloadFault as fault:
            raise InvalidManifest(fault.message) from None

    @classmethod
    def _from_item(cls, item: object) -> Self:
        fields = Fields(item, "manifest", _MANIFEST)
        return cls(
            name=fields.text(0),
            version=fields.text(1),
            sequence=fields.unsigned(2),
            digest=fields.binary(3),
            size=fields.unsigned(4),
            abi=fields.unsigned(5),
            device_class=fields.text(6),
            pages=fields.unsigned(7),
            stack=fields.unsigned(8),
            streams=tuple(Stream._from_item(*entry) for entry in fields.entries(9)),
            inputs=tuple(Input._from_item(*entry) for entry in fields.entries(10)),
            config=_config_from(fields[11], fields.where(11)) if 11 in fields else {},
            state=StateSchema._from_item(fields[12], fields.where(12)) if 12 in fields else None,
            capabilities=fields.optional_texts(13),
            event_budget_us=fields.optional_unsigned(14),
            memory_bytes=fields.optional_unsigned(15),
            memory_use=MemoryUse._from_item(fields.unsigneds(16)) if 16 in fields else None,
            probation=fields.optional_unsigned(17),
        )


def check_name(name: str, what: str) -> None:
    """Refuse a name that could not be a path segment of a node: 1 to 31 of a-z, 0-9, _ and -."""
    _require(
        _NAME.fullmatch(name) is not None, what, f"{name!r} is not 1 to 31 characters of a-z, 0-9, _ and -"
    )


def check_capability(capability: str) -> None:
    """Refuse a capability that no node grants."""
    known = capability in CAPABILITIES
    _require(known, "capabilities", f"{capability!r} is not one of {', '.join(CAPABILITIES)}")


def _require(holds: bool, what: str, reason: str) -> None:
    if not holds:
        raise InvalidManifest(f"manifest: {what}: {reason}", field=what)


def _check_u32(value: int, what: str, minimum: int = 0) -> None:
    _require(minimum <= value <= _U32_MAX, what, f"{value} is not between {minimum} and {_U32_MAX}")


def _check_trimmed(size: int, pages: int) -> None:
    """Refuse a size that does not end within the last page."""
    ends = (pages - 1) * PAGE_BYTES < size <= pages * PAGE_BYTES
    _require(ends, "memory_bytes", f"{size} bytes do not end in page {pages} of 16 KiB, the last")


def _check_at_most(count: int, maximum: int, what: str, things: str) -> None:
    _require(count <= maximum, what, f"{count} {things}, a node takes at most {maximum}")


def _check_text(text: str, what: str, maximum: int) -> None:
    size = len(text.encode())
    _require("\0" not in text, what, f"{text!r} holds a NUL")
    _require(1 <= size <= maximum, what, f"{text!r} has {size} bytes, not 1 to {maximum}")


def _check_distinct(values: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for value in values:
        _require(value not in seen, what, f"{value!r} is there twice")
        seen.add(value)


def _check_labels(
    labels: tuple[str, ...], what: str, count: int, things: str, *, distinct: bool = True
) -> None:
    if not labels:
        return
    _require(len(labels) == count, what, f"has {len(labels)} for {count} {things}")
    if distinct:
        _require("" not in labels, what, "one is empty")
        _check_distinct(labels, what)


def _labels(fields: Fields, key: int) -> tuple[str, ...]:
    """Labels from the wire: where the key is there, so is one of them at least."""
    labels = fields.optional_texts(key)
    _require(key not in fields or len(labels) > 0, fields.where(key), "is empty")
    return labels


def _config_from(item: object, where: str) -> dict[str, float]:
    """Parameters from the wire: their bytes are counted as they came."""
    if isinstance(item, Map):
        _check_at_most(item.size, limits.MODULE_CONFIG_MAX, "config", "bytes of CBOR")
    return numbers_by_name(item, where)


def _config_item(config: Mapping[str, float]) -> dict[str, float]:
    return dict(config)


def _check_config(config: Mapping[str, float]) -> None:
    for key, value in config.items():
        _require(key != "", "config", "a parameter has no name")
        _require(math.isfinite(value), f"config: {key}", f"{value} is not a finite number")
    size = len(encode(_config_item(config)))
    _check_at_most(size, limits.MODULE_CONFIG_MAX, "config", "bytes of CBOR")


def _check_capabilities(capabilities: tuple[str, ...]) -> None:
    _check_distinct(capabilities, "capabilities")
    for capability in capabilities:
        check_capability(capability)
