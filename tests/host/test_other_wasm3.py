"""WASM3_DIR: another wasm3 source tree behind the same interface, for comparison and never by chance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ("-f", "firmware/Makefile", "BOARD=native")
KERNELS = ("-C", "tests/kernels", "CORE=native", "VARIANT=stock")


@pytest.fixture(scope="module")
def stock_tree() -> str:
    """Wasm3 0.5.0 with nothing but its page size changed."""
    command = [sys.executable, "wasm3-port/stock/tree.py"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def make(tree: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"WASM3_DIR": tree, "PYTHON": sys.executable}
    command = ["make", "-s", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_only_the_page_size_differs_from_upstream(stock_tree: str) -> None:
    ours = (ROOT / "build" / "wasm3" / "src" / "m3_env.h").read_text()
    stock = (ROOT / stock_tree / "m3_env.h").read_text()
    assert "machine" in ours
    assert "machine" not in stock
    assert "d_m3MemPageSize                     16384" in (ROOT / stock_tree / "m3_core.h").read_text()


def test_firmware_with_it_is_refused(stock_tree: str) -> None:
    done = make(stock_tree, *FIRMWARE)
    assert done.returncode != 0
    assert "for comparison only" in done.stderr
    assert "FOR_COMPARISON=1" in done.stderr


def test_firmware_with_it_is_built_apart_when_asked_for(stock_tree: str) -> None:
    done = make(stock_tree, *FIRMWARE, "FOR_COMPARISON=1")
    assert done.returncode == 0, done.stderr
    names = (ROOT / "build" / "native-comparison" / "firmware.map").read_text()
    assert f"{stock_tree}/m3_compile.c.o" in names
    assert "wasm3-port/stock/engine.c.o" in names
    assert "wasm3-port/machine/" not in names


def test_all_kernels_give_what_native_code_gives(stock_tree: str) -> None:
    done = make(stock_tree, *KERNELS, "FOR_COMPARISON=1")
    assert done.returncode == 0, done.stdout + done.stderr
    program = ROOT / "build" / "kernels" / "native" / "stock" / "bench.elf"
    said = subprocess.run([program, "all"], check=True, capture_output=True, text=True).stdout
    kernels = [record for line in said.splitlines() if "kernel" in (record := json.loads(line))]
    assert len(kernels) >= 30
    assert [one for one in kernels if one["native_checksum"] != one["engine_checksum"]] == []
