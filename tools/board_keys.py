"""Keys of a board.toml with their types: whatever is wrong is one BoardError that says where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class BoardError(Exception):
    """What is wrong in a board.toml, and where."""


def get(table: dict[str, Any], key: str, kind: type, where: str) -> Any:
    """Return table[key], which must be there and of this type; numbers are never negative."""
    if key not in table:
        raise BoardError(f"{where}: '{key}' is missing")
    value = table[key]
    is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if not (is_number if kind is int else isinstance(value, kind)):
        wanted = "a number >= 0" if kind is int else kind.__name__
        raise BoardError(f"{where}: '{key}' must be {wanted}, is {value!r}")
    return value


def optional(table: dict[str, Any], key: str, kind: type, where: str) -> Any:
    """Return table[key] of this type, or an empty one where it is not there."""
    return get(table, key, kind, where) if key in table else kind()


def only(table: dict[str, Any], known: Iterable[str], where: str) -> None:
    """Refuse keys that nobody reads: they are misspelt."""
    unknown = table.keys() - set(known)
    if unknown:
        raise BoardError(
            f"{where}: unknown: {', '.join(sorted(unknown))} (known: {', '.join(sorted(known))})"
        )


def tables(data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return an array of tables, [[key]]; empty where there is none."""
    found: list[Any] = optional(data, key, list, "board")
    if not all(isinstance(table, dict) for table in found):
        raise BoardError(f"[[{key}]]: must be tables")
    return found


def strings(table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    """Return a list of strings as a tuple."""
    values = get(table, key, list, where)
    if not all(isinstance(value, str) and value for value in values):
        raise BoardError(f"{where}: '{key}' must be a list of strings, is {values!r}")
    return tuple(values)


def numbers(data: dict[str, Any], key: str, where: str) -> dict[str, int]:
    """Return a table whose keys are C names and whose values are all numbers >= 0."""
    table = optional(data, key, dict, where)
    for name in table:
        get(table, name, int, f"[{key}]")
        if not IDENTIFIER.fullmatch(name):
            raise BoardError(f"[{key}]: '{name}' is no C name")
    return dict(table)


def unique(where: str, names: list[str]) -> None:
    """Refuse two of the same name."""
    if len(set(names)) != len(names):
        raise BoardError(f"{where}: two of them have the same name: {', '.join(names)}")
