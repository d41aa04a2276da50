"""The machine's operations in assembler (thumb2.S) do what those in C (portable.c) do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize("core", ["m4f", "m3"])
def test_assembler_does_what_c_does(core: str) -> None:
    ran = subprocess.run(
        ["make", "-s", "-C", str(HERE), f"check-{core}"], capture_output=True, text=True, timeout=280
    )
    said = ran.stdout.splitlines()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    differing, _, compared, *_ = said[-1].split()
    assert int(differing) == 0
    assert int(compared) > 600  # operations.h
