"""The engine computes what the specification says, on every core.

WASMOTE_FULL=1 (`make test-full`) runs all of the table on the emulated cores too; without, a quarter of it,
another one on each.
"""

from __future__ import annotations

import os

import pytest

from edge_table import memory, numeric
from fetch import FetchError
from result import Result, run_suite, run_table, table_plans
from target import CORES, Core

EMULATED_PARTS = 1 if os.environ.get("WASMOTE_FULL") else 4

each_core = pytest.mark.parametrize("core", CORES, ids=lambda core: core.name)


def check(result: Result, core: Core, part: str) -> None:
    result.write(core, part)
    assert not result.stale, str(result)
    assert result.passed > 0
    assert result.failed == 0, str(result)


@each_core
def test_suite(core: Core) -> None:
    try:
        result = run_suite(core)
    except FetchError as error:
        pytest.skip(str(error))
    check(result, core, "suite")


@each_core
def test_table(core: Core) -> None:
    check(run_table(core, EMULATED_PARTS if core.qemu else 1), core, "table")


def test_sanitizers_find_nothing() -> None:
    core = Core("native", sanitized=True)
    try:
        result = run_suite(core)
    except FetchError as error:
        pytest.skip(str(error))
    assert result.failed == 0, str(result)
    assert run_table(core, EMULATED_PARTS).failed == 0


def test_the_table_has_every_instruction() -> None:
    tried = {plan.script for plan in table_plans()}
    assert tried == {row.name for row in (*numeric(), *memory())}
    assert len(tried) == 136 + 23  # what Wasm 1.0, sign extension and saturation compute; loads and stores
    assert sum(step.counts for plan in table_plans() for step in plan.steps) >= 20_000
