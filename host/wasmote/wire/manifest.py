"""The manifest of a module: firmware/SPEC.md, "Bundle and manifest".

Every value is checked when it is made, whether it came from the wire or from a project file: one that
exists is one a node can be asked to accept. Encoding is deterministic (RFC 8949 section 4.2.1).
"""

from __future__ import annotations

import enum
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2

from wasmote.errors import WasmoteError
from wasmote.wire.fields import Fields, InvalidItem

ABI_VERSION = 1
PAGE_BYTES = 16384
DIGEST_BYTES = 32
ANY_DEVICE = "any"
CAPABILITIES = ("log", "random")
DEFAULT_EVENT_BUDGET_US = 50_000

STREAMS_MAX, STREAM_VALUES_MAX = 2, 128
INPUTS_MAX, CHANNELS_MAX = 4, 8
CONFIG_BYTES_MAX = 512
VERSION_BYTES_MAX, TEXT_BYTES_MAX = 23, 31

_NAME = re.compile(r"[a-z0-9_-]{1,31}")
_U32_MAX = 0xFFFF_FFFF


class InvalidManifest(WasmoteError):
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
    """An output of a module: every record holds `count` values of `dtype`, laid out as `shape`."""

    name: str
    shape: tuple[int, ...]
    fields: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    dtype: DType = DType.F32

    def __post_init__(self) -> None:
        where = f"stream {self.name!r}"
        check_name(self.name, "stream name")
        _require(len(self.shape) > 0, f"{where}: shape", "needs at least one dimension")
        for dimension in self.shape:
            _check_u32(dimension, f"{where}: shape", minimum=1)
        _check_at_most(self.count, STREAM_VALUES_MAX, f"{where}: shape", "values")
        _check_labels(self.fields, f"{where}: fields", self.count, "values")
        _check_labels(self.units, f"{where}: units", self.count, "values", distinct=False)

    @property
    def count(self) -> int:
        """Values in one record."""
        return math.prod(self.shape)

    def _to_item(self) -> dict[int, Any]:
        item: dict[int, Any] = {0: self.name, 1: int(self.dtype), 2: list(self.shape)}
        if self.fields:
            item[3] = list(self.fields)
        if self.units:
            item[4] = list(self.units)
        return item

    @classmethod
    def _from_item(cls, fields: Fields) -> Stream:
        name = fields.text(0, "name")
        code = fields.uint(1, "dtype")
        _require(code in list(DType), f"stream {name!r}: dtype", f"{code} is not known; 0 is f32")
        stream = cls(
            name=name,
            dtype=DType(code),
            shape=fields.uints(2, "shape"),
            fields=fields.texts(3, "fields", optional=True),
            units=fields.texts(4, "units", optional=True),
        )
        fields.finish()
        return stream


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
        _check_at_most(len(self.channels), CHANNELS_MAX, f"{where}: channels", "channels")
        _check_labels(self.channels, f"{where}: channels", len(self.channels), "channels")
        _require(
            len(self.units) == len(self.channels),
            f"{where}: units",
            f"has {len(self.units)} for {len(self.channels)} channels",
        )
        if self.poll_ms is not None:
            _check_u32(self.poll_ms, f"{where}: poll_ms", minimum=1)

    def _to_item(self) -> dict[int, Any]:
        item: dict[int, Any] = {0: self.sensor, 1: list(self.channels), 2: list(self.units)}
        if self.poll_ms is not None:
            item[3] = self.poll_ms
        return item

    @classmethod
    def _from_item(cls, fields: Fields) -> Input:
        poll_ms = fields.optional_uint(3, "poll_ms")
        made = cls(fields.text(0, "sensor"), fields.texts(1, "channels"), fields.texts(2, "units"), poll_ms)
        fields.finish()
        return made


