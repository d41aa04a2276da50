"""The river's days: where they come from, and how they are divided.

Real data is a file that everyone fetches for themselves (README.md says where); without it the generator's
days stand in, and whoever uses them says so.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from models.flood.generator import generate
from wasmote.errors import UsageFault
from wasmote.series import Series, read_series

COLUMNS = ("rain", "flow")
VARIABLE = "WASMOTE_DATA"
_HINT = (
    f"name the file with --data or {VARIABLE}: daily rainfall and flow of NRFA station 55002 "
    "(models/flood/README.md says where to get it)"
)


class DataAbsent(UsageFault):
    """The recorded data is needed and nobody named it."""


@dataclass(frozen=True)
class River:
    """Days of one river; `source` says what they are, `sha256` is that of the file ("" if generated)."""

    series: Series
    source: str
    sha256: str = ""

    @property
    def recorded(self) -> bool:
        """Whether these are measurements and not the generator's days."""
        return self.sha256 != ""


def split_row(days: int) -> int:
    """The first row of the test set: the last fifth of the rows, in order of time."""
    return days * 4 // 5


def data_path(option: Path | str | None = None) -> Path | None:
    """The file that `--data` or else the environment names; None when neither does."""
    named = option or os.environ.get(VARIABLE)
    return Path(named) if named else None


def recorded_river(option: Path | str | None = None) -> River:
    """Read the recorded days. Raises DataAbsent when no file is named, SeriesError when it is broken."""
    path = data_path(option)
    if path is None:
        raise DataAbsent("the recorded river data is absent", _HINT)
    series = read_series(path, COLUMNS)
    return River(series, f"recorded: {path.name}", hashlib.sha256(path.read_bytes()).hexdigest())


def any_river(option: Path | str | None = None) -> River:
    """Read the recorded days where a file is named, else make up days of the same kind and say so."""
    if data_path(option) is not None:
        return recorded_river(option)
    return River(
        generate(), "generated: no recorded data is named, a rainfall-runoff model made these days up"
    )
