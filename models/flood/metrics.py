"""How good a forecast of daily flow is."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def nash_sutcliffe(observed: Array, forecast: Array) -> float:
    """Nash-Sutcliffe efficiency (Nash and Sutcliffe 1970): 1 is perfect, 0 as good as the observed mean."""
    return 1.0 - float(((observed - forecast) ** 2).sum() / ((observed - observed.mean()) ** 2).sum())


@dataclass(frozen=True)
class PeakScore:
    """Errors on the days whose observed flow is above `threshold`, m3/s; `bias` < 0: peaks come out low."""

    threshold: float
    days: int
    mean_absolute_error: float
    mean_absolute_percent: float
    bias: float


@dataclass(frozen=True)
class Score:
    """Errors of a forecast of `days` days, m3/s; `above` is keyed by percentile of the training days."""

    days: int
    nse: float
    rmse: float
    above: dict[str, PeakScore]

    def rounded(self) -> dict[str, object]:
        """As plain data, to four decimals."""
        return {key: _round(value) for key, value in asdict(self).items()}


def score(observed: Array, forecast: Array, thresholds: dict[str, float]) -> Score:
    """Compare a forecast [n] with what was observed [n], also above each of the named flows."""
    rmse = float(np.sqrt(((observed - forecast) ** 2).mean()))
    above = {name: _peaks(observed, forecast, threshold) for name, threshold in thresholds.items()}
    return Score(len(observed), nash_sutcliffe(observed, forecast), rmse, above)


def _peaks(observed: Array, forecast: Array, threshold: float) -> PeakScore:
    high = observed > threshold
    if not high.any():
        return PeakScore(threshold, 0, 0.0, 0.0, 0.0)
    error = forecast[high] - observed[high]
    percent = 100.0 * np.abs(error) / observed[high]
    return PeakScore(
        threshold, int(high.sum()), float(np.abs(error).mean()), float(percent.mean()), float(error.mean())
    )


def _round(item: object) -> object:
    if isinstance(item, dict):
        return {key: _round(value) for key, value in item.items()}
    return round(item, 4) if isinstance(item, float) else item
