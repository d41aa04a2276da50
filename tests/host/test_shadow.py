"""Shadow runs: differences, rules, and a candidate beside a running module on a host node."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from wasmote.build import build_bundle
from wasmote.comparison import METRICS, Comparison, Rule
from wasmote.errors import CoapError, UsageFault, WasmoteError
from wasmote.node import Node
from wasmote.runtime.server import serve
from wasmote.shadow import HOST, Shadowed, running_module, shadow
from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import Stream
from wasmote.wire.modules import Control, HandOver, ModuleState
from wasmote.wire.samples import Sample

MODULES = Path(__file__).parents[1] / "modules"
MEAN, TENFOLD = (build_bundle(MODULES / f"mean_v{version}.toml") for version in (1, 2))
SUMS, PICKY = (build_bundle(MODULES / f"sums_v{version}.toml") for version in (1, 2))
COUNTER = build_bundle(MODULES / "counter.toml")

OUT = Stream("out", (2,), ("a", "b"))


def compared(running: Sequence[tuple[int, float]], candidate: Sequence[tuple[int, float]]) -> Comparison:
    """Records of (time, a), with b always 1."""
    comparison = Comparison(["out", "other"], [OUT])
    for time_ms, value in running:
        comparison.streams["out"].running(time_ms, np.array([value, 1], "f4"))
    for time_ms, value in candidate:
        comparison.streams["out"].candidate(time_ms, np.array([value, 1], "f4"))
    comparison.catch_up()
    return comparison


# ---- differences -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("running", "candidate", "max_abs", "max_rel"),
    [
        (2.0, 2.0, 0, 0),
        (2.0, 3.0, 1, 0.5),
        (-4.0, -3.0, 1, 0.25),
        (0.0, 0.5, 0.5, math.inf),
        (0.0, -0.0, 0, 0),
        (math.nan, math.nan, 0, 0),
        (math.nan, 1.0, math.inf, math.inf),
        (math.inf, math.inf, 0, 0),
        (math.inf, -math.inf, math.inf, math.inf),
        (1.0, math.inf, math.inf, math.inf),
    ],
)
def test_how_far_two_values_are_apart(
    running: float, candidate: float, max_abs: float, max_rel: float
) -> None:
    result = compared([(1, running)], [(1, candidate)])
    first, second = result.streams["out"].fields
    assert (first.name, first.max_abs, first.max_rel) == ("a", max_abs, max_rel)
    assert (second.name, second.max_abs) == ("b", 0)
    assert (result.max_abs, result.max_rel) == (max_abs, max_rel)
    assert (result.compared, result.missing) == (1, 0)


def test_records_of_one_time_belong_together() -> None:
    result = compared([(1, 1), (2, 2), (2, 3), (4, 4)], [(1, 1), (2, 2), (2, 5), (3, 9), (4, 4)])
    assert (result.compared, result.missing, result.max_abs) == (4, 1, 2)


def test_what_only_one_of_them_emits_is_missing() -> None:
    assert compared([(1, 1), (2, 2), (3, 3)], [(1, 1)]).missing == 2
    assert compared([(1, 1)], []).missing == 1
    assert compared([(-5, 1), (7, 1)], [(-5, 1), (6, 1), (7, 1)]).missing == 1


def test_streams_of_another_shape_cannot_be_compared() -> None:
    with pytest.raises(UsageFault, match="out of the candidate has 2 values, that of the running module 3"):
        Comparison(["out"], [OUT]).streams["out"].running(1, np.zeros(3, "f4"))
    with pytest.raises(UsageFault, match="no stream that the running module has"):
        Comparison(["other"], [OUT])


# ---- rules -----------------------------------------------------------------------------------------------


def test_every_condition_of_a_rule_must_hold() -> None:
    metrics: dict[str, float | None] = dict.fromkeys(METRICS, 0.0)
    rule = Rule.parse("max_abs<=1e-6, traps == 0 ,longest_us<5000")
    assert rule.objections(metrics) == []
    assert rule.objections(metrics | {"max_abs": 0.5, "traps": 1}) == [
        "max_abs is 0.5, not <= 1e-06",
        "traps is 1, not == 0",
    ]
    assert rule.objections(metrics | {"longest_us": None}) == ["longest_us was not measured"]
    assert rule.objections(metrics | {"max_abs": math.inf}) == ["max_abs is inf, not <= 1e-06"]


@pytest.mark.parametrize(
    "rule", ["", "max_abs", "max_abs<=", "max_abs=1", "cpu<1", "traps==none", "traps<nan"]
)
def test_what_is_no_rule_is_refused_with_the_metrics(rule: str) -> None:
    with pytest.raises(UsageFault) as caught:
        Rule.parse(rule)
    assert "longest_us" in caught.value.hint


# ---- runs ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def running(bundle: Bundle) -> AsyncIterator[Node]:
    async with serve() as (_, link), await Node.connect(link) as node:
        await node.install(0, bundle.to_bytes())
        await node.control(0, Control.START)
        yield node


def samples(first: int, count: int) -> list[Sample]:
    return [Sample(1000 * at, (math.sin(at),)) for at in range(first, first + count)]


async def shadowed(node: Node, candidate: Bundle, count: int = 20) -> Shadowed:
    """Feed until the shadow run has seen enough."""
    status = await running_module(node, candidate, 0)
    task = asyncio.create_task(shadow(node, status, candidate, count))
    at = 100
    while not task.done():
        await node.feed("probe", samples(at, 1))
        at += 1
    return await task


async def fill(node: Node) -> None:
    """Leave no slot for a shadow."""
    await node.install(1, COUNTER.to_bytes())


@pytest.mark.parametrize("where", ["slot 1", HOST])
async def test_the_same_module_differs_in_nothing(where: str) -> None:
    async with running(MEAN) as node:
        await node.feed("probe", samples(1, 10))
        if where == HOST:
            await fill(node)
        result = await shadowed(node, MEAN)
        assert result.where == where
        assert (result.comparison.max_abs, result.comparison.missing, result.trap) == (0, 0, None)
        assert result.comparison.compared >= 20
        assert Rule.parse("traps==0, max_abs==0, missing==0").objections(result.metrics) == []
        assert (await node.module(1)).state is ModuleState.EMPTY
        assert not (await node.trace(0, None)).on


@pytest.mark.parametrize("where", ["slot 1", HOST])
async def test_another_result_is_measured(where: str) -> None:
    async with running(MEAN) as node:
        await node.feed("probe", samples(1, 10))
        if where == HOST:
            await fill(node)
        result = await shadowed(node, TENFOLD)
        assert result.comparison.max_rel == pytest.approx(9, rel=1e-5)
        assert Rule.parse("max_rel<1").objections(result.metrics) == ["max_rel is 9, not < 1"]


@pytest.mark.parametrize("where", ["slot 1", HOST])
async def test_a_trap_ends_it(where: str) -> None:
    async with running(SUMS) as node:
        if where == HOST:
            await fill(node)
        result = await shadowed(node, PICKY)
        assert result.trap is not None
        assert result.metrics["traps"] == 1
        status = await node.module(0)
        assert (status.state, status.traps) == (ModuleState.RUNNING, 0)


async def test_the_running_module_goes_on_and_keeps_its_sensor() -> None:
    async with running(MEAN) as node:
        await node.feed("probe", samples(1, 10))
        (before,) = await node.sensors()
        await node.install(1, TENFOLD.to_bytes())
        await node.start_beside(1, 0)
        assert (await node.sensors()) == [before]  # it did not begin anew
        assert (await node.module(1)).hand_over is HandOver.SAME
        assert (await node.module(1)).probation == 0
        await node.remove(1)
        assert (await node.sensors()) == [before]
        await node.feed("probe", samples(11, 1))


async def test_a_start_beside_needs_a_candidate_and_a_running_module() -> None:
    async with running(MEAN) as node:
        for slot, other in ((1, 0), (0, 0), (1, 1), (1, 7)):
            with pytest.raises(CoapError):
                await node.start_beside(slot, other)
        with pytest.raises(UsageFault, match="nothing runs that is called counter"):
            await running_module(node, COUNTER, None)
        with pytest.raises(UsageFault, match="nothing runs in slot 1"):
            await running_module(node, MEAN, 1)


async def test_records_of_another_module_are_not_compared() -> None:
    async with running(MEAN) as node:
        status = await running_module(node, MEAN, 0)
        compared = asyncio.Event()
        task = asyncio.create_task(shadow(node, status, MEAN, 1000, lambda done: done and compared.set()))
        at = 1
        while not compared.is_set():
            await node.feed("probe", samples(at, 1))
            at += 1
        await node.install(0, TENFOLD.to_bytes())
        await node.control(0, Control.SWAP)
        await node.feed("probe", samples(at, 1))
        with pytest.raises(WasmoteError, match="ended early: slot 0 runs another module by now"):
            await task


async def test_a_run_that_ends_early_says_why() -> None:
    async with running(MEAN) as node:
        await fill(node)
        compared = asyncio.Event()
        status = await node.module(0)
        task = asyncio.create_task(shadow(node, status, MEAN, 1000, lambda done: done and compared.set()))
        at = 1
        while not compared.is_set():
            await node.feed("probe", samples(at, 1))
            at += 1
        await node.control(0, Control.STOP)
        await node.control(0, Control.START)
        with pytest.raises(WasmoteError, match="ended early: the module was stopped"):
            await task
