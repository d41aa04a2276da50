"""The cases of the CoAP plugtests (TD_COAP_*), with each pair of client and server of which one is ours."""

from __future__ import annotations

import json

import pytest

from peers.case import CASES
from peers.runner import COLUMNS, Cell, Result
from peers.table import FOUND, TABLE, describe, render


def test_case(cell: Cell, results: dict[Cell, Result]) -> None:
    result = results[cell]
    assert result.status != "fail", f"{result.reason}\n{result.trace}"


def test_the_table_tells_what_was_found(results: dict[Cell, Result]) -> None:
    if len(results) < len(CASES) * len(COLUMNS):
        pytest.skip("only some cases were run")
    found, text = json.loads(FOUND.read_text()), TABLE.read_text()
    if describe(found["versions"]) not in text:
        pytest.skip(f"{TABLE.name} is of other versions of the peers")
    assert text == render(found), "python tests/peers/table.py --write, and look at what changed"
