"""TOML files whose mistakes are reported where they are: `FILE:LINE:COLUMN`, and the nearest known key.

`tomllib` tells where a file stops being TOML, but not where a value stood that turned out wrong later; so
keys and tables are located by a second, simple pass over the lines. What it cannot see (keys inside of a
multi-line value) is reported at the nearest key above.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from wasmote.errors import UsageFault

Model = TypeVar("Model", bound=BaseModel)
Place = tuple[str | int, ...]

_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_SYNTAX = re.compile(r"(.*) \(at line (\d+), column (\d+)\)")


class ConfigError(UsageFault):
    """A configuration file that cannot be used; the message starts with `FILE:LINE:COLUMN`."""


class TomlFile:
    """A TOML file that was read: its content as a model, and where its keys are."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises ConfigError when that fails or when it is not TOML."""
        self.path = path
        try:
            text = path.read_text(encoding="utf-8-sig")  # editors on Windows begin with a byte order mark
            self._content = tomllib.loads(text)
        except OSError as fault:
            raise ConfigError(f"{path}: {fault.strerror}", "name a configuration file that exists") from fault
        except UnicodeDecodeError as fault:
            problem = f"{path}: is not UTF-8 text at byte {fault.start}"
            raise ConfigError(problem, "TOML files are UTF-8") from fault
        except tomllib.TOMLDecodeError as fault:
            problem = f"{path}:{_syntax(str(fault))}"
            raise ConfigError(problem, "the file is not TOML: see https://toml.io") from fault
        self._places = locate(text)

    def parse(self, model: type[Model]) -> Model:
        """Check the content against a model. Raises ConfigError, which lists all that is wrong."""
        try:
            return model.model_validate(self._content)
        except ValidationError as fault:
            lines = [self._describe(error, model) for error in fault.errors()]
            raise ConfigError("\n".join(lines), "correct these keys and start again") from fault

    def fault(self, location: Place, problem: str, hint: str) -> ConfigError:
        """An error about the value at a path of keys and array indexes."""
        return ConfigError(self._at(location) + problem, hint)

    def _at(self, location: Place) -> str:
        line, column = _nearest(self._places, location)
        where = ".".join(str(part) for part in location)
        return f"{self.path}:{line}:{column}: " + (f"{where}: " if where else "")

    def _describe(self, error: Any, model: type[BaseModel]) -> str:
        location: Place = tuple(error["loc"])
        message = str(error["msg"]).removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            message = "there is no such key" + _suggestion(str(location[-1]), _known_keys(model))
        elif error["type"] == "missing":
            message = "this key is missing"
        elif error["type"] == "list_type" and isinstance(error["input"], dict):
            name = ".".join(map(str, location))
            message = f"is an array of tables: write [[{name}]]"
        return self._at(location) + message


def locate(text: str) -> dict[Place, tuple[int, int]]:
    """Map every table and key, as a path of keys and array indexes, to its line and column (from 1)."""
    places: dict[Place, tuple[int, int]] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
            table = _indexed(table, counts)
            places.setdefault(table, (number, header.start(1) + 1))
        elif key := _KEY.match(line):
            places.setdefault(table + _parts(key[1]), (number, key.start(1) + 1))
    return places


def _parts(dotted: str) -> Place:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _indexed(table: Place, counts: dict[Place, int]) -> Place:
    """Put the current index behind every part that is an array of tables."""
    place: list[str | int] = []
    for length in range(1, len(table) + 1):
        place.append(table[length - 1])
        if table[:length] in counts:
            place.append(counts[table[:length]])
    return tuple(place)


def _syntax(message: str) -> str:
    found = _SYNTAX.fullmatch(message)
    return f"{found[2]}:{found[3]}: {found[1]}" if found else f" {message}"


def _nearest(places: dict[Place, tuple[int, int]], location: Place) -> tuple[int, int]:
    """Where the longest known beginning of a path stands; pydantic's union tags are left out."""
    known: Place = ()
    for part in location:
        if (*known, part) in places or any(place[: len(known) + 1] == (*known, part) for place in places):
            known = (*known, part)
    return places.get(known, (1, 1))


def _suggestion(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, sorted(set(known)), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _known_keys(model: type[BaseModel]) -> set[str]:
    """Every key of a model and of the models in it."""
    schema = model.model_json_schema()
    keys = set(schema.get("properties", {}))
    for definition in schema.get("$defs", {}).values():
        keys |= set(definition.get("properties", {}))
    return keys
