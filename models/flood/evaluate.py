"""Score the committed model on the last fifth of the days, the way the gateway makes its forecasts.

python -m models.flood.evaluate --data nrfa-55002-rainfall-flow.csv
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt

from models.flood.data import River, any_river, split_row
from models.flood.features import FOLDER, Features, build_module, features_of
from models.flood.metrics import Score, score
from models.flood.network import fit_linear
from wasmote.cli import report as report_fault
from wasmote.errors import WasmoteError
from wasmote.gateway.inference import OnnxModel
from wasmote.series import Series, datetime_of

MODEL = FOLDER / "model.onnx"
PERCENTILES = (95, 99)
Array = npt.NDArray[np.float64]


def thresholds(series: Series) -> dict[str, float]:
    """What counts as a peak: percentiles of the flow of the training days, m3/s."""
    flow = series.column("flow")[: split_row(len(series))]
    return {f"p{percent}": float(np.percentile(flow, percent)) for percent in PERCENTILES}


def forecasts(features: Features, path: Path = MODEL) -> Array:
    """The model's answer for each record, m3/s [m]: one record at a time, as the gateway asks."""
    model = OnnxModel(path)
    return np.array([model.predict(values)[0] for values in features.values], np.float64)


def on_test_days(features: Features, series: Series) -> Features:
    """The features of the test days. Raises WasmoteError when a test day has none: nothing is left out."""
    first = split_row(len(series))
    tested = features.between(first, len(series))
    if len(tested.rows) != len(series) - first:
        missing = np.setdiff1d(np.arange(first, len(series)), tested.rows)
        day = datetime_of(int(series.time_ms[missing[0]]))
        hint = "the last fifth of the days must be without holes: score another part of the series"
        raise WasmoteError(f"{len(missing)} test days have no features, the first is {day:%Y-%m-%d}", hint)
    return tested


def score_forecasts(series: Series, rows: npt.NDArray[np.int64], forecast: Array) -> Score:
    """Compare a forecast [m] of the given rows with the observed flow."""
    return score(series.column("flow")[rows], forecast, thresholds(series))


def baselines(features: Features, series: Series) -> dict[str, Score]:
    """What is easy to reach on the same days: yesterday's flow, and a linear model on the same features."""
    first, flow = split_row(len(series)), series.column("flow")
    rows = np.arange(first, len(series))
    trained, tested = features.between(0, first), on_test_days(features, series)
    linear = fit_linear(trained.values, flow[trained.rows])
    return {
        "yesterday": score_forecasts(series, rows, flow[rows - 1]),
        "linear": score_forecasts(series, tested.rows, linear.predict(tested.values)),
    }


def evaluate(river: River, features: Features, path: Path = MODEL) -> dict[str, Score]:
    """Scores on the test days: of the model and of the baselines."""
    tested = on_test_days(features, river.series)
    scored = score_forecasts(river.series, tested.rows, forecasts(tested, path))
    return {"model": scored, **baselines(features, river.series)}


def report(scores: dict[str, Score]) -> str:
    """The scores as a table for people."""
    lines = [f"{'':12}{'NSE':>8}{'RMSE':>8}" + "".join(f"{'error > p' + str(p):>15}" for p in PERCENTILES)]
    for name, scored in scores.items():
        peaks = "".join(f"{peak.mean_absolute_percent:>13.1f} %" for peak in scored.above.values())
        lines.append(f"{name:12}{scored.nse:8.4f}{scored.rmse:8.2f}{peaks}")
    return "\n".join(lines)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(path_type=Path), help="recorded days; default: $WASMOTE_DATA")
@click.option("--model", type=click.Path(path_type=Path), default=MODEL, help="an ONNX file")
def main(data: Path | None, model: Path) -> None:
    """Score the model on the last fifth of the days."""
    try:
        river = any_river(data)
        click.echo(f"data: {river.source}")
        click.echo(report(evaluate(river, features_of(river.series, build_module()), model)))
    except WasmoteError as fault:
        report_fault(fault)
        sys.exit(fault.exit_code)


if __name__ == "__main__":
    main()
