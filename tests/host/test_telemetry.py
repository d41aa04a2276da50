"""onnxruntime tells nobody of this machine: neither a device id is made, nor a name looked up."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from test_gateway_faults import write_duo

ROOT = Path(__file__).parents[2]
PLAIN_IMPORT = "import onnxruntime, sys; sys.stdin.read()"
QUERY_S = 60.0  # after its import a runtime that was not told looks a name up within about 8 s


def environment(home: Path, **more: str) -> dict[str, str]:
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    return kept | {"HOME": str(home)} | more


@pytest.mark.parametrize("what", ["doctor", "check"])
def test_no_device_id_is_made(tmp_path: Path, what: str):
    home, config = tmp_path / "home", write_duo(tmp_path, "duo/alarm")
    commands = {
        "doctor": ("-c", "from wasmote.doctor import check_inference as check; print(*check())"),
        "check": ("-m", "wasmote", "gateway", "check", str(config)),
    }
    command = [sys.executable, *commands[what]]
    done = subprocess.run(command, env=environment(home), capture_output=True, text=True, check=True)
    assert "onnxruntime" in done.stdout or "all fit" in done.stdout
    assert [path for path in home.rglob("*") if path.is_file()] == []


async def test_a_gateway_looks_no_name_up(tmp_path: Path):
    """Beside it runs the plain import: once that has looked one up, the gateway would have, too."""
    preloaded = tmp_path / "lookups.so"
    source = Path(__file__).with_name("lookups.c")
    command = ("cc", "-shared", "-fPIC", "-o", str(preloaded), str(source), "-ldl")
    assert await (await asyncio.create_subprocess_exec(*command)).wait() == 0

    async def start(home: Path, *arguments: str) -> Process:
        variables = environment(home, LD_PRELOAD=str(preloaded))
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *arguments), env=variables, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )

    quiet, plain = tmp_path / "quiet", tmp_path / "plain"
    gateway = await start(quiet, *("-m", "wasmote", "gateway", "run", str(write_duo(tmp_path, "duo/alarm"))))
    assert gateway.stderr is not None
    while b"gateway runs" not in (line := await gateway.stderr.readline()):
        assert line, "the gateway ended by itself"
    control = await start(plain, "-c", PLAIN_IMPORT)
    try:
        await _until_a_lookup(control)
    finally:
        gateway.send_signal(signal.SIGTERM)
        control.kill()
    _, said = await gateway.communicate()
    await control.communicate()
    assert gateway.returncode == 0
    assert b"looks up" not in said, said.decode()
    assert [path for path in quiet.rglob("*") if path.is_file()] == []
    if not any(path.name == "deviceid" for path in plain.rglob("*")):
        pytest.skip("this onnxruntime has no telemetry that could be off")


async def _until_a_lookup(process: Process) -> None:
    assert process.stderr is not None
    try:
        async with asyncio.timeout(QUERY_S):
            while b"looks up" not in (line := await process.stderr.readline()):
                assert line, "it ended by itself"
    except TimeoutError:
        return  # one without telemetry


def test_it_is_imported_in_one_place_only():
    importing = re.compile(r"^\s*(import|from) onnxruntime|import_module\(.onnxruntime", re.MULTILINE)
    folders = (ROOT / folder for folder in ("host", "models", "tools", "tests", "hil"))
    sources = [path for folder in folders for path in folder.rglob("*.py")]
    assert [path for path in sources if importing.search(path.read_text(encoding="utf-8"))] == []
