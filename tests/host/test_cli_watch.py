"""`wasmote watch`: builds on save, swaps what differs, prints what fails and goes on."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from fake_node import FakeNode
from test_cli import Background, bundle
from wasmote.cli import main
from wasmote.errors import WasmoteError
from wasmote.sim import ROOT, Simulator
from wasmote.watch import builds, saves, watched_folder

SOURCE = """\
#include <wasmote.h>

WASMOTE_BUFFER(64)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    float out = values[0] * 2.0f;
    wasmote_emit_f32(0, &out, 1);
}
"""
PROJECT = """\
name = "twice"
version = "1.0.0"
sequence = 1
source = "twice.c"

[[input]]
sensor = "level"
channels = ["level"]
units = ["m"]

[[stream]]
name = "out"
fields = ["out"]
"""


async def ticks(count: int) -> AsyncIterator[object]:
    for number in range(count):
        yield number + 1


async def test_equal_bundles_are_yielded_once():
    results = iter(["a", "a", "b"])
    assert [built async for built in builds(lambda: next(results), ticks(2))] == ["a", "b"]


async def test_failures_are_yielded_and_do_not_end_it():
    fault = WasmoteError("flood.c:3:1: error: unknown type name")
    steps = iter(["a", fault, "a", "b"])

    def build():
        step = next(steps)
        if isinstance(step, WasmoteError):
            raise step
        return step

    assert [built async for built in builds(build, ticks(3))] == ["a", fault, "a", "b"]


async def test_what_is_saved_during_a_build_leads_to_another():
    stirs: asyncio.Queue[object] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    started = threading.Semaphore(0)
    built = iter("ab")

    async def changes() -> AsyncIterator[object]:
        while True:
            yield await stirs.get()

    def build() -> str:
        loop.call_soon_threadsafe(stirs.put_nowait, True)
        started.release()
        return next(built)

    async with aclosing(builds(build, changes())) as results:
        assert [await anext(results), await anext(results)] == ["a", "b"]
    assert started.acquire(blocking=False)


async def test_saves_of_sources_only(tmp_path):
    folder = watched_folder(tmp_path / "module.c")
    async with aclosing(saves(folder, debounce_ms=50)) as changes:
        first = asyncio.create_task(anext(changes))
        await asyncio.sleep(0)
        (folder / "module.o").touch()
        (folder / "module.bundle").touch()
        (folder / "sub").mkdir()
        (folder / "module.h").touch()
        assert {Path(path).name for _, path in await first} == {"module.h"}


class Watched:
    """A running `wasmote watch --json`, read event by event."""

    def __init__(self, link: str, source: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wasmote", "watch", str(source), "--json", "--link", link],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until(self, event: str) -> dict:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            if said["event"] == event:
                return said
        raise AssertionError(f"it ended before {event!r}")


@contextmanager
def native() -> Iterator[str]:
    """Run a native board in a loop of its own; yield its link."""
    ready, loop, links = threading.Event(), asyncio.new_event_loop(), []
    done = asyncio.Event()

    async def run() -> None:
        async with await Simulator.start("native") as simulator:
            links.append(simulator.url)
            ready.set()
            await done.wait()

    def serve() -> None:
        try:
            loop.run_until_complete(run())
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait()
    try:
        yield links[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "twice.toml").write_text(PROJECT)
    (tmp_path / "twice.c").write_text(SOURCE)
    return tmp_path / "twice.c"


def save(path: Path, text: str) -> None:
    """Save as editors do: at no time the file is half written."""
    new = path.with_suffix(".tmp")
    new.write_text(text)
    new.replace(path)


def feed(link: str, time_ms: int) -> None:
    value = json.dumps([[time_ms, [1.5]]])
    fed = CliRunner().invoke(main, ["put", "/sensors/level", value, "--link", link])
    assert fed.exit_code == 0, fed.output


@pytest.mark.skipif(shutil.which("clang") is None, reason="no clang")
@pytest.mark.skipif(not (ROOT / "build/native/firmware.elf").exists(), reason="no native firmware")
def test_a_saved_module_is_swapped_on_a_board_and_a_broken_one_is_not(module):
    with native() as link:
        watched = Watched(link, module)
        assert watched.until("start")["module"]["name"] == "twice"
        feed(link, 1000)
        assert watched.until("record")["values"] == [3.0]

        save(module, SOURCE.replace("2.0f", "2.0f oops"))
        assert "twice.c:7:" in watched.until("error")["message"]
        feed(link, 2000)
        assert watched.until("record")["values"] == [3.0]

        save(module, SOURCE)
        assert watched.until("mended") == {"event": "mended", "name": "twice", "version": "1.0.0"}

        save(module, SOURCE.replace("2.0f", "4.0f"))
        watched.until("swap")
        feed(link, 3000)
        assert watched.until("record")["values"] == [6.0]

        watched.process.send_signal(signal.SIGINT)
        _, said = watched.process.communicate()
        assert watched.process.returncode == 130
        assert "Traceback" not in said


@pytest.mark.parametrize("arguments", [("watch", "twice.c"), ("run", "twice.c"), ("start",), ("stop",)])
def test_a_slot_that_the_board_does_not_have_ends_it(arguments, module, monkeypatch):
    monkeypatch.chdir(module.parent)
    monkeypatch.setattr("wasmote.cli.push.build_aloud", lambda _: bundle())
    with Background(FakeNode()) as background:
        result = CliRunner().invoke(main, [*arguments, "--slot", "9", "--link", background.url])
    assert result.exit_code == 2
    assert f"{background.url}: there is no slot 9\n  its slots are 0 to 1" in result.stderr


def test_a_missing_source_is_a_usage_error(tmp_path):
    result = CliRunner().invoke(main, ["watch", str(tmp_path / "none.c"), "--link", "coap://127.0.0.1"])
    assert result.exit_code == 2


def test_what_is_no_module_is_a_usage_error(tmp_path):
    path = tmp_path / "notes.md"
    path.write_text("to do\n")
    result = CliRunner().invoke(main, ["watch", str(path), "--link", "coap://127.0.0.1"])
    assert result.exit_code == 2
    assert "is no module" in result.stderr
