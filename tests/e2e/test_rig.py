"""A rig of boards runs the same tests: shown on a rig whose boards happen to be emulated."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from wasmote.sim import ROOT, Simulator


async def test_a_rig_runs_the_end_to_end_tests(tmp_path: Path) -> None:
    async with await Simulator.start("netduinoplus2") as simulator:
        rig = tmp_path / "bench.toml"
        rig.write_text(f'[boards.left]\nboard = "netduinoplus2"\nlink = "{simulator.url}"\n')
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "tests/e2e/test_modules.py", "tests/e2e/test_streams.py"),
            *("--rig", str(rig), "-q", "-k", "install_start or swap_keeps or restart"),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
    words = output.decode()
    assert "2 passed" in words, words
    assert "1 skipped" in words, words
    assert "a rig cannot switch the power" in words
