"""The engine and wasmtime agree about random valid modules: some on each core, the same ones each time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "spec")]
from oracle import compare  # noqa: E402

from target import CORES  # noqa: E402


@pytest.mark.parametrize("core", CORES, ids=lambda core: core.name)
def test_random_programs(core) -> None:  # type: ignore[no-untyped-def]
    """Same results, traps, globals and memory."""
    core.build()
    tally = compare([core], 120, 20_000)[core.name]
    assert tally.different == []
    assert tally.calls["returned"] > tally.programs
