"""Loading is bounded in time on every core, whatever the module.

WASMOTE_FULL=1 (`make test-full`) loads a module of each instruction on each core; without, each eighth.
"""

from __future__ import annotations

import os
import re
import tomllib
from functools import cache

import pytest

from load_time import CORES, LOAD_INSTRUCTIONS_MAX, ROOT, Core, Load, measure
from worst_modules import BANK_BYTES, WORST, instructions, long_body, tables

WM_OK, WM_ENOMEM = 0, 3
EVERY = 1 if os.environ.get("WASMOTE_FULL") else 8

each_core = pytest.mark.parametrize("core", CORES, ids=lambda core: core.name)


@cache
def worst(core_name: str) -> dict[str, Load]:
    core = next(core for core in CORES if core.name == core_name)
    return measure(core, {name: make().assemble() for name, make in WORST.items()})


def too_long(loads: dict[str, Load]) -> dict[str, int]:
    return {n: load.instructions for n, load in loads.items() if load.instructions > LOAD_INSTRUCTIONS_MAX}


@each_core
def test_the_worst_modules_load_within_the_bound(core: Core) -> None:
    loads = worst(core.name)
    # They are valid: what is not taken needs more memory, or is there to be refused at its end.
    refused = {name: load.why for name, load in loads.items() if load.status not in (WM_OK, WM_ENOMEM)}
    assert refused.pop("exports, two the same").endswith("two exports of the same name")
    assert refused == {}
    assert sum(load.status == WM_OK for load in loads.values()) > len(loads) / 2
    assert too_long(loads) == {}


@each_core
def test_each_instruction_loads_within_the_bound(core: Core) -> None:
    offset = CORES.index(core)
    modules = dict(list(instructions().items())[offset::EVERY])
    loads = measure(core, {name: module.assemble() for name, module in modules.items()})
    assert {name: load.why for name, load in loads.items() if load.status not in (WM_OK, WM_ENOMEM)} == {}
    assert too_long(loads) == {}


@each_core
def test_a_body_of_57_kb_loads_and_runs(core: Core) -> None:
    module, result = long_body(57_000)
    wasm = module.assemble()
    assert 57_000 <= len(wasm) <= BANK_BYTES
    load = measure(core, {"long": wasm})["long"]
    assert (load.status, load.result, load.why) == (WM_OK, result, "")
    assert load.held_bytes <= load.predicted_bytes
    assert load.instructions <= LOAD_INSTRUCTIONS_MAX


def test_labels_of_the_same_block_share_their_code() -> None:
    """Else each would have a copy of it, and one byte of Wasm would become hundreds."""
    one = tables(lambda _: 1, 1000, room=1400)
    wasm = one.assemble()
    load = measure(CORES[0], {"table": wasm})["table"]
    assert load.status == WM_OK
    beside = 16_384 + 32_768  # memory and stack
    assert load.held_bytes - beside < 10_000


def test_the_bank_is_the_largest_of_all_boards() -> None:
    boards = [tomllib.loads(path.read_text()) for path in (ROOT / "boards").glob("*/board.toml")]
    assert max(board.get("limits", {}).get("MODULE_BANK_BYTES", 0) for board in boards) == BANK_BYTES
    modules = {name: make().assemble() for name, make in WORST.items()}
    sizes = {name: len(wasm) for name, wasm in modules.items()}
    assert {name: size for name, size in sizes.items() if not BANK_BYTES - 2500 < size <= BANK_BYTES} == {}


@pytest.mark.parametrize("page", ["README.md", "HOSTILE.md"])
def test_the_pages_say_the_bound(page: str) -> None:
    text = (ROOT / "wasm3-port" / page).read_text()
    found = re.search(r"(\d+) million\s+instructions", text)
    assert found is not None
    assert int(found[1]) * 1_000_000 == LOAD_INSTRUCTIONS_MAX
