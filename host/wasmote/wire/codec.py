"""CBOR maps with small integer keys, the form of every rule in firmware/SPEC.md.

The wire may hold anything: what does not match the SPEC becomes a `PayloadFault` that names the place. Two
kinds of map are read with the same `Fields`: in answers of a node and in a manifest, keys that this version
does not know are ignored; in what a node is asked to do at once they are refused.
"""

from __future__ import annotations

import abc
import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import cbor2

from wasmote.errors import UsageFault, WasmoteError
from wasmote.wire.cbor import Malformed, read_item

U32_MAX = 0xFFFF_FFFF
TIME_MIN_MS, TIME_MAX_MS = -62_135_596_800_000, 253_402_300_799_999  # years 1 to 9999


class PayloadFault(WasmoteError):
    """A payload that does not follow the SPEC. `where` is the place, "/node key 6" or "manifest: name"."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(
            f"{where}: {problem}",
            "node firmware and host package may be of different versions: update the older",
        )
        self.where = where


def decode(payload: bytes, where: str) -> object:
    """Decode exactly one CBOR item; `where` names the resource in errors."""
    item, end = decode_next(payload, 0, where)
    if rest := len(payload) - end:
        raise PayloadFault(where, f"{rest} bytes after the CBOR item")
    return item


def decode_next(sequence: bytes, at: int, where: str) -> tuple[object, int]:
    """Decode the item of a CBOR sequence (RFC 8742) that begins at `at`; return it and where it ends."""
    try:
        return read_item(sequence, at)
    except Malformed as fault:
        raise PayloadFault(where, f"not CBOR: {fault}") from fault


def encode(item: object) -> bytes:
    """Encode deterministically (RFC 8949 section 4.2.1): the same value is always the same bytes."""
    return cbor2.dumps(item, canonical=True)


def as_binary32(value: float, where: str) -> float:
    """Round to the nearest binary32, the precision of samples and features; beyond its range is a fault."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except (OverflowError, struct.error) as fault:
        raise UsageFault(f"{where}: {value!r} does not fit a binary32 number") from fault


def array(item: object, where: str) -> list[Any]:
    """Return an array, or raise."""
    if not isinstance(item, list | tuple):
        raise PayloadFault(where, f"expected an array, found {_describe(item)}")
    return list(item)


def integer(item: object, where: str) -> int:
    """Return an integer of 64 bits with its sign, or raise; true and false are not integers."""
    if not isinstance(item, int) or isinstance(item, bool):
        raise PayloadFault(where, f"expected an integer, found {_describe(item)}")
    if not -(1 << 63) <= item < 1 << 63:
        raise PayloadFault(where, f"{item} does not fit 64 bits")
    return item


def unsigned(item: object, where: str) -> int:
    """Return an integer of 64 bits that is not negative, or raise."""
    if not isinstance(item, int) or isinstance(item, bool):
        raise PayloadFault(where, f"expected an integer, found {_describe(item)}")
    if item < 0:
        raise PayloadFault(where, f"expected an unsigned integer, found {item}")
    return item


def u32(item: object, where: str, minimum: int = 0) -> int:
    """Return an integer of 32 bits that is not less than `minimum`, or raise."""
    value = unsigned(item, where)
    if not minimum <= value <= U32_MAX:
        raise PayloadFault(where, f"{value} is not between {minimum} and {U32_MAX}")
    return value


def i32(item: object, where: str) -> int:
    """Return an integer of 32 bits with its sign, or raise."""
    value = integer(item, where)
    if not -(1 << 31) <= value < 1 << 31:
        raise PayloadFault(where, f"{value} does not fit 32 bits")
    return value


def time_ms(item: object, where: str) -> int:
    """Return a time: ms since 1970, within the years 1 to 9999; or raise."""
    return _time_until(TIME_MAX_MS, item, where)


