"""The flood module under wasmtime: the causal rule, gaps, broken readings, and the second version."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from models.flood.features import FOLDER, PROJECT, build_module, features_of
from models.flood.generator import generate
from wasmote.runtime import HostModule
from wasmote.series import Series
from wasmote.wire.bundle import Bundle

DAY_MS = 86_400_000
LAGS = 3
V2 = FOLDER / "flood_v2.toml"
bundle_of = cache(build_module)

Values = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def days() -> Series:
    return generate(days=400)


def started(bundle: Bundle | None = None, config: dict[str, float] | None = None) -> HostModule:
    module = HostModule(bundle or bundle_of(PROJECT))
    module.start()
    if config:
        module.set_config(config)
    return module


def feed(module: HostModule, series: Series) -> list[Values | None]:
    """What the module emits for each day; None for a day without features."""
    emitted: list[Values | None] = []
    for time_ms, sample in zip(series.time_ms.tolist(), series.values.tolist(), strict=True):
        emissions = module.on_sample(0, time_ms, sample)
        assert len(emissions) <= 1
        assert all(emission.time_ms == time_ms for emission in emissions)
        emitted.append(emissions[0].values if emissions else None)
    return emitted


def without(series: Series, *rows: int) -> Series:
    kept = np.setdiff1d(np.arange(len(series)), rows)
    return Series(series.columns, series.time_ms[kept], series.values[kept])


def field(values: Values | None, name: str) -> float:
    assert values is not None
    return float(values[bundle_of(PROJECT).manifest.streams[0].fields.index(name)])


def test_features_begin_when_three_days_are_known(days: Series) -> None:
    emitted = feed(started(), days[:10])
    assert [values is not None for values in emitted] == [False] * LAGS + [True] * 7


def test_flow_of_the_day_does_not_change_its_features(days: Series) -> None:
    changed = Series(days.columns, days.time_ms, days.values.copy())
    changed.values[50, 1] *= 3.0
    before, after = feed(started(), days[:60]), feed(started(), changed[:60])
    differing = [row for row in range(60) if not np.array_equal(before[row], after[row])]  # type: ignore[arg-type]
    assert differing == [51, 52, 53]


def test_rain_of_the_day_does_change_its_features(days: Series) -> None:
    changed = Series(days.columns, days.time_ms, days.values.copy())
    changed.values[50, 0] += 10.0
    before, after = feed(started(), days[:60])[50], feed(started(), changed[:60])[50]
    assert field(after, "rain_0") == pytest.approx(field(before, "rain_0") + 1.0)


def test_lags_and_scales(days: Series) -> None:
    rain, flow = days.values.T
    values = feed(started(), days[:30])[29]
    for lag in range(4):
        assert field(values, f"rain_{lag}") == pytest.approx(rain[29 - lag] / 10.0, rel=1e-6)
    for lag in range(1, 4):
        assert field(values, f"flow_{lag}") == pytest.approx((flow[29 - lag] / 50.0) ** 0.5, rel=1e-6)


@pytest.mark.parametrize(("name", "half_life"), [("2d5", 2.5), ("6d", 6.0), ("15d", 15.0), ("45d", 45.0)])
def test_wetness_is_a_fading_mean_of_the_days_before(days: Series, name: str, half_life: float) -> None:
    rain = days.column("rain")[:200]
    weights = 0.5 ** (np.arange(200)[::-1] / half_life)
    expected = ((rain * weights).sum() / weights.sum() / 3.0) ** 0.5
    assert field(feed(started(), days[:201])[200], f"wet_{name}") == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("year", [1935, 1969, 1970, 2017])
def test_season_goes_round_once_a_year(year: int) -> None:
    first = int(np.datetime64(f"{year}-01-01", "D").astype(np.int64))
    series = Series(
        ("rain", "flow"), DAY_MS * np.arange(first, first + 370, dtype=np.int64), np.ones((370, 2))
    )
    turn = (np.arange(first, first + 370) % 365.2425) / 365.2425
    for row, values in enumerate(feed(started(), series)):
        if values is not None:
            assert field(values, "season_sin") == pytest.approx(np.sin(2 * np.pi * turn[row]), abs=0.002)
            assert field(values, "season_cos") == pytest.approx(np.cos(2 * np.pi * turn[row]), abs=0.002)


@pytest.mark.parametrize("missing", [1, 60, 365])
def test_after_a_gap_nothing_is_emitted_until_three_days_are_known(days: Series, missing: int) -> None:
    emitted = feed(started(), without(days, *range(20, 20 + missing))[:30])
    assert [row for row, values in enumerate(emitted) if values is None] == [0, 1, 2, 20, 21, 22]


def test_a_gap_is_unknown_rain_not_dry_days(days: Series) -> None:
    """With equal rain on every day that is there, the mean does not move, whatever is missing."""
    steady = Series(days.columns, days.time_ms, np.full_like(days.values, 3.0))
    emitted = feed(started(), without(steady, *range(20, 80)))
    assert field(emitted[23], "wet_45d") == pytest.approx(1.0, abs=1e-6)


def test_features_are_finite_and_moderate(days: Series) -> None:
    extreme = Series(days.columns, days.time_ms, days.values.copy())
    extreme.values[::7] = (2000.0, 100_000.0)
    extreme.values[3::7] = 0.0
    values = features_of(extreme, bundle_of(PROJECT)).values
    assert len(values) == 397
    assert np.isfinite(values).all()


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -1.0, 1e9])
def test_broken_rain_counts_as_a_missing_day(days: Series, broken: float) -> None:
    damaged = Series(days.columns, days.time_ms, days.values.copy())
    damaged.values[20, 0] = broken
    given, expected = feed(started(), damaged[:40]), feed(started(), without(days, 20)[:39])
    assert given[20] is None
    for one, other in zip(given[:20] + given[21:], expected, strict=True):
        assert np.array_equal(one, other)  # type: ignore[arg-type]


@pytest.mark.parametrize("broken", [float("nan"), float("-inf"), -1.0])
def test_unknown_flow_silences_the_days_that_need_it(days: Series, broken: float) -> None:
    damaged = Series(days.columns, days.time_ms, days.values.copy())
    damaged.values[20, 1] = broken
    given, expected = feed(started(), damaged[:40]), feed(started(), days[:40])
    assert [row for row, values in enumerate(given) if values is None] == [0, 1, 2, 21, 22, 23]
    for row in (20, *range(24, 40)):
        assert np.array_equal(given[row], expected[row])  # type: ignore[arg-type]


def test_a_day_is_counted_once(days: Series) -> None:
    module = started()
    feed(module, days[:20])
    state = module.state()
    again = Series(days.columns, days.time_ms[[19, 5]], days.values[[19, 5]])
    assert feed(module, again) == [None, None]
    assert module.state() == state


def test_same_days_same_bits(days: Series) -> None:
    first, second = (features_of(days, bundle_of(PROJECT)) for _ in range(2))
    assert first.sha256() == second.sha256()


def test_second_version_has_the_same_contract_and_state() -> None:
    one, two = bundle_of(PROJECT).manifest, bundle_of(V2).manifest
    assert (one.name, one.streams, one.inputs, one.state) == (two.name, two.streams, two.inputs, two.state)
    assert two.sequence > one.sequence
    assert one.digest != two.digest


def test_second_version_takes_over_in_the_middle(days: Series) -> None:
    whole = feed(started(), days[:60])
    old, new = started(), HostModule(bundle_of(V2))
    first = feed(old, days[:30])
    new.start(old.state())
    for one, other in zip(whole, first + feed(new, days[30:60]), strict=True):
        assert np.array_equal(one, other)  # type: ignore[arg-type]


def test_second_version_warns_once_when_the_river_rises(days: Series) -> None:
    values = np.ones((8, 2))
    values[:, 1] = [100, 299, 300.5, 450, 299, 310, 50, 60]
    module = started(bundle_of(V2), {"warning_flow": 300.0})
    feed(module, Series(days.columns, days.time_ms[:8], values))
    assert [(line.level, line.text) for line in module.log_lines] == [
        (1, "river at 300 m3/s, above the warning level of 300"),
        (1, "river at 310 m3/s, above the warning level of 300"),
    ]


@pytest.mark.parametrize("level", [0.0, -5.0, 1e30])
def test_second_version_warns_at_no_level_that_makes_no_sense(days: Series, level: float) -> None:
    module = started(bundle_of(V2), {"warning_flow": level})
    feed(module, days[:50])
    assert module.log_lines == []
