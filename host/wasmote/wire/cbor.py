"""One CBOR item, read as strictly as a node reads it: firmware/core/cbor.c, firmware/SPEC.md "Common rules".

cbor2 takes more than the SPEC allows: indefinite lengths, keys of any kind, tags that become dates, numbers
or references. What a node refuses must be refused here as well; tests/strict holds both readings together.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from cbor2 import CBORSimpleValue, CBORTag, undefined

DEPTH_MAX = 8  # of arrays, maps and tags within each other

_FLOATS = {2: struct.Struct(">e"), 4: struct.Struct(">f"), 8: struct.Struct(">d")}
_SIMPLE = {20: False, 21: True, 22: None, 23: undefined}
_SIMPLE_IN_TWO_BYTES = 32


class Malformed(ValueError):
    """The bytes are not one well-formed item."""


class Map(dict[object, object]):
    """A map, and how many bytes it has as it came."""

    __slots__ = ("size",)
    size: int


def read_item(data: bytes, at: int = 0, depth: int = DEPTH_MAX) -> tuple[object, int]:
    """Read the item that begins at `at`; return it and where it ends. Raises Malformed."""
    if at >= len(data):
        raise Malformed("it ends before its last item")
    major, info = data[at] >> 5, data[at] & 0x1F
    argument, width, end = info, 0, at + 1
    if info >= 24:
        if info > 27:
            raise Malformed("an indefinite length, or a reserved head")
        width = 1 << (info - 24)
        end += width
        if end > len(data):
            raise Malformed("it ends within a head")
        argument = int.from_bytes(data[at + 1 : end])
    if major == 0:
        return argument, end
    if major == 1:
        return -1 - argument, end
    if major < 4:
        return _string(data, major, end, end + argument)
    if major == 7:
        return _simple(argument, width, data[at + 1 : end]), end
    if depth == 0:
        raise Malformed(f"nested deeper than {DEPTH_MAX}")
    found, behind = _CONTAINERS[major](data, end, argument, depth - 1)
    if type(found) is Map:
        found.size = behind - at
    return found, behind


def _string(data: bytes, major: int, start: int, end: int) -> tuple[object, int]:
    if end > len(data):
        raise Malformed("it ends within a string")
    found = data[start:end]
    if major == 2:
        return found, end
    try:
        return found.decode(), end
    except UnicodeDecodeError as fault:
        raise Malformed("a text that is no UTF-8") from fault


def _simple(argument: int, width: int, encoded: bytes) -> object:
    if width > 1:
        return _FLOATS[width].unpack(encoded)[0]
    if width == 1 and argument < _SIMPLE_IN_TWO_BYTES:
        raise Malformed("a simple value in two bytes that has one")
    return _SIMPLE[argument] if argument in _SIMPLE else CBORSimpleValue(argument)


def _array(data: bytes, at: int, count: int, depth: int) -> tuple[object, int]:
    items = []
    for _ in range(count):
        item, at = read_item(data, at, depth)
        items.append(item)
    return items, at


def _map(data: bytes, at: int, pairs: int, depth: int) -> tuple[object, int]:
    found = Map()
    for _ in range(pairs):
        key, at = read_item(data, at, 0)
        if type(key) is not int and type(key) is not str:
            raise Malformed("a key that is neither an integer nor a text")
        if key in found:
            raise Malformed(f"key {key!r} twice")
        found[key], at = read_item(data, at, depth)
    return found, at


def _tag(data: bytes, at: int, number: int, depth: int) -> tuple[object, int]:
    item, at = read_item(data, at, depth)
    return CBORTag(number, item), at


_CONTAINERS: dict[int, Callable[[bytes, int, int, int], tuple[object, int]]] = {4: _array, 5: _map, 6: _tag}
