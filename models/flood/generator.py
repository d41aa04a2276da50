"""Made-up days of a river like the Wye, for machines without the recorded data.

Rain: a two-state Markov chain (dry, wet), as in weather generators since Richardson (1981), with amounts from
a mixture of two exponentials; both change with the season. Flow: a soil store that saturates (runoff share =
fullness ^ SHAPE), evaporation by season, and two linear reservoirs, a quick one for what runs off and a slow
one for what percolates.

The series is a plausible river, not this river: a model trained on the Wye scores on it what it scores, and
that number says nothing of the model's skill.

    python -m models.flood.generator river.csv --days 730
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click
import numpy as np

from wasmote.series import Series, datetime_of

DAY_MS = 86_400_000
FIRST_DAY = date(1935, 10, 1)
DAYS = 29_618
SEED = 55_002

CATCHMENT_KM2 = 1896.0
M3_PER_S = CATCHMENT_KM2 * 1000.0 / 86_400.0  # of 1 mm a day over the catchment

SPIN_UP_DAYS = 730  # until the stores have forgotten how they were filled
HEAVY_SHARE = 0.3  # of the wet days
LIGHT_MM, HEAVY_MM = 2.4, 9.5  # mean amounts
SOIL_MM = 160.0
SHAPE = 2.4
PERCOLATION = 0.009  # of the soil store, a day
QUICK_DAYS, SLOW_DAYS = 1.3, 45.0  # residence times
SAME_DAY_SHARE = 0.35  # of a day's runoff; the rest reaches the gauge a day later


def generate(days: int = DAYS, seed: int = SEED, first_day: date = FIRST_DAY) -> Series:
    """Make `days` consecutive days of (rain mm, flow m3/s); equal arguments give equal days."""
    spin_up = first_day.toordinal() - SPIN_UP_DAYS
    rain = _rain(spin_up, SPIN_UP_DAYS + days, seed)
    flow = list(_flow(spin_up, rain))
    values = np.array([rain[SPIN_UP_DAYS:], flow[SPIN_UP_DAYS:]]).T
    start_ms = (first_day.toordinal() - date(1970, 1, 1).toordinal()) * DAY_MS
    return Series(("rain", "flow"), start_ms + DAY_MS * np.arange(days, dtype=np.int64), values)


def _winter(day: int) -> float:
    """1 in mid-January, -1 in mid-July."""
    return math.cos(2.0 * math.pi * (day / 365.2425 - 15.0 / 365.0))


def _rain(first: int, days: int, seed: int) -> list[float]:
    """Daily amounts, mm with one decimal like a rain gauge."""
    rng = np.random.default_rng(seed)
    amounts: list[float] = []
    wet = False
    for day in range(first, first + days):
        chance, kind, size = rng.random(3).tolist()
        wet = chance < (0.80 if wet else 0.48) + 0.05 * _winter(day)
        mean = HEAVY_MM if kind < HEAVY_SHARE else LIGHT_MM
        amount = -math.log(1.0 - size) * mean * (1.0 + 0.15 * _winter(day))
        amounts.append(round(amount, 1) if wet else 0.0)
    return amounts


def _flow(first: int, rain: list[float]) -> Iterator[float]:
    """Daily mean flows at the gauge, m3/s with two decimals."""
    soil, quick, slow, delayed = 0.6 * SOIL_MM, 0.0, 60.0, 0.0
    for day, amount in enumerate(rain, first):
        fullness = soil / SOIL_MM
        runoff = amount * fullness**SHAPE
        drained = soil * PERCOLATION
        evaporated = max(0.0, 1.4 - 1.3 * _winter(day)) * min(1.0, 1.6 * fullness)
        soil = max(0.0, soil + amount - runoff - drained - evaporated)
        runoff += max(0.0, soil - SOIL_MM)
        soil = min(soil, SOIL_MM)
        quick += SAME_DAY_SHARE * runoff + delayed
        delayed = (1.0 - SAME_DAY_SHARE) * runoff
        slow += drained
        out_quick, out_slow = quick / QUICK_DAYS * 0.75, slow / SLOW_DAYS
        quick, slow = quick - out_quick, slow - out_slow
        yield round((out_quick + out_slow) * M3_PER_S, 2)


def write_rows(path: Path, series: Series) -> None:
    """Write days as the recorded file has them: `DD-MM-YYYY, rain, flow`, no header."""
    rows = zip(series.time_ms.tolist(), series.values.tolist(), strict=True)
    lines = (f"{datetime_of(time_ms):%d-%m-%Y}, {rain:g}, {flow:g}\n" for time_ms, (rain, flow) in rows)
    path.write_text("".join(lines), encoding="utf-8")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--days", default=DAYS, show_default=True, type=click.IntRange(min=1), help="how many")
@click.option("--seed", default=SEED, show_default=True, help="the same, the same days")
def main(path: Path, days: int, seed: int) -> None:
    """Write made-up days to PATH in the format of the recorded file."""
    write_rows(path, generate(days, seed))


if __name__ == "__main__":
    main()
