"""Reading recorded data: formats that are accepted, and errors that name file, line and column."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmote.series import Series, SeriesError, datetime_of, parse_time_ms, read_series

COLUMNS = ("rain", "flow")
DAY_MS = 86_400_000


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "river.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_reads_nrfa_rows_before_1970(tmp_path: Path) -> None:
    series = read_series(write(tmp_path, "01-10-1935, 6.5, 77.22\n02-10-1935, 5.5, 119.3\n"), COLUMNS)
    assert series.time_ms.dtype == np.int64
    assert series.time_ms.tolist() == [-1_080_950_400_000, -1_080_950_400_000 + DAY_MS]
    assert series.values.tolist() == [[6.5, 77.22], [5.5, 119.3]]
    assert series.column("flow").tolist() == [77.22, 119.3]


def test_reads_header_in_any_order_with_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    text = "\ufeffflow,station,Date,rain\r\n1.5,Wye,2001-02-03,0\r\n\r\n"
    text += "2.5,Wye,2001-02-03T12:00:00+01:00,4e-1\r\n"
    series = read_series(write(tmp_path, text), COLUMNS)
    assert [datetime_of(int(t)).isoformat() for t in series.time_ms] == [
        "2001-02-03T00:00:00+00:00",
        "2001-02-03T11:00:00+00:00",
    ]
    assert series.values.tolist() == [[0.0, 1.5], [0.4, 2.5]]


def test_gaps_are_kept_as_gaps(tmp_path: Path) -> None:
    series = read_series(write(tmp_path, "28-10-1998,1,2\n30-10-1998,3,4\n"), COLUMNS)
    assert np.diff(series.time_ms).tolist() == [2 * DAY_MS]


def test_slices_and_lengths() -> None:
    series = Series(COLUMNS, np.arange(4, dtype=np.int64), np.arange(8.0).reshape(4, 2))
    assert len(series[1:3]) == 2
    assert series[1:3].column("rain").tolist() == [2.0, 4.0]


def times(path: Path) -> list[str]:
    return [datetime_of(int(t)).isoformat(timespec="minutes") for t in read_series(path, ("h",)).time_ms]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("date,time,h\n2020-01-01,9:00,1\n2020-01-01,10:30:59.5,1\n", ["01T09:00", "01T10:30"]),
        ("h,Time,Date\n1,09:00+01:00,01-01-2020\n", ["01T08:00"]),
        ("no,timestamp,Date,h\n0,2020-01-02T05:00:00Z,2020-01-01,1\n", ["02T05:00"]),
        ("date,timestamp,h\n2020-01-01,1577934000.25,1\n2020-01-01,1577934060,1\n", ["02T03:00", "02T03:01"]),
        ("time,h\n1577934000000,1\n", ["02T03:00"]),
        ("1577934000,1\n", ["02T03:00"]),
        ("datetime,h\n20200102T0300,1\n", ["02T03:00"]),
        ("02-01-2020 03:00,1\n", ["02T03:00"]),
        ("when,h\n2020-01-02,1\n", ["02T00:00"]),
        ("date,h\n20200102,1\n", ["02T00:00"]),
    ],
)
def test_a_time_in_one_column_or_in_two(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert times(write(tmp_path, text)) == [f"2020-01-{moment}+00:00" for moment in expected]


TWICE = "h is there twice: column 2 (h) and column 3 (H)"
NO_BINARY32 = "does not fit a binary32 number"


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("date,h,H\n2020-01-01,1,2\n", "line 1", TWICE),
        ("date,h,Date\n2020-01-01,1,2020-01-01\n", "line 1", "date is there twice: column 1 (date) and"),
        ("date,h\n2020-01-01,1\n2020-01-02,-1e39\n", "line 3, column 2 (h)", f"-1e39 {NO_BINARY32}"),
        ("2020-01-01,1e-46\n", "line 1, column 2 (h)", f"1e-46 {NO_BINARY32}"),
        ("date,time,h\n2020-01-01,noon,1\n", "line 2", "date holds '2020-01-01', time holds 'noon'"),
        ("date,time,h\n2020-01-01,1:00,1\n2020-01-02,noon,1\n", "line 3, column 2", "not a time of day"),
        ("date,time,h\n2020-01-01,1:00,1\n1577934000,2:00,1\n", "line 3, column 1", "is not a date"),
        ("date,datetime,h\n2020-01-01,2020-01-01,1\n", "line 2", "together they are no time"),
        ("date,utc,h\n2020-01-01,2020-01-01T10:00,1\n", "line 2, column 2 (utc)", "would be dropped"),
        ("date,clock,h\n2020-01-01,10:00,1\n", "line 2, column 2 (clock)", "would be dropped"),
        ("time,h\n10:00,1\n", "line 2, column 1 (time)", "'10:00' is not a date"),
        ("station,utc,h\n20200101,2023-05-01T00:00Z,1\n", "line 1", "no column is named as the time"),
        ("h,utc\n1,2020-01-01\n", "line 1", "no column is named as the time"),
        ("Date;Time;h\n10/03/2004;18.00.00;2,6\n", "line 1", "separated by semicolons"),
        ("2004-03-10;2,6\n", "line 1", "separated by semicolons"),
        ("date\th\n2004-03-10\t2\n", "line 1", "separated by tabs"),
        ("0001-01-01T00:00+14:00,1\n", "line 1, column 1", "is not in the years 1 to 9999 of UTC"),
        ("9999-12-31T23:00-14:00,1\n", "line 1, column 1", "is not in the years 1 to 9999 of UTC"),
        ("2020010110,1\n", "line 1, column 1", "may be a date with an hour, or a time since 1970"),
        ("202001011000,1\n", "line 1, column 1", "may be a date with an hour, or a time since 1970"),
        ("17120100000,1\n", "line 1, column 1", "'17120100000' is not a date"),
        ("1712010000000000,1\n", "line 1, column 1", "is not a date"),
        ("2020-01-01T24:00,1\n", "line 1, column 1", "'2020-01-01T24:00' is not a date: hour must be"),
    ],
)
def test_what_is_ambiguous_or_does_not_fit_is_named(tmp_path: Path, text: str, where: str, what: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SeriesError) as raised:
        read_series(path, ("h",))
    assert raised.value.message.startswith(f"{path}, {where}")
    assert what in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("earlier", "later", "cause"),
    [
        ("2024-10-27 02:45:00", "2024-10-27 02:00:00", "when summer time ends"),
        ("2024-10-27 02:45:00", "2024-10-27 01:30:00", "each row must be later"),
        ("2024-10-27T02:45Z", "2024-10-27T02:00Z", "each row must be later"),
        ("2024-10-27", "2024-10-27", "each row must be later"),
    ],
)
def test_local_time_that_runs_back_has_a_hint_of_its_own(
    tmp_path: Path, earlier: str, later: str, cause: str
) -> None:
    with pytest.raises(SeriesError) as raised:
        read_series(write(tmp_path, f"{earlier},1\n{later},2\n"), ("h",))
    assert f"{later} is not after the row before ({earlier})" in raised.value.message
    assert cause in raised.value.hint


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("01-10-1935,1,2\n31-02-1936,1,2\n", "line 2, column 1 (date)", "'31-02-1936' is not a date"),
        ("xx-10-1935,1,2\n", "line 1, column 1 (date)", "'xx-10-1935' is not a date"),
        ("01-10-1935,1,2\n02-10-1935,1.2.3,2\n", "line 2, column 2 (rain)", "'1.2.3' is not a number"),
        ("01-10-1935,1,2\n\n02-10-1935,1,\n", "line 3, column 3 (flow)", "'' is not a number"),
        ("01-10-1935,1,nan\n", "line 1, column 3 (flow)", "'nan' is not a number"),
        ("01-10-1935,1,1e999\n", "line 1, column 3 (flow)", "'1e999' is not a number"),
        ("01-10-1935,1_0,2\n", "line 1, column 2 (rain)", "'1_0' is not a number"),
        ("01-10-1935,1\n", "line 1, column 3 (missing)", "has 2 of 3 fields"),
        ("01-10-1935,1,2,3\n", "line 1, column 4 (surplus)", "has 4 fields instead of 3"),
        (
            "02-10-1935,1,2\n01-10-1935,1,2\n",
            "line 2, column 1 (date)",
            "is not after the row before (02-10-1935)",
        ),
        ("02-10-1935,1,2\n02-10-1935,1,2\n", "line 2, column 1 (date)", "is not after the row before"),
        ("date,rain\n01-10-1935,1\n", "line 1", "the header has no column flow"),
        ('01-10-1935,1,2\n"02-10-1935,1,2\n', "line 2", "unexpected end of data"),
        (b"01-10-1935,1,2\n\xff\xfe,1,2\n", "after line", "not UTF-8"),
        ("", "river.csv", "holds no readings"),
        ("date,rain,flow\n", "river.csv", "holds no readings"),
    ],
)
def test_error_names_file_line_and_column(tmp_path: Path, text: str | bytes, where: str, what: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SeriesError) as raised:
        read_series(path, COLUMNS)
    message = raised.value.message
    assert message.startswith(str(path))
    assert where in message
    assert re.search(re.escape(what), message)
    assert raised.value.hint
    assert raised.value.exit_code == 2


def test_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match="No such file"):
        read_series(tmp_path / "absent.csv", COLUMNS)


@given(st.datetimes(timezones=st.none()).map(lambda moment: moment.date()))
def test_both_date_formats_agree(day: object) -> None:
    iso = str(day)
    year, month, date = iso.split("-")
    assert parse_time_ms(iso) == parse_time_ms(f"{date}-{month}-{year}")
    assert datetime_of(parse_time_ms(iso)).date() == day


@given(st.binary(max_size=200))
def test_any_bytes_give_a_series_or_a_series_error(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes
) -> None:
    path = tmp_path_factory.mktemp("noise") / "noise.csv"
    path.write_bytes(noise)
    with contextlib.suppress(SeriesError):
        assert len(read_series(path, COLUMNS)) > 0
