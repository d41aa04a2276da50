"""Train the flood model on the module's features, export it to ONNX, write down how good it is.

The last fifth of the days is the test set; it serves for metrics.json only. Features, half-lives, sizes and
the recipe were chosen on days held back from the training days; `--select` compares recipes that way.

    python -m models.flood.train --data nrfa-55002-rainfall-flow.csv
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from models.flood.data import River, recorded_river, split_row
from models.flood.evaluate import evaluate, forecasts, on_test_days, report, score_forecasts
from models.flood.export import to_onnx
from models.flood.features import FOLDER, STREAM, Features, build_module, features_of
from models.flood.generator import SEED, generate
from models.flood.metrics import Score, nash_sutcliffe
from models.flood.network import FloodModel, Recipe, fit
from wasmote.cli import report as report_fault
from wasmote.errors import WasmoteError
from wasmote.series import datetime_of
from wasmote.wire.bundle import Bundle

RECIPE = Recipe()
PENALTIES = (1e-4, 3e-4, 1e-3)
ITERATIONS = (100, 150, 200)
RECENT_DAYS = 730  # what the demo replays
PACKAGES = ("numpy", "scipy", "onnx", "onnxruntime", "wasmtime")


def train(river: River, features: Features, recipe: Recipe = RECIPE) -> FloodModel:
    """Fit on all training days."""
    return _fit_on(river, features.between(0, split_row(len(river.series))), recipe)


def validate(river: River, features: Features, recipe: Recipe = RECIPE) -> float:
    """NSE on the last fifth of the training days of a model fitted on the days before; sees no test day."""
    end = split_row(len(river.series))
    first = split_row(end)
    held_back = features.between(first, end)
    forecast = _fit_on(river, features.between(0, first), recipe).predict(held_back.values)
    return nash_sutcliffe(river.series.column("flow")[held_back.rows], forecast)


def select(river: River, features: Features) -> Iterator[tuple[Recipe, float]]:
    """Validate each recipe of the grid."""
    for penalty in PENALTIES:
        for iterations in ITERATIONS:
            recipe = replace(RECIPE, penalty=penalty, iterations=iterations)
            yield recipe, validate(river, features, recipe)


def _fit_on(river: River, part: Features, recipe: Recipe) -> FloodModel:
    return fit(part.values, river.series.column("flow")[part.rows], recipe)


def _metrics(river: River, features: Features, bundle: Bundle, path: Path) -> dict[str, Any]:
    test = evaluate(river, features, path)
    return {
        "data": _data(river, features),
        "module": {
            "name": bundle.manifest.name,
            "version": bundle.manifest.version,
            "sha256": bundle.manifest.digest.hex(),
            "features_sha256": features.sha256(),
        },
        "model": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "recipe": asdict(RECIPE)},
        "validation": {"nse": round(validate(river, features), 4)},
        "test": {name: scored.rounded() for name, scored in test.items()},
        "recent": _recent(river, bundle, path),
        "generated": _generated(bundle, path),
        "made_with": {package: version(package) for package in PACKAGES},
    }


def _data(river: River, features: Features) -> dict[str, Any]:
    series, first = river.series, split_row(len(river.series))
    return {
        "sha256": river.sha256,
        "days": len(series),
        "first": _date(int(series.time_ms[0])),
        "last": _date(int(series.time_ms[-1])),
        "train_days": len(features.between(0, first).rows),
        "test_days": len(series) - first,
        "test_first": _date(int(series.time_ms[first])),
    }


def _recent(river: River, bundle: Bundle, path: Path) -> dict[str, Any]:
    """The last two years as seen by a node that was started on their first day: three silent days."""
    series = river.series[-RECENT_DAYS:]
    features, flow = features_of(series, bundle), series.column("flow")
    observed = flow[features.rows]
    return {
        "days": len(series),
        "forecasts": len(features.rows),
        "nse": round(nash_sutcliffe(observed, forecasts(features, path)), 4),
        "yesterday_nse": round(nash_sutcliffe(observed, flow[features.rows - 1]), 4),
    }


def _generated(bundle: Bundle, path: Path) -> dict[str, Any]:
    """The same on the generator's days: a check that needs no data, not a measure of skill."""
    series = generate()
    features = features_of(series, bundle)
    tested = on_test_days(features, series)
    scored: Score = score_forecasts(series, tested.rows, forecasts(tested, path))
    return {
        "seed": SEED,
        "days": len(series),
        "features_sha256": features.sha256(),
        "nse": round(scored.nse, 4),
    }


def _date(time_ms: int) -> str:
    return f"{datetime_of(time_ms):%Y-%m-%d}"


def _write(river: River, features: Features, bundle: Bundle, output: Path) -> None:
    stream = bundle.manifest.streams[bundle.manifest.stream_index(STREAM)]
    model = train(river, features)
    path = output / "model.onnx"
    path.write_bytes(to_onnx(model, stream).SerializeToString(deterministic=True))
    metrics = _metrics(river, features, bundle, path)
    (output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    click.echo(report(evaluate(river, features, path)))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(path_type=Path), help="recorded days; default: $WASMOTE_DATA")
@click.option(
    "--output",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=FOLDER,
    help="folder to write to",
)
@click.option("--select", "selecting", is_flag=True, help="only compare recipes on the validation days")
def main(data: Path | None, output: Path, selecting: bool) -> None:
    """Train and write model.onnx and metrics.json."""
    try:
        river, bundle = recorded_river(data), build_module()
        features = features_of(river.series, bundle)
        if not selecting:
            _write(river, features, bundle, output)
            return
        for recipe, efficiency in select(river, features):
            click.echo(f"penalty {recipe.penalty:g}, {recipe.iterations} iterations: NSE {efficiency:.4f}")
    except WasmoteError as fault:
        report_fault(fault)
        sys.exit(fault.exit_code)


if __name__ == "__main__":
    main()
