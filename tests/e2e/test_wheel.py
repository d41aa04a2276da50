"""What the wheel alone can do, without a checkout and without a compiler: the native board, and the demo."""

from __future__ import annotations

import asyncio
import json
import platform
import shutil
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from installed import elsewhere, run
from models.flood.features import SENSOR, STREAM, build_module, features_of
from models.flood.generator import generate
from wasmote.flash.images import PROCESSORS
from wasmote.node import Node
from wasmote.replay import samples_of
from wasmote.wire.modules import Control

DAYS = 120  # as many as all that the demo shows takes
DAYS_AT_ONCE = 32  # whose records one answer holds
OTHER = next(processor for processor in PROCESSORS if processor != platform.machine())


def images(wasmote: Path) -> Path:
    return next(wasmote.parents[1].glob("lib/python*/site-packages/wasmote/images"))


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH has nothing but what every Linux has: no compiler, no emulator."""
    programs = tmp_path / "programs"
    programs.mkdir()
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    (programs / "setpriv").symlink_to(setpriv)
    return elsewhere(PATH=str(programs))


@asynccontextmanager
async def started(*command: str, env: dict[str, str]) -> AsyncIterator[tuple[Process, str]]:
    """A program and the first line that it prints; it is ended afterwards."""
    process = await asyncio.create_subprocess_exec(*command, env=env, cwd="/", stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode()
    finally:
        process.terminate()
        await process.wait()
        transport: asyncio.SubprocessTransport = process._transport  # type: ignore[attr-defined]
        transport.close()


def test_the_demo_needs_nothing_but_the_wheel(wasmote: Path, bare: dict[str, str], tmp_path: Path) -> None:
    said = run(wasmote, "demo", "--days", str(DAYS), cwd=tmp_path, env=bare)
    summary = json.loads((tmp_path / "wasmote-demo" / "summary.json").read_text())
    assert (summary["samples"], summary["features"], summary["predictions"]) == (DAYS, DAYS, DAYS)
    assert summary["sequence_gaps"] == 0
    assert [board["board"] for board in summary["boards"].values()] == ["native", "native"]
    assert "done in" in said


async def test_the_native_board_needs_nothing_but_the_wheel(wasmote: Path, bare: dict[str, str]) -> None:
    async with started(str(wasmote), "sim", "native", "--json", env=bare) as (_, line):
        info = json.loads(
            await asyncio.to_thread(run, wasmote, "ls", "--json", "--link", json.loads(line)["link"])
        )
    assert info["node"]["board"] == "native"


@pytest.mark.parametrize("board", ["netduinoplus2", "esp32c3-devkitm"])
def test_other_boards_are_emulated_in_a_checkout(wasmote: Path, board: str) -> None:
    done = subprocess.run([wasmote, "sim", board], env=elsewhere(), cwd="/", capture_output=True, text=True)
    assert done.returncode == 2
    assert f"{board} is emulated in a checkout only" in done.stderr


def test_a_damaged_native_board_is_not_run(wasmote: Path) -> None:
    image = images(wasmote) / f"native-{platform.machine()}"
    whole = image.read_bytes()
    image.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        done = subprocess.run(
            [wasmote, "sim", "native"], env=elsewhere(), cwd="/", capture_output=True, text=True
        )
    finally:
        image.write_bytes(whole)
    assert done.returncode == 6
    assert "damaged" in done.stderr


@pytest.mark.parametrize("processor", PROCESSORS)
def test_native_boards_need_no_library(wasmote: Path, processor: str) -> None:
    with (images(wasmote) / f"native-{processor}").open("rb") as file:
        elf = ELFFile(file)
        assert elf.get_machine_arch() == {"x86_64": "x64", "aarch64": "AArch64"}[processor]
        assert not any(segment["p_type"] in ("PT_INTERP", "PT_DYNAMIC") for segment in elf.iter_segments())


async def test_the_native_board_of_the_other_processor_gives_the_same_bits(wasmote: Path) -> None:
    """In QEMU's user mode, which is slow and knows no restart of the process by itself."""
    series, module = generate(DAYS_AT_ONCE), build_module()
    command = (f"qemu-{OTHER}", str(images(wasmote) / f"native-{OTHER}"), "--udp", "0")
    async with started(*command, env=elsewhere()) as (_, line):
        link = f"coap://127.0.0.1:{json.loads(line)['udp']}"
        async with await Node.connect(link) as node:
            await node.install(0, module.to_bytes())
            await node.control(0, Control.START)
            await node.feed(SENSOR, samples_of(series))
            records = (await node.records(0, STREAM, None)).records
    expected = features_of(series, module).values
    assert b"".join(record.values.tobytes() for record in records) == expected.tobytes()
    assert len(records) == len(expected) > 0