def settable_time_ms(item: object, where: str) -> int:
    """Return a time that a clock may be set to: it runs on, so that a century must be left; or raise."""
    return _time_until(TIME_MAX_MS - 36_524 * 86_400_000, item, where)


def _time_until(latest: int, item: object, where: str) -> int:
    value = integer(item, where)
    if not TIME_MIN_MS <= value <= latest:
        raise PayloadFault(where, f"{value} is no time between {TIME_MIN_MS} and {latest} ms")
    return value


def number(item: object, where: str) -> float:
    """Return an integer or a float as float, or raise."""
    if not isinstance(item, int | float) or isinstance(item, bool):
        raise PayloadFault(where, f"expected a number, found {_describe(item)}")
    return float(item)


def text(item: object, where: str) -> str:
    """Return a text, or raise."""
    if not isinstance(item, str):
        raise PayloadFault(where, f"expected a text, found {_describe(item)}")
    return item


def binary(item: object, where: str, size: int | None = None) -> bytes:
    """Return a byte string, of `size` bytes where that is given, or raise."""
    if not isinstance(item, bytes):
        raise PayloadFault(where, f"expected a byte string, found {_describe(item)}")
    if size is not None and len(item) != size:
        raise PayloadFault(where, f"expected {size} bytes, found {len(item)}")
    return item


def flag(item: object, where: str) -> bool:
    """Return true or false, or raise."""
    if not isinstance(item, bool):
        raise PayloadFault(where, f"expected true or false, found {_describe(item)}")
    return item


def texts(item: object, where: str) -> tuple[str, ...]:
    """Return an array of texts, or raise."""
    return tuple(text(one, f"{where}[{index}]") for index, one in enumerate(array(item, where)))


def unsigneds(item: object, where: str) -> tuple[int, ...]:
    """Return an array of unsigned integers, or raise."""
    return tuple(unsigned(one, f"{where}[{index}]") for index, one in enumerate(array(item, where)))


def mapping(item: object, where: str) -> Mapping[object, object]:
    """Return a map, or raise."""
    if not isinstance(item, Mapping):
        raise PayloadFault(where, f"expected a map, found {_describe(item)}")
    return item


def finite(item: object, where: str) -> float:
    """Return an integer or a float as it came, or raise; neither an infinity nor a NaN."""
    if not math.isfinite(number(item, where)):
        raise PayloadFault(where, f"{item} is not a finite number")
    assert isinstance(item, int | float)  # it is a number
    return item


def numbers_by_name(item: object, where: str) -> dict[str, float]:
    """Return a map from text to finite number, or raise."""
    entries = mapping(item, where).items()
    return {text(name, f"{where}: a key"): finite(value, f"{where} {name!r}") for name, value in entries}


def u32_by_name(item: object, where: str) -> dict[str, int]:
    """Return a map from text to an integer of 32 bits, or raise."""
    entries = mapping(item, where).items()
    return {text(name, f"{where}: a key"): u32(value, f"{where} {name!r}") for name, value in entries}


