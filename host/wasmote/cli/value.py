"""VALUE of `wasmote put`: JSON that becomes CBOR, with the place of what a node would not take.

JSON has no NaN and no infinity (RFC 8259 section 6), though Python reads both, and 1e400 as the latter. What
is sent to a sensor or to parameters is checked here item by item: a node refuses it as a whole.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from wasmote.errors import UsageFault
from wasmote.wire.codec import TIME_MAX_MS, TIME_MIN_MS, as_binary32, encode

_INTEGER = re.compile("-?[0-9]+")
_SENSOR = re.compile("/sensors/[^/]+")
_CONFIG = re.compile("/modules/[0-9]+/config")
_SAMPLES = "readings are [[TIME, [VALUE, ...]], ...], a time in ms: '[[1000, [1.5]]]'"
_PARAMETERS = "parameters are a map from name to number: '{\"limit\": 1.5}'"


class _Literal(float):
    """A number as it was written."""

    text: str

    def __new__(cls, text: str) -> _Literal:
        value = super().__new__(cls, text)
        value.text = text
        return value


class _Object(list[tuple[str, Any]]):
    """The members of an object, with those that are there twice."""


def cbor_of_json(content: bytes, path: str) -> bytes:
    """Encode JSON that goes to the resource `path`. Raises `UsageFault`, which names the place in it."""
    try:
        parsed = json.loads(content, parse_float=_Literal, parse_constant=_Literal, object_pairs_hook=_Object)
    except (ValueError, RecursionError) as fault:
        raise UsageFault(
            f"VALUE is not JSON: {fault}", "text needs quotes: '\"text\"'; or use --format"
        ) from fault
    value = _plain(parsed, "VALUE")
    path = "/" + path.partition("?")[0].strip("/")
    if _SENSOR.fullmatch(path):
        _check_samples(value)
    elif _CONFIG.fullmatch(path):
        _check_parameters(value)
    return encode(value)


def _plain(value: Any, place: str) -> Any:
    """Return what CBOR encodes: keys that are decimal integers become integers."""
    match value:
        case _Literal() if not math.isfinite(value):
            raise UsageFault(f"{place}: {value.text} is no finite number", "leave out what has no value")
        case _Literal():
            return float(value)
        case int() if not -(2**64) <= value < 2**64:
            raise UsageFault(f"{place}: {value} has more than 64 bits", "CBOR's integers have 64")
        case _Object():
            return _map(value, place)
        case list():
            return [_plain(item, f"{place}[{index}]") for index, item in enumerate(value)]
    return value


def _map(members: _Object, place: str) -> dict[int | str, Any]:
    found: dict[int | str, Any] = {}
    for name, item in members:
        key = int(name) if _INTEGER.fullmatch(name) else name
        if key in found:
            raise UsageFault(f"{place}: {name!r} is there twice", "a map has each key once")
        found[key] = _plain(item, f"{place}.{name}")
    return found


def _check_samples(value: Any) -> None:
    if not isinstance(value, list) or not value:
        raise UsageFault(f"VALUE: {_shown(value)} is no list of readings", _SAMPLES)
    for index, sample in enumerate(value):
        place = f"VALUE[{index}]"
        if not (isinstance(sample, list) and len(sample) == 2 and isinstance(sample[1], list) and sample[1]):
            raise UsageFault(f"{place}: {_shown(sample)} is no reading", _SAMPLES)
        time_ms, values = sample
        if not _is_number(time_ms) or not isinstance(time_ms, int):
            raise UsageFault(f"{place}[0]: {_shown(time_ms)} is no time", "a time is a whole number of ms")
        if not TIME_MIN_MS <= time_ms <= TIME_MAX_MS:
            raise UsageFault(
                f"{place}[0]: {time_ms} is no time", f"it lies between {TIME_MIN_MS} and {TIME_MAX_MS} ms"
            )
        for number, one in enumerate(values):
            where = f"{place}[1][{number}]"
            if not _is_number(one):
                raise UsageFault(f"{where}: {_shown(one)} is no number", _SAMPLES)
            as_binary32(one, where)


def _check_parameters(value: Any) -> None:
    if not isinstance(value, dict):
        raise UsageFault(f"VALUE: {_shown(value)} is no map", _PARAMETERS)
    for name, one in value.items():
        if not isinstance(name, str):
            raise UsageFault(f"VALUE: {name} is no name of a parameter", _PARAMETERS)
        if not _is_number(one):
            raise UsageFault(f"VALUE.{name}: {_shown(one)} is no number", _PARAMETERS)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."
