"""Recorded sensor data: a CSV file with a date and one number a channel in each row, read strictly.

A file is either without header - the date first, then the channels in the order that the caller names -
or has one header row, in which the channels are found by name. Dates are `DD-MM-YYYY` (UK National River
Flow Archive) or ISO 8601 (`YYYY-MM-DD`, with a time of day where there is one); without an offset: UTC.

A missing reading is a missing row. An empty or non-numeric field is an error that names file, line and
column, because a reader that guesses would feed a corrupted record to a board.
"""

from __future__ import annotations

import contextlib
import csv
import math
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wasmote.errors import UsageFault

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DAY_FIRST = re.compile(r"(\d{2})-(\d{2})-(\d{4})", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DATE_NAMES = ("date", "time", "datetime", "timestamp")


class SeriesError(UsageFault):
    """Recorded data that cannot be read; the message starts with `FILE, line N, column M (NAME)`."""


@dataclass(frozen=True)
class Series:
    """Readings in order of time: `time_ms` int64 [n], ms since 1970; `values` float64 [n, len(columns)]."""

    columns: tuple[str, ...]
    time_ms: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time_ms)

    def __getitem__(self, rows: slice) -> Series:
        return Series(self.columns, self.time_ms[rows], self.values[rows])

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """The values of one channel, float64 [n]; ValueError when there is no such column."""
        return self.values[:, self.columns.index(name)]


@dataclass(frozen=True)
class _Row:
    path: Path
    line: int
    fields: list[str]

    def fault(self, what: str, hint: str, column: int | None = None, name: str = "") -> SeriesError:
        where = f"{self.path}, line {self.line}"
        if column is not None:
            where += f", column {column + 1} ({name})"
        return SeriesError(f"{where}: {what}", hint)


def read_series(path: Path | str, columns: Sequence[str]) -> Series:
    """Read the dates and the named columns of a CSV file.

    Raises SeriesError when the file cannot be opened or is empty, a column is missing, a date or number
    does not parse, or a date is not later than the one before.
    """
    rows = _rows(Path(path))
    first = _first(rows, path)
    places, width = _layout(first, columns)
    times: list[int] = []
    values: list[list[float]] = []
    for row in rows if _is_header(first) else _chain(first, rows):
        _check_width(row, width, columns)
        times.append(_time(row, places[0], times[-1] if times else None))
        values.append([_number(row, place, name) for place, name in zip(places[1:], columns, strict=True)])
    if not times:
        raise SeriesError(
            f"{path}: holds no readings", "there is nothing after the header; fetch the file again"
        )
    return Series(
        tuple(columns), np.array(times, np.int64), np.array(values, np.float64).reshape(-1, len(columns))
    )


def check_file(path: Path | str) -> None:
    """Raise what `read_series` raises of a file that cannot be opened or is empty, whatever its columns."""
    with contextlib.closing(_rows(Path(path))) as rows:
        _first(rows, path)


def parse_time_ms(text: str) -> int:
    """Milliseconds since 1970 of a `DD-MM-YYYY` or ISO 8601 date; ValueError when it is neither."""
    day_first = _DAY_FIRST.fullmatch(text)
    if day_first:
        day, month, year = map(int, day_first.groups())
        moment = datetime(year, month, day, tzinfo=UTC)
    else:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MS


def datetime_of(time_ms: int) -> datetime:
    """The UTC moment of a sample; times before 1970 are negative."""
    return _EPOCH + time_ms * _MS


def _first(rows: Iterator[_Row], path: Path | str) -> _Row:
    first = next(rows, None)
    if first is None:
        raise SeriesError(f"{path}: holds no readings", "the file is empty; fetch it again")
    return first


def _rows(path: Path) -> Generator[_Row, None, None]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            try:
                for fields in reader:
                    if any(field.strip() for field in fields):
                        yield _Row(path, reader.line_num, [field.strip() for field in fields])
            except csv.Error as error:
                raise SeriesError(
                    f"{path}, line {reader.line_num}: {error}", "the file is not a CSV file"
                ) from error
            except UnicodeDecodeError as error:
                raise SeriesError(
                    f"{path}, after line {reader.line_num}: not UTF-8 text", "is it a CSV file?"
                ) from error
    except OSError as error:
        raise SeriesError(f"{path}: {error.strerror}", "check the path of the recorded data") from error


def _chain(first: _Row, rest: Iterator[_Row]) -> Iterator[_Row]:
    yield first
    yield from rest


def _is_header(row: _Row) -> bool:
    return not any(_NUMBER.fullmatch(field) for field in row.fields)


def _layout(first: _Row, columns: Sequence[str]) -> tuple[list[int], int]:
    """Where the date and each column are in a row, and how many fields a row has."""
    if not _is_header(first):
        return list(range(1 + len(columns))), 1 + len(columns)
    names = [field.lower() for field in first.fields]
    missing = [name for name in columns if name.lower() not in names]
    if missing:
        raise first.fault(
            f"the header has no column {', '.join(missing)}", f"it names: {', '.join(first.fields)}"
        )
    date = next((names.index(name) for name in _DATE_NAMES if name in names), 0)
    return [date, *(names.index(name.lower()) for name in columns)], len(names)


def _check_width(row: _Row, width: int, columns: Sequence[str]) -> None:
    found = len(row.fields)
    hint = f"a row holds a date, then {', '.join(columns)}; a decimal sign is a point"
    if found < width:
        raise row.fault(
            f"this column is missing: the row has {found} of {width} fields", hint, found, "missing"
        )
    if found > width:
        raise row.fault(f"the row has {found} fields instead of {width}", hint, width, "surplus")


def _time(row: _Row, place: int, previous: int | None) -> int:
    text = row.fields[place]
    try:
        moment = parse_time_ms(text)
    except ValueError as error:
        raise row.fault(
            f"{text!r} is not a date", "dates are DD-MM-YYYY or YYYY-MM-DD", place, "date"
        ) from error
    if previous is not None and moment <= previous:
        hint = "each row must be later than the one before; sort the file and remove what is there twice"
        raise row.fault(
            f"{text} is not after the row before ({datetime_of(previous):%d-%m-%Y})", hint, place, "date"
        )
    return moment


def _number(row: _Row, place: int, name: str) -> float:
    text = row.fields[place]
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise row.fault(
            f"{text!r} is not a number", "leave the whole row out where a reading is missing", place, name
        )
    return value
