"""Runs the cells that were selected, all at once, before the first of them is looked at."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

pytest.register_assert_rewrite(
    "peers.cases_block", "peers.cases_core", "peers.cases_link", "peers.cases_observe"
)

from peers.case import CASES  # noqa: E402 # their assertions were to be rewritten first
from peers.runner import COLUMNS, Cell, Result, run_cells, versions  # noqa: E402
from peers.table import FOUND  # noqa: E402

ALL = [(case, column) for case in CASES for column in COLUMNS]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of every cell of the table."""
    if "cell" in metafunc.fixturenames:
        metafunc.parametrize("cell", ALL, ids=[f"{case}-{column}" for case, column in ALL])


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> dict[Cell, Result]:
    """How the selected cells went; a whole table is written to build/peers/table.json."""
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    cells: list[Any] = [item.callspec.params["cell"] for item in tests if "cell" in item.fixturenames]
    found = asyncio.run(run_cells(cells))
    if len(found) == len(ALL):
        write(found)
    return found


def write(found: dict[Cell, Result]) -> None:
    """Write build/peers/table.json: what table.py reads."""
    cases = []
    for case in CASES.values():
        results = {column: found[case.name, column] for column in COLUMNS}
        told = {column: {"status": it.status, "reason": it.reason} for column, it in results.items()}
        cases.append({"name": case.name, "title": case.title, "results": told})
    table = {"versions": versions(), "columns": COLUMNS, "cases": cases}
    FOUND.parent.mkdir(parents=True, exist_ok=True)
    FOUND.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")
