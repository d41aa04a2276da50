"""Typed access to CBOR maps with small integer keys, the form of every rule in firmware/SPEC.md."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class InvalidItem(ValueError):
    """A member is missing, of the wrong type, or unknown to the rule; the message has its path."""


class Fields:
    """One decoded map, taken apart member by member; `finish` refuses what was not asked for.

    `where` is the path of the map in messages ("manifest: streams[0]").
    """

    def __init__(self, item: object, where: str) -> None:
        if not isinstance(item, dict):
            raise InvalidItem(f"{where}: {_kind(item)} where a map is expected")
        self._item: dict[object, object] = item
        self._where = where
        self._known: set[int] = set()

    def text(self, key: int, label: str) -> str:
        """A text string."""
        return self._typed(self._need(key, label), str, self._path(label), "text")

    def bytes(self, key: int, label: str) -> bytes:
        """A byte string."""
        return self._typed(self._need(key, label), bytes, self._path(label), "a byte string")

    def uint(self, key: int, label: str) -> int:
        """An unsigned integer."""
        return _uint(self._need(key, label), self._path(label))

    def optional_uint(self, key: int, label: str) -> int | None:
        """An unsigned integer, None when absent."""
        return self.uint(key, label) if self._has(key) else None

    def uints(self, key: int, label: str) -> tuple[int, ...]:
        """An array of unsigned integers."""
        items = self._array(key, label)
        return tuple(_uint(item, f"{self._path(label)}[{index}]") for index, item in enumerate(items))

    def texts(self, key: int, label: str, *, optional: bool = False) -> tuple[str, ...]:
        """An array of texts; empty when `optional` and absent."""
        if optional and not self._has(key):
            return ()
        items = self._array(key, label)
        path = self._path(label)
        return tuple(self._typed(item, str, f"{path}[{index}]", "text") for index, item in enumerate(items))

    def maps(self, key: int, label: str) -> tuple[Fields, ...]:
        """An array of maps."""
        items = self._array(key, label)
        return tuple(Fields(item, f"{self._path(label)}[{index}]") for index, item in enumerate(items))

    def optional_map(self, key: int, label: str) -> Fields | None:
        """A map, None when absent."""
        return Fields(self._need(key, label), self._path(label)) if self._has(key) else None

    def numbers(self, key: int, label: str) -> dict[str, float]:
        """A map of text to number; empty when absent."""
        if not self._has(key):
            return {}
        path = self._path(label)
        item = self._need(key, label)
        if not isinstance(item, dict):
            raise InvalidItem(f"{path}: {_kind(item)} where a map is expected")
        return {
            self._typed(name, str, f"{path}: a key", "text"): _number(value, f"{path}.{name}")
            for name, value in item.items()
        }

    def finish(self) -> None:
        """Refuse members that nobody asked for."""
        for key in self._item:
            if key not in self._known:
                raise InvalidItem(f"{self._where}: key {key!r} is not known")

    def _path(self, label: str) -> str:
        return f"{self._where}: {label}"

    def _has(self, key: int) -> bool:
        return key in self._item

    def _need(self, key: int, label: str) -> object:
        self._known.add(key)
        if key not in self._item:
            raise InvalidItem(f"{self._path(label)}: is missing (key {key})")
        return self._item[key]

    def _array(self, key: int, label: str) -> list[object]:
        return self._typed(self._need(key, label), list, self._path(label), "an array")

    @staticmethod
    def _typed(item: object, kind: type[T], path: str, expected: str) -> T:
        if not isinstance(item, kind):
            raise InvalidItem(f"{path}: {_kind(item)} where {expected} is expected")
        return item


def _uint(item: object, path: str) -> int:
    if not isinstance(item, int) or isinstance(item, bool) or item < 0:
        raise InvalidItem(f"{path}: {_kind(item)} where an unsigned integer is expected")
    return item


def _number(item: object, path: str) -> float:
    if not isinstance(item, int | float) or isinstance(item, bool):
        raise InvalidItem(f"{path}: {_kind(item)} where a number is expected")
    return float(item)


def _kind(item: object) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "text", bytes: "a byte string"}
    names |= {list: "an array", dict: "a map", type(None): "null"}
    if isinstance(item, int) and not isinstance(item, bool):
        return f"the integer {item}"
    return names.get(type(item), type(item).__name__)
