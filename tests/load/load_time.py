"""What it takes to load a module, counted in instructions of each core (QEMU -icount)."""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from bench_engine import CORES, PLAIN, Core  # noqa: E402

__all__ = ["CORES", "LOAD_INSTRUCTIONS_MAX", "Core", "Load", "build", "measure"]

LOAD_INSTRUCTIONS_MAX = 70_000_000
"""The bound: for any module that fits the largest bank, loaded or refused, on any core."""

RUN_TIMEOUT_S = 300


@dataclass(frozen=True)
class Load:
    """What loading one module took; bytes are of the arena, `result` is what the module has computed."""

    status: int
    instructions: int
    held_bytes: int
    predicted_bytes: int
    result: int
    why: str


def build(core: Core) -> Path:
    """Bring the program up to date."""
    command = ["make", "-s", "-f", "tests/load/load.mk", f"CORE={core.name}"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, f"{' '.join(command)}:\n{answer.stdout}{answer.stderr}"
    return ROOT / "build" / "load" / core.name / "target.elf"


def measure(core: Core, modules: Mapping[str, bytes]) -> dict[str, Load]:
    """Load one after the other on one engine."""
    program = build(core)
    with tempfile.TemporaryDirectory() as folder:
        given, taken = Path(folder, "modules"), Path(folder, "answers")
        given.write_bytes(b"".join(struct.pack("<I", len(wasm)) + wasm for wasm in modules.values()))
        semihosting = f"enable=on,target=native,arg=target,arg={given},arg={taken}"
        command = [*core.qemu, *PLAIN, "-semihosting-config", semihosting, "-kernel", str(program)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        answers = taken.read_text().splitlines()
    return {name: _decode(line) for name, line in zip(modules, answers, strict=True)}


def _decode(line: str) -> Load:
    status, instructions, held, predicted, result, why = line.split(" ", 5)
    return Load(int(status), int(instructions), int(held), int(predicted), int(result, 16), why)
