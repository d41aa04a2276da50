"""The flood model: what it was trained on, how good it is, and that both can be repeated."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from models.flood import data, evaluate, generator, train
from models.flood.export import to_onnx
from models.flood.features import FOLDER, PROJECT, Features, build_module, features_of
from models.flood.metrics import nash_sutcliffe, score
from models.flood.network import FloodModel, Recipe, fit, fit_linear
from wasmote.errors import WasmoteError
from wasmote.gateway.contract import METADATA_KEY, Contract, ContractMismatch
from wasmote.gateway.inference import OnnxModel
from wasmote.onnx_runtime import import_onnxruntime
from wasmote.series import Series, SeriesError, read_series
from wasmote.wire.bundle import Bundle

METRICS: dict[str, Any] = json.loads((FOLDER / "metrics.json").read_text(encoding="utf-8"))
SHORT = Recipe(hidden=(6, 4), members=2, iterations=15)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return build_module(PROJECT)


@pytest.fixture(scope="module")
def made_up() -> data.River:
    return data.River(generator.generate(days=1500), "generated for a test")


@pytest.fixture(scope="module")
def features(bundle: Bundle, made_up: data.River) -> Features:
    return features_of(made_up.series, bundle)


@pytest.fixture(scope="module")
def recorded() -> data.River:
    if data.data_path() is None:
        pytest.skip(
            f"{data.VARIABLE} does not name the recorded river data: models/flood/README.md says where it is"
        )
    return data.recorded_river()


@pytest.fixture(scope="module")
def recorded_features(bundle: Bundle, recorded: data.River) -> Features:
    return features_of(recorded.series, bundle)


# ---- the committed model and its metrics ---------------------------------------------------------------


def test_model_and_metrics_belong_together() -> None:
    content = (FOLDER / "model.onnx").read_bytes()
    assert hashlib.sha256(content).hexdigest() == METRICS["model"]["sha256"]
    assert len(content) < 100_000
    assert METRICS["test"]["model"]["nse"] >= 0.95


def test_model_wants_what_the_module_gives(bundle: Bundle) -> None:
    contract = OnnxModel(FOLDER / "model.onnx").contract
    contract.check(bundle.manifest, "model.onnx")
    assert contract == Contract.of(bundle.manifest.streams[0])


def test_model_is_refused_for_another_stream(bundle: Bundle, tmp_path: Path) -> None:
    text = PROJECT.read_text(encoding="utf-8").replace('"rain_0", "rain_1"', '"rain_1", "rain_0"')
    for source in ("flood.c", "flood_features.h"):
        (tmp_path / source).write_bytes((FOLDER / source).read_bytes())
    (tmp_path / "flood.toml").write_text(text, encoding="utf-8")
    contract = OnnxModel(FOLDER / "model.onnx").contract
    with pytest.raises(ContractMismatch, match="rain_0"):
        contract.check(build_module(tmp_path / "flood.toml").manifest, "model.onnx")


def test_generated_days_give_the_recorded_bits_and_score(bundle: Bundle) -> None:
    """Needs no data: the module, the model and the made-up days are those that metrics.json was made from."""
    series = generator.generate()
    found = features_of(series, bundle)
    assert found.sha256() == METRICS["generated"]["features_sha256"]
    tested = evaluate.on_test_days(found, series)
    scored = evaluate.score_forecasts(series, tested.rows, evaluate.forecasts(tested))
    assert scored.nse == pytest.approx(METRICS["generated"]["nse"], abs=2e-4)


# ---- with the recorded data ----------------------------------------------------------------------------


def test_efficiency_on_the_last_fifth_of_the_days(recorded: data.River, recorded_features: Features) -> None:
    if recorded.sha256 != METRICS["data"]["sha256"]:
        pytest.skip(f"{recorded.source} is another file than the one of metrics.json")
    scores = evaluate.evaluate(recorded, recorded_features)
    assert scores["model"].days == 5924
    assert scores["yesterday"].nse == pytest.approx(0.708, abs=5e-4)
    assert scores["model"].nse >= 0.95
    for name, scored in scores.items():
        assert scored.nse == pytest.approx(METRICS["test"][name]["nse"], abs=2e-4)


def test_recorded_days_give_the_bits_of_the_training(
    recorded: data.River, recorded_features: Features
) -> None:
    if recorded.sha256 != METRICS["data"]["sha256"]:
        pytest.skip(f"{recorded.source} is another file than the one of metrics.json")
    assert recorded_features.sha256() == METRICS["module"]["features_sha256"]
    assert len(recorded.series) - len(recorded_features.rows) == 4 * 3  # the start, and three holes


def test_a_node_that_starts_late_is_as_good(
    recorded: data.River, recorded_features: Features, bundle: Bundle
) -> None:
    """The fading means need no history: a start two years before the end is as good as an early one."""
    first = len(recorded.series) - train.RECENT_DAYS
    fresh = features_of(recorded.series[first:], bundle)
    always = recorded_features.between(first + 3, len(recorded.series))
    assert np.array_equal(fresh.rows + first, always.rows)
    flow = recorded.series.column("flow")[always.rows]
    efficiencies = [nash_sutcliffe(flow, evaluate.forecasts(part)) for part in (fresh, always)]
    assert efficiencies[0] == pytest.approx(efficiencies[1], abs=0.005)
    if recorded.sha256 == METRICS["data"]["sha256"]:
        assert efficiencies[0] == pytest.approx(METRICS["recent"]["nse"], abs=2e-4)


# ---- training ------------------------------------------------------------------------------------------


def test_training_can_be_repeated(made_up: data.River, features: Features, bundle: Bundle) -> None:
    stream = bundle.manifest.streams[0]
    first, second = (to_onnx(train.train(made_up, features, SHORT), stream) for _ in range(2))
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)


def test_training_beats_the_linear_model(made_up: data.River, features: Features) -> None:
    flow = made_up.series.column("flow")[features.rows]
    linear, model = fit_linear(features.values, flow), fit(features.values, flow, SHORT)
    assert nash_sutcliffe(flow, model.predict(features.values)) > nash_sutcliffe(
        flow, linear.predict(features.values)
    )


def test_training_sees_no_test_day(made_up: data.River, features: Features) -> None:
    series = made_up.series
    changed = Series(series.columns, series.time_ms, series.values.copy())
    changed.values[data.split_row(len(series)) :, 1] = 9.9
    one, other = (train.train(data.River(days, ""), features, SHORT) for days in (series, changed))
    assert np.array_equal(one.predict(features.values), other.predict(features.values))


def test_exported_graph_computes_the_trained_network(
    made_up: data.River, features: Features, bundle: Bundle, tmp_path: Path
) -> None:
    model = train.train(made_up, features, SHORT)
    path = tmp_path / "model.onnx"
    onnx.save(to_onnx(model, bundle.manifest.streams[0]), path)
    sample = Features(features.rows[::20], features.values[::20])
    assert evaluate.forecasts(sample, path) == pytest.approx(model.predict(sample.values), rel=1e-4, abs=1e-3)


def test_exported_graph_takes_many_rows_and_never_says_less_than_no_flow(
    made_up: data.River, features: Features, bundle: Bundle
) -> None:
    onnxruntime = import_onnxruntime()
    proto = to_onnx(train.train(made_up, features, SHORT), bundle.manifest.streams[0])
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (flow,) = session.run(None, {"features": -10.0 * features.values})
    assert flow.shape == (len(features.values), 1)
    assert flow.min() == 0.0


def test_gradient_is_that_of_the_loss() -> None:
    from models.flood import network

    rng = np.random.default_rng(1)
    x, target, sizes = rng.normal(size=(40, 3)), rng.normal(size=40), (3, 4, 2, 1)
    at = rng.normal(size=network._flat(network._start(sizes, 0)).shape)

    def loss(parameters: Any) -> float:
        return network._loss_and_gradient(network._layers(parameters, sizes), x, target, 0.01)[0]

    gradient = network._loss_and_gradient(network._layers(at, sizes), x, target, 0.01)[1]
    steps = np.eye(len(at)) * 1e-6
    numeric = [(loss(at + step) - loss(at - step)) / 2e-6 for step in steps]
    assert gradient == pytest.approx(np.array(numeric), rel=1e-4, abs=1e-7)


def test_metadata_is_the_canonical_contract(made_up: data.River, features: Features, bundle: Bundle) -> None:
    stream = bundle.manifest.streams[0]
    linear: FloodModel = fit_linear(features.values, made_up.series.column("flow")[features.rows])
    props = {prop.key: prop.value for prop in to_onnx(linear, stream).metadata_props}
    assert props == {METADATA_KEY: Contract.of(stream).to_json()}


# ---- metrics, data and generator -----------------------------------------------------------------------


def test_nash_sutcliffe_of_known_forecasts() -> None:
    observed = np.array([1.0, 2.0, 3.0, 6.0])
    assert nash_sutcliffe(observed, observed) == 1.0
    assert nash_sutcliffe(observed, np.full(4, 3.0)) == 0.0
    assert nash_sutcliffe(observed, observed + 1.0) == pytest.approx(1.0 - 4.0 / 14.0)


def test_peak_errors_look_at_peaks_only() -> None:
    scored = score(np.array([1.0, 10.0, 20.0]), np.array([9.0, 9.0, 16.0]), {"high": 5.0, "none": 99.0})
    high = scored.above["high"]
    assert (high.days, high.mean_absolute_error, high.mean_absolute_percent, high.bias) == (
        2,
        2.5,
        15.0,
        -2.5,
    )
    assert scored.above["none"].days == 0


def test_split_is_the_published_one() -> None:
    assert data.split_row(29_618) == 23_694


def test_generator_is_repeatable_and_plausible(tmp_path: Path) -> None:
    series = generator.generate(days=3000)
    rain, flow = series.values.T
    assert np.array_equal(series.values, generator.generate(days=3000).values)
    assert not np.array_equal(rain, generator.generate(days=3000, seed=1).column("rain"))
    assert set(np.diff(series.time_ms)) == {generator.DAY_MS}
    assert 2.0 < rain.mean() < 5.0
    assert rain.min() == 0.0
    assert 0.0 < flow.min() < flow.mean() < flow.max() < 1500.0


def test_generator_writes_the_format_of_the_recorded_file(tmp_path: Path) -> None:
    path = tmp_path / "river.csv"
    result = CliRunner().invoke(generator.main, [str(path), "--days", "40"])
    assert result.exit_code == 0, result.output
    found, made = read_series(path, data.COLUMNS), generator.generate(days=40)
    assert np.array_equal(found.time_ms, made.time_ms)
    assert found.values == pytest.approx(made.values, rel=1e-5)


def test_without_data_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(data.VARIABLE, raising=False)
    with pytest.raises(data.DataAbsent, match="absent") as raised:
        data.recorded_river()
    assert data.VARIABLE in raised.value.hint
    river = data.any_river()
    assert not river.recorded
    assert "made" in river.source


def test_option_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(data.VARIABLE, str(tmp_path / "absent.csv"))
    path = tmp_path / "named.csv"
    generator.write_rows(path, generator.generate(days=5))
    assert len(data.recorded_river(path).series) == 5
    with pytest.raises(SeriesError, match=r"absent\.csv"):
        data.any_river()


def test_a_hole_in_the_test_days_is_refused(bundle: Bundle) -> None:
    whole = generator.generate(days=100)
    kept = np.setdiff1d(np.arange(100), [90])
    series = Series(whole.columns, whole.time_ms[kept], whole.values[kept])
    with pytest.raises(WasmoteError, match="3 test days have no features"):
        evaluate.on_test_days(features_of(series, bundle), series)


def test_training_without_data_fails_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(data.VARIABLE, raising=False)
    result = CliRunner().invoke(train.main, [])
    assert result.exit_code == 2
    assert data.VARIABLE in result.output