@dataclass(frozen=True, slots=True)
class StateSchema:
    """What a swap hands over: `size` bytes, understood by every module with the same `schema` id and size."""

    schema: str
    size: int

    def __post_init__(self) -> None:
        _check_text(self.schema, "state schema", TEXT_BYTES_MAX)
        _check_u32(self.size, "state size", minimum=1)

    def _to_item(self) -> dict[int, Any]:
        return {0: self.schema, 1: self.size}

    @classmethod
    def _from_item(cls, fields: Fields) -> StateSchema:
        made = cls(fields.text(0, "schema"), fields.uint(1, "size"))
        fields.finish()
        return made


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that a node has to know of a module before it loads it.

    `digest` and `size` are those of the module's bytes; `pages` counts 16 KiB pages of linear memory; `stack`
    is the engine's operand stack in bytes, not the C stack, which lies in linear memory.
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
        _check_at_most(len(self.streams), STREAMS_MAX, "streams", "streams")
        _check_at_most(len(self.inputs), INPUTS_MAX, "inputs", "inputs")
        _check_distinct((stream.name for stream in self.streams), "streams")
        _check_distinct((entry.sensor for entry in self.inputs), "inputs")
        _check_config(self.config)
        _check_capabilities(self.capabilities)
        if self.event_budget_us is not None:
            _check_u32(self.event_budget_us, "event_budget_us", minimum=1)

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
        item: dict[int, Any] = {
            0: self.name,
            1: self.version,
            2: self.sequence,
            3: self.digest,
            4: self.size,
            5: self.abi,
            6: self.device_class,
            7: self.pages,
            8: self.stack,
            9: [stream._to_item() for stream in self.streams],
            10: [entry._to_item() for entry in self.inputs],
        }
        if self.config:
            item[11] = _config_item(self.config)
        if self.state is not None:
            item[12] = self.state._to_item()
        if self.capabilities:
            item[13] = list(self.capabilities)
        if self.event_budget_us is not None:
            item[14] = self.event_budget_us
        return cbor2.dumps(item, canonical=True)

    @classmethod
    def from_cbor(cls, encoded: bytes) -> Manifest:
        """Decode and check; raises InvalidManifest, which names the field that is wrong and why."""
        try:
            return cls._from_fields(Fields(_decode(encoded), "manifest"))
        except InvalidItem as fault:
            raise InvalidManifest(str(fault)) from None

    @classmethod
    def _from_fields(cls, fields: Fields) -> Manifest:
        state = fields.optional_map(12, "state")
        made = cls(
            name=fields.text(0, "name"),
            version=fields.text(1, "version"),
            sequence=fields.uint(2, "sequence"),
            digest=fields.bytes(3, "digest"),
            size=fields.uint(4, "size"),
            abi=fields.uint(5, "abi"),
            device_class=fields.text(6, "device class"),
            pages=fields.uint(7, "pages"),
            stack=fields.uint(8, "stack"),
            streams=tuple(Stream._from_item(entry) for entry in fields.maps(9, "streams")),
            inputs=tuple(Input._from_item(entry) for entry in fields.maps(10, "inputs")),
            config=fields.numbers(11, "config"),
            state=StateSchema._from_item(state) if state else None,
            capabilities=fields.texts(13, "capabilities", optional=True),
            event_budget_us=fields.optional_uint(14, "event_budget_us"),
        )
        fields.finish()
        return made


def check_name(name: str, what: str) -> None:
    """Refuse a name that could not be a path segment of a node: 1 to 31 of a-z, 0-9, _ and -."""
    _require(
        _NAME.fullmatch(name) is not None, what, f"{name!r} is not 1 to 31 characters of a-z, 0-9, _ and -"
    )


def check_capability(capability: str) -> None:
    """Refuse a capability that no node grants."""
    known = capability in CAPABILITIES
    _require(known, "capabilities", f"{capability!r} is not one of {', '.join(CAPABILITIES)}")


def _decode(encoded: bytes) -> object:
    stream = io.BytesIO(encoded)
    try:
        item = cbor2.load(stream, allow_indefinite=False, allow_duplicate_keys=False, max_depth=8)
    except (cbor2.CBORError, ValueError) as fault:
        raise InvalidManifest(f"manifest: is not CBOR: {fault}") from fault
    if stream.tell() != len(encoded):
        raise InvalidManifest(f"manifest: {len(encoded) - stream.tell()} bytes follow its CBOR item")
    return item


def _require(holds: bool, what: str, reason: str) -> None:
    if not holds:
        raise InvalidManifest(f"manifest: {what}: {reason}", field=what)


def _check_u32(value: int, what: str, minimum: int = 0) -> None:
    _require(minimum <= value <= _U32_MAX, what, f"{value} is not between {minimum} and {_U32_MAX}")


def _check_at_most(count: int, maximum: int, what: str, things: str) -> None:
    _require(count <= maximum, what, f"{count} {things}, a node takes at most {maximum}")


def _check_text(text: str, what: str, maximum: int) -> None:
    size = len(text.encode())
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


def _config_item(config: Mapping[str, float]) -> dict[str, float]:
    return {key: float(value) for key, value in config.items()}


def _check_config(config: Mapping[str, float]) -> None:
    for key, value in config.items():
        _require(key != "", "config", "a parameter has no name")
        _require(math.isfinite(value), f"config: {key}", f"{value} is not a finite number")
    size = len(cbor2.dumps(_config_item(config), canonical=True))
    _check_at_most(size, CONFIG_BYTES_MAX, "config", "bytes of CBOR")


def _check_capabilities(capabilities: tuple[str, ...]) -> None:
    _check_distinct(capabilities, "capabilities")
    for capability in capabilities:
        check_capability(capability)
