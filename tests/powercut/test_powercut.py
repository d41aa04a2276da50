"""The node's store over flash whose power is cut, and whether the simulator would notice a mistake."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / "firmware/store"

MISTAKES = {
    "a bundle is committed before it is finished": (
        "commit.c",
        "    wm_status status = pool_finish(writer, name);\n    struct store_slot next = *store_slot(slot);\n"
        "    next.candidate = (uint8_t)writer->bank;\n    if (status == WM_OK)\n"
        "        status = store_put_slot(slot, &next);\n",
        "    struct store_slot next = *store_slot(slot);\n    next.candidate = (uint8_t)writer->bank;\n"
        "    wm_status status = store_put_slot(slot, &next);\n    if (status == WM_OK)\n"
        "        status = pool_finish(writer, name);\n",
        "!pool_check(next.candidate)",
        "0",
    ),
    "the bank of the fallback is taken": ("pool.c", " || slot->fallback == bank", ""),
    "probation survives a reset": (
        "commit.c",
        "if (next.state == STORE_PROBATION && next.fallback",
        "if (0 && next.fallback",
    ),
    "a stop is forgotten": ("store.c", " = slot->stopped;", " = 0;"),
    "what failed is noted too late": (
        "commit.c",
        "    note_failure(&next, cause);\n    next.active = next.fallback;\n",
        "    next.active = next.fallback;\n    note_failure(&next, cause);\n",
    ),
    "records are copied behind their header": (
        "record_log.c",
        "    for (size_t i = 0; status == WM_OK && record_log.owner->live",
        "    if (status == WM_OK)\n        status = write_header(sector, generation, HEADERS);\n"
        "    for (size_t i = 0; status == WM_OK && record_log.owner->live",
    ),
    "the active sector is erased": (
        "record_log.c",
        "copy_to(1 - record_log.active,",
        "copy_to(record_log.active,",
    ),
    "counters are not copied": ("store.c", "return counter->value ? ", "return counter->value > 999999 ? "),
    "a torn record counts": ("record_log.c", " || get_le32(raw + CRC_AT) != crc32(raw, CRC_AT)", ""),
    "what was cut is not left behind": ("record_log.c", "if (scan->doubt || full) {", "if (full) {"),
    "the last record is not copied": ("record_log.c", "if (scan->some && write_", "if (0 && write_"),
}


PAIRS_ONLY = {
    "there is no second header": (
        "record_log.c",
        "if (record_log.next <= header[active].first &&",
        "if (0 &&",
    ),
}  # two cuts are needed to see it, and many pairs
FULL = "WASMOTE_FULL" in os.environ


def build(store: Path, out: Path, *options: str) -> Path:
    command = ["make", "-s", "-C", str(ROOT / "tests/powercut"), f"STORE={store}", f"OUT={out}", *options]
    subprocess.run(command, check=True, timeout=120)
    return out / "powercut"


def run(program: Path, single: int, pair: int) -> tuple[int, dict[str, int], str]:
    done = subprocess.run([program, str(single), str(pair)], capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


@pytest.mark.timeout(3600)
def test_no_cut_leaves_a_bad_state(tmp_path: Path) -> None:
    status, found, errors = run(build(STORE, tmp_path), *((1, 1) if FULL else (2, 199)))
    assert (status, found["bad"], errors) == (0, 0, "")
    assert found["cuts"] >= (1_000_000 if FULL else 20_000)
    if FULL:
        (ROOT / "build/bench").mkdir(exist_ok=True)
        (ROOT / "build/bench/powercut.json").write_text(json.dumps({"powercut": found}, indent=2) + "\n")


def plant(mistake: tuple[str, ...], store: Path) -> None:
    """Make a copy of the store's source with a mistake in it."""
    file, *edits = mistake
    shutil.copytree(STORE, store)
    text = (store / file).read_text()
    for right, wrong in zip(edits[::2], edits[1::2], strict=True):
        assert text.count(right) == 1, "the place of the mistake is not there any more"
        text = text.replace(right, wrong)
    (store / file).write_text(text)


@pytest.mark.parametrize("mistake", [*MISTAKES, *(PAIRS_ONLY if FULL else ())])
def test_a_mistake_is_noticed(mistake: str, tmp_path: Path) -> None:
    store = tmp_path / "firmware/store"
    plant({**MISTAKES, **PAIRS_ONLY}[mistake], store)
    status, _, errors = run(
        build(store, tmp_path, "WARNINGS=-w"), *((0, 29) if mistake in PAIRS_ONLY else (3, 0))
    )
    assert status != 0, "no cut of power showed it"
    assert "cut at" in errors