class Fields:
    """A map with integer keys. `fields[3]` is a value, `fields.where(3)` its place in errors.

    `members` names the keys that are known, in order from 0; where it is `closed`, any other is refused.
    """

    def __init__(
        self, item: object, where: str, members: Sequence[str] | None = None, *, closed: bool = False
    ) -> None:
        self._map = mapping(item, where)
        self._where = where
        self._members = members
        for key in self._map:
            if not isinstance(key, int) or key < 0:
                raise PayloadFault(where, f"{key!r} is not a key: expected an unsigned integer")
            if closed and key >= len(members or ()):
                raise PayloadFault(where, f"key {key} is not known")

    def __contains__(self, key: int) -> bool:
        return key in self._map

    def where(self, key: int) -> str:
        """Name a key for an error message."""
        return f"{self._where} key {key}" if self._members is None else f"{self._where}: {self._members[key]}"

    def __getitem__(self, key: int) -> object:
        try:
            return self._map[key]
        except KeyError:
            raise PayloadFault(self.where(key), "missing") from None

    def text(self, key: int) -> str:
        """Return a text."""
        return text(self[key], self.where(key))

    def texts(self, key: int) -> tuple[str, ...]:
        """Return an array of texts."""
        return texts(self[key], self.where(key))

    def unsigneds(self, key: int) -> tuple[int, ...]:
        """Return an array of unsigned integers."""
        return unsigneds(self[key], self.where(key))

    def unsigned(self, key: int) -> int:
        """Return an unsigned integer."""
        return unsigned(self[key], self.where(key))

    def u32(self, key: int, minimum: int = 0) -> int:
        """Return an integer of 32 bits that is not less than `minimum`."""
        return u32(self[key], self.where(key), minimum)

    def integer(self, key: int) -> int:
        """Return an integer."""
        return integer(self[key], self.where(key))

    def binary(self, key: int, size: int | None = None) -> bytes:
        """Return a byte string."""
        return binary(self[key], self.where(key), size)

    def flag(self, key: int) -> bool:
        """Return true or false."""
        return flag(self[key], self.where(key))

    def array(self, key: int) -> list[Any]:
        """Return an array."""
        return array(self[key], self.where(key))

    def entries(self, key: int) -> Iterator[tuple[object, str]]:
        """Yield the items of an array, each with its place in errors."""
        for index, item in enumerate(self.array(key)):
            yield item, f"{self.where(key)}[{index}]"

    def optional_text(self, key: int) -> str | None:
        """Return a text, or None where the key is absent."""
        return self.text(key) if key in self else None

    def optional_texts(self, key: int) -> tuple[str, ...]:
        """Return an array of texts, empty where the key is absent."""
        return self.texts(key) if key in self else ()

    def optional_unsigned(self, key: int) -> int | None:
        """Return an unsigned integer, or None where the key is absent."""
        return self.unsigned(key) if key in self else None

    def optional_u32(self, key: int, minimum: int = 0) -> int | None:
        """Return an integer of 32 bits, or None where the key is absent."""
        return self.u32(key, minimum) if key in self else None

    def optional_flag(self, key: int) -> bool | None:
        """Return true or false, or None where the key is absent."""
        return self.flag(key) if key in self else None

    def optional_binary(self, key: int, size: int | None = None) -> bytes | None:
        """Return a byte string, or None where the key is absent."""
        return self.binary(key, size) if key in self else None


def without_none(pairs: Iterable[tuple[int, object]]) -> dict[int, object]:
    """Build a map, leaving out the keys whose value is None: optional ones that are absent."""
    return {key: value for key, value in pairs if value is not None}


class Payload(abc.ABC):
    """A value that has a CBOR form: the item itself, or whole payloads of one or of an array of them."""

    @classmethod
    @abc.abstractmethod
    def from_item(cls, item: object, where: str) -> Self:
        """Read a decoded CBOR item. Raises `PayloadFault`."""

    @abc.abstractmethod
    def to_item(self) -> object:
        """Return what cbor2 encodes."""

    @classmethod
    def from_cbor(cls, payload: bytes, where: str) -> Self:
        """Read a whole payload of the resource `where`. Raises `PayloadFault`."""
        return cls.from_item(decode(payload, where), where)

    @classmethod
    def list_from_cbor(cls, payload: bytes, where: str) -> list[Self]:
        """Read a whole payload that is an array of these. Raises `PayloadFault`."""
        items = array(decode(payload, where), where)
        return [cls.from_item(item, f"{where}[{index}]") for index, item in enumerate(items)]

    def to_cbor(self) -> bytes:
        """Encode as a whole payload."""
        return encode(self.to_item())


def _describe(item: object) -> str:
    shown = repr(item)
    if isinstance(item, dict):
        return f"a map {shown if len(shown) <= 40 else shown[:37] + '...'}"
    return f"{type(item).__name__} {shown if len(shown) <= 40 else shown[:37] + '...'}"
