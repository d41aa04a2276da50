"""Payloads for people: what a resource holds, with the SPEC's integer keys turned into names."""

from __future__ import annotations

import dataclasses
import enum
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import cbor2

from wasmote.node import FORMAT_BUNDLE, FORMAT_CBOR, FORMAT_LINK, FORMAT_SENML_CBOR, FORMAT_TEXT, Reply
from wasmote.wire.codec import decode
from wasmote.wire.log import LogLine
from wasmote.wire.modules import ModuleStatus
from wasmote.wire.node import NodeInfo
from wasmote.wire.samples import SensorInfo

# RFC 8428 table 4
SENML_LABELS = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
# RFC 8746 section 2.1: typed arrays that a node may send, as numpy dtypes
TYPED_ARRAYS = {
    64: "u1",
    69: "<u2",
    70: "<u4",
    71: "<u8",
    72: "i1",
    77: "<i2",
    78: "<i4",
    79: "<i8",
    84: "<f2",
    85: "<f4",
    86: "<f8",
}


def _records(payload: bytes, path: str) -> object:
    from wasmote.wire.records import Records  # late: numpy takes a while

    return Records.from_cbor(payload, path)


def _out_entries(payload: bytes, path: str) -> object:
    from wasmote.wire.records import OutEntry

    return OutEntry.list_from_cbor(payload, path)


def _trace(payload: bytes, path: str) -> object:
    from wasmote.wire.trace import Trace

    return Trace.from_cbor(payload, path)


_READERS: tuple[tuple[re.Pattern[str], Callable[[bytes, str], object]], ...] = (
    (re.compile("/node"), NodeInfo.from_cbor),
    (re.compile("/sensors"), SensorInfo.list_from_cbor),
    (re.compile("/modules"), ModuleStatus.list_from_cbor),
    (re.compile("/modules/[0-9]+"), ModuleStatus.from_cbor),
    (re.compile("/modules/[0-9]+/trace"), _trace),
    (re.compile("/out(/[0-9]+)?"), _out_entries),
    (re.compile("/out/[0-9]+/[^/]+"), _records),
    (re.compile("/log"), LogLine.list_from_cbor),
)


def jsonable(reply: Reply, path: str) -> object:
    """Return what `json.dumps` can print: names for keys, typed arrays as lists, bytes as hex.

    Raises `PayloadFault` for CBOR that does not decode, or is not what the SPEC says of this resource.
    """
    path = "/" + path.partition("?")[0].strip("/")
    if reply.content_format == FORMAT_CBOR:
        for pattern, read in _READERS:
            if pattern.fullmatch(path):
                return plain(read(reply.payload, path))
        return plain(decode(reply.payload, path))
    if reply.content_format == FORMAT_SENML_CBOR:
        return _senml(decode(reply.payload, path))
    if reply.content_format in (FORMAT_TEXT, FORMAT_LINK):
        return reply.payload.decode(errors="replace")
    return reply.payload.hex() if reply.payload else None


def is_text(reply: Reply) -> bool:
    """Whether a reply is text that is printed as it is."""
    return reply.content_format in (FORMAT_TEXT, FORMAT_LINK)


def plain(value: object) -> Any:
    """Reduce a decoded value to what JSON has."""
    match value:
        case enum.IntFlag():
            return int(value)
        case enum.Enum():
            return value.name.lower()
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)  # JSON has no NaN
        case bytes():
            return value.hex()
        case cbor2.CBORTag():
            return _tagged(value)
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: plain(item) for name, item in fields if item is not None}
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return plain(_shortest(value))
    return str(value)


def _tagged(value: cbor2.CBORTag) -> Any:
    dtype = TYPED_ARRAYS.get(value.tag)
    if dtype is None or not isinstance(value.value, bytes):
        return {"tag": value.tag, "value": plain(value.value)}
    import numpy as np

    item_size = np.dtype(dtype).itemsize
    whole = len(value.value) // item_size * item_size
    return plain(np.frombuffer(value.value[:whole], dtype))


def _shortest(array: Any) -> Any:
    """Convert to Python numbers; binary32 in the shortest decimal form that gives the same binary32."""
    if array.dtype.kind == "f":
        return [float(str(number)) for number in array.ravel()]
    return array.tolist()


def _senml(pack: object) -> Any:
    if not isinstance(pack, list):
        return plain(pack)
    return [
        {str(SENML_LABELS.get(key, key)): plain(item) for key, item in record.items()}
        if isinstance(record, Mapping)
        else plain(record)
        for record in pack
    ]


FORMATS = {
    "text": FORMAT_TEXT,
    "octets": 42,
    "cbor": FORMAT_CBOR,
    "bundle": FORMAT_BUNDLE,
}
