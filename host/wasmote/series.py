"""Recorded sensor data: a CSV file with a time and one number a channel in each row, read strictly.

A file is either without header - the time first, then the channels in the order that the caller names -
or has one header row, in which the channels and the time are found by name. A time is a date, `DD-MM-YYYY`
(UK National River Flow Archive) or ISO 8601 (`YYYY-MM-DD`, with a time of day where there is one; without an
offset: UTC), or a number since 1970: of 9 or 10 digits in seconds, of 12 or 13 in milliseconds. A date and a
time of day may be in columns of their own.

A missing reading is a missing row. An empty or non-numeric field, or one that a board could not hold, is an
error that names file, line and column: a reader that guesses would feed a corrupted record to a board.
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
from wasmote.wire.codec import TIME_MAX_MS, TIME_MIN_MS, as_binary32

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
DAY_MS = timedelta(days=1) // _MS
_DAY_FIRST = r"\d{2}-\d{2}-\d{4}"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?"
_COMPACT_CLOCK = r"\d{2}(?:\d{2}(?:\d{2}(?:[.,]\d+)?)?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?"
_DATE = re.compile(rf"{_DAY_FIRST}|\d{{4}}-\d{{2}}-\d{{2}}|\d{{8}}", re.ASCII)
_TIME_OF_DAY = re.compile(_CLOCK, re.ASCII)
_STAMP = re.compile(rf"({_DATE.pattern})[T ]({_CLOCK}|{_COMPACT_CLOCK})", re.ASCII)
_SINCE_1970 = re.compile(r"(\d{9,10})(\.\d+)?|\d{12,13}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_HAS_OFFSET = re.compile(r"(Z|[+-]\d{2}(:?\d{2})?)$", re.ASCII)
_TIME_NAMES = ("timestamp", "datetime", "date", "time")  # the first that holds a whole time is taken
_DATE_HINT = "a date is DD-MM-YYYY or YYYY-MM-DD, a time of day HH:MM or HH:MM:SS"
_CLOCK_SET_BACK = timedelta(hours=1) // _MS  # at the end of summer time


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


@dataclass(frozen=True)
class _Layout:
    """Where a row holds its time, in one column or in two (date, time of day), and each channel."""

    time: tuple[int, ...]
    channels: tuple[int, ...]
    width: int
    time_name: str = "date"


def read_series(path: Path | str, columns: Sequence[str]) -> Series:
    """Read the times and the named columns of a CSV file.

    Raises SeriesError when the file cannot be opened or is empty, a column is missing or there twice, the
    time is not in columns of known names, a date or number does not parse or has no binary32, or a time is
    not later than the one before.
    """
    rows = _rows(Path(path))
    first = _first(rows, path)
    header = first if _is_header(first) else None
    top = next(rows, None) if header else first
    if top is None:
        raise SeriesError(
            f"{path}: holds no readings", "there is nothing after the header; fetch the file again"
        )
    layout = _layout(header, top, columns)
    times: list[int] = []
    values: list[list[float]] = []
    before = ""
    for row in _chain(top, rows):
        _check_width(row, layout.width, columns)
        text = " ".join(row.fields[place] for place in layout.time)
        moment = _time(row, layout, text)
        if times and moment <= times[-1]:
            raise _not_later(row, layout, text, before, times[-1] - moment)
        before = text
        times.append(moment)
        values.append(
            [_number(row, place, name) for place, name in zip(layout.channels, columns, strict=True)]
        )
    return Series(
        tuple(columns), np.array(times, np.int64), np.array(values, np.float64).reshape(-1, len(columns))
    )


def check_file(path: Path | str) -> None:
    """Raise what `read_series` raises of a file that cannot be opened or is empty, whatever its columns."""
    with contextlib.closing(_rows(Path(path))) as rows:
        _first(rows, path)


def parse_time_ms(text: str) -> int:
    """Milliseconds since 1970 of a time as a file may hold it; ValueError when it is none or ambiguous."""
    if since := _SINCE_1970.fullmatch(text):
        _refuse_compact(text)
        return int(text) if since[1] is None else int(since[1] + (since[2] or ".")[1:4].ljust(3, "0"))
    if not _DATE.fullmatch(text) and not _STAMP.fullmatch(text):
        raise ValueError(f"{text!r} is not a date")
    date, clock = text[:10], text[10:].replace(",", ".")
    if re.match(_DAY_FIRST, text):
        date = f"{text[6:10]}-{text[3:5]}-{text[:2]}"
    elif re.match(r"\d{8}", text):
        date, clock = text[:8], text[8:].replace(",", ".")
    if re.match(r".\d:", clock):
        clock = f"T0{clock[1:]}"
    try:
        moment = datetime.fromisoformat(date + clock)
    except ValueError as fault:
        raise ValueError(f"{text!r} is not a date: {fault}") from fault
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    time_ms = (moment - _EPOCH) // _MS
    if not TIME_MIN_MS <= time_ms <= TIME_MAX_MS:
        raise ValueError(f"{text!r} is not in the years 1 to 9999 of UTC")
    return time_ms


def _refuse_compact(text: str) -> None:
    """Raise ValueError for what may also be a compact date with an hour and a minute."""
    if len(text) not in (10, 12) or not text.isdecimal():
        return
    try:
        moment = datetime.fromisoformat(f"{text[:8]}T{text[8:]}")
    except ValueError:
        return
    if 1900 <= moment.year < 2100:
        raise ValueError(f"{text!r} may be a date with an hour, or a time since 1970")


def is_date(text: str) -> bool:
    """Whether it is a day, without a time of day."""
    return bool(_DATE.fullmatch(text))


def datetime_of(time_ms: int) -> datetime:
    """The UTC moment of a sample; times before 1970 are negative."""
    return _EPOCH + time_ms * _MS


def _first(rows: Iterator[_Row], path: Path | str) -> _Row:
    first = next(rows, None)
    if first is None:
        raise SeriesError(f"{path}: holds no readings", "the file is empty; fetch it again")
    for sign, name in ((";", "semicolons"), ("\t", "tabs")):
        if sign in first.fields[0]:
            raise first.fault(
                f"its columns are separated by {name}", "separate them by commas; a decimal sign is a point"
            )
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


def _layout(header: _Row | None, top: _Row, columns: Sequence[str]) -> _Layout:
    """Find the columns, by their names and by what the first row of readings, `top`, holds."""
    if header is None:
        return _Layout((0,), tuple(range(1, 1 + len(columns))), 1 + len(columns))
    channels = tuple(_place(header, name) for name in columns)
    _check_width(top, len(header.fields), columns)
    time = _time_columns(header, top, channels)
    return _Layout(time, channels, len(header.fields), " and ".join(header.fields[place] for place in time))


def _places(header: _Row, name: str) -> list[int]:
    return [place for place, field in enumerate(header.fields) if field.lower() == name.lower()]


def _place(header: _Row, name: str) -> int:
    """Where the one column of this name is."""
    places = _places(header, name)
    if not places:
        raise header.fault(f"the header has no column {name}", f"it names: {', '.join(header.fields)}")
    if len(places) > 1:
        first, second = (f"column {place + 1} ({header.fields[place]})" for place in places[:2])
        raise header.fault(f"{name} is there twice: {first} and {second}", "rename the one that is not meant")
    return places[0]


def _time_columns(header: _Row, top: _Row, channels: Sequence[int]) -> tuple[int, ...]:
    """Where a row holds its time: one column with a whole time, or one with a date, or two that make one.

    What is left over must not be a part of it, or hours would be dropped without a word.
    """
    names = [name for name in _TIME_NAMES if set(_places(header, name)) - set(channels)]
    found = [_place(header, name) for name in names]
    whole = [place for place in found if _is_whole(top.fields[place])]
    if whole:
        return (whole[0],)
    dates = [place for place in found if _DATE.fullmatch(top.fields[place])]
    clocks = [place for place in found if _TIME_OF_DAY.fullmatch(top.fields[place])]
    if not found:
        found = dates = _unnamed_date(header, top, channels)
    _refuse_other_times(header, top, {*dates, *clocks, *channels})
    if len(dates) == 1 and len(clocks) == len(found) - 1 <= 1:
        return (*dates, *clocks)
    if len(found) == 1:
        return (found[0],)  # its first row tells what is wrong with it
    told = ", ".join(f"{header.fields[place]} holds {top.fields[place]!r}" for place in found)
    raise top.fault(f"{told}: together they are no time", f"{_DATE_HINT}; rename or remove what is none")


def _is_whole(text: str) -> bool:
    return bool(_STAMP.fullmatch(text) or _SINCE_1970.fullmatch(text))


def _unnamed_date(header: _Row, top: _Row, channels: Sequence[int]) -> list[int]:
    """The first column of a file that names none, where it is clearly a date and no number."""
    text = top.fields[0]
    if 0 in channels or text.isdecimal() or not (_DATE.fullmatch(text) or _STAMP.fullmatch(text)):
        hint = f"call it date, time, datetime or timestamp; the header names: {', '.join(header.fields)}"
        raise header.fault("no column is named as the time", hint)
    return [0]


def _refuse_other_times(header: _Row, top: _Row, known: set[int]) -> None:
    for place, text in enumerate(top.fields):
        if place not in known and (_TIME_OF_DAY.fullmatch(text) or _STAMP.fullmatch(text)):
            raise top.fault(
                f"{text!r} may be a part of the time, and would be dropped",
                "call the column timestamp, datetime or time where it is, else remove it",
                place,
                header.fields[place],
            )


def _check_width(row: _Row, width: int, columns: Sequence[str]) -> None:
    found = len(row.fields)
    hint = f"a row holds a date, then {', '.join(columns)}; a decimal sign is a point"
    if found < width:
        raise row.fault(
            f"this column is missing: the row has {found} of {width} fields", hint, found, "missing"
        )
    if found > width:
        raise row.fault(f"the row has {found} fields instead of {width}", hint, width, "surplus")


def _time(row: _Row, layout: _Layout, text: str) -> int:
    if len(layout.time) == 2:
        _check_parts(row, layout)
    try:
        return parse_time_ms(text)
    except ValueError as fault:
        raise row.fault(str(fault), _time_hint(text), layout.time[0], layout.time_name) from fault


def _check_parts(row: _Row, layout: _Layout) -> None:
    """Refuse a date or a time of day that is none, in the column where it stands."""
    for place, form, what in zip(layout.time, (_DATE, _TIME_OF_DAY), ("date", "time of day"), strict=True):
        if not form.fullmatch(row.fields[place]):
            raise row.fault(f"{row.fields[place]!r} is not a {what}", _DATE_HINT, place, what)


def _time_hint(text: str) -> str:
    if _TIME_OF_DAY.fullmatch(text):
        return "this is a time of day: a column date is needed as well"
    if _NUMBER.fullmatch(text):
        return "write YYYY-MM-DDTHH:MM; since 1970, seconds have 9 or 10 digits and milliseconds 12 or 13"
    return _DATE_HINT


def _not_later(row: _Row, layout: _Layout, text: str, before: str, back_ms: int) -> SeriesError:
    hint = "each row must be later than the one before; sort the file and remove what is there twice"
    if back_ms <= _CLOCK_SET_BACK and _STAMP.fullmatch(text) and not _HAS_OFFSET.search(text[10:]):
        hint = (
            "a clock that is set back when summer time ends shows an hour twice: write UTC, or the offset of "
            "each time (2024-10-27T02:00+01:00); else sort the file and remove what is there twice"
        )
    problem = f"{text} is not after the row before ({before})"
    return row.fault(problem, hint, layout.time[0], layout.time_name)


def _number(row: _Row, place: int, name: str) -> float:
    text = row.fields[place]
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise row.fault(
            f"{text!r} is not a number", "leave the whole row out where a reading is missing", place, name
        )
    _check_binary32(row, text, value, place, name)
    return value


def _check_binary32(row: _Row, text: str, value: float, place: int, name: str) -> None:
    """Boards keep readings as binary32: refuse what that would make infinite, or zero."""
    try:
        kept = as_binary32(value, text)
    except UsageFault:
        kept = 0.0
    if value and not kept:
        hint = "what is kept has a magnitude between 1.4e-45 and 3.4e38: take another unit"
        raise row.fault(f"{text} does not fit a binary32 number", hint, place, name)
