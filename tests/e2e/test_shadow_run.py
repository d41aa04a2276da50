"""A candidate beside a running module: on the board with its state, or on the host from its trace."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from on_board import bundle, outputs, probe, run_module
from wasmote.comparison import Rule
from wasmote.node import Node
from wasmote.shadow import HOST, Shadowed, running_module, shadow
from wasmote.sim import Simulator
from wasmote.wire.modules import Control, HandOver, ModuleState
from wasmote.wire.samples import Sample


def wave(first: int, count: int) -> list[Sample]:
    return probe(*(0.1 * (i * i % 97) for i in range(first, first + count)), start=first)


async def shadowed(node: Node, name: str, first: int, count: int = 10) -> tuple[Shadowed, int]:
    """Feed the board until the shadow run has seen enough; also the next sample's place.

    Once it compares, no faster than that: what a board keeps of a trace is little.
    """
    running = await running_module(node, bundle(name), 0)
    compared, went_on = 0, asyncio.Event()

    def progress(done: int) -> None:
        nonlocal compared
        compared = done
        went_on.set()

    task = asyncio.create_task(shadow(node, running, bundle(name), count, progress))
    task.add_done_callback(lambda _: went_on.set())
    at = first
    while not task.done():
        went_on.clear()
        await node.feed("probe", wave(at, 2))
        at += 2
        if compared and not task.done():
            await went_on.wait()
    return await task, at


@pytest.mark.cores
@pytest.mark.parametrize("where", ["slot 1", HOST])
async def test_the_next_version_is_compared_and_the_running_one_misses_nothing(
    node: Node, board: str, where: str
) -> None:
    await run_module(node, "mean_v1")
    await node.feed("probe", wave(1, 5))
    if where == HOST:
        for slot in range(1, (await node.info()).slots):
            await node.install(slot, bundle("counter").to_bytes())
    same, at = await shadowed(node, "mean_v1", 6)
    assert same.where == where
    assert same.comparison.compared >= 10
    assert same.comparison.missing == 0
    assert same.comparison.max_abs == 0
    assert same.trap is None
    tenfold, at = await shadowed(node, "mean_v2", at)
    assert tenfold.comparison.max_rel == pytest.approx(9, rel=1e-5)
    assert Rule.parse("max_rel<=1, traps==0").objections(tenfold.metrics)
    status = await node.module(0)
    assert (status.state, status.version, status.missed) == (ModuleState.RUNNING, "1.0.0", None)
    assert status.streams[0].next_seq == at - 1  # a record for each sample: none was missed
    assert (await node.module(1)).state is ModuleState.EMPTY
    if where != HOST:
        assert same.candidate.ram_bytes == same.running.ram_bytes
        assert same.candidate.longest_us or board == "native"  # whose events may take less than a microsecond


async def test_a_shadow_begins_with_state_parameters_and_readings(node: Node) -> None:
    await run_module(node, "mean_v1")
    await node.feed("probe", probe(1.0, 2.0, 3.0))
    (before,) = [sensor for sensor in await node.sensors() if sensor.name == "probe"]
    await node.install(1, bundle("mean_v1").to_bytes())
    await node.start_beside(1, 0)
    beside = await node.module(1)
    assert (beside.hand_over, beside.probation) == (HandOver.SAME, 0)
    assert [sensor for sensor in await node.sensors() if sensor.name == "probe"] == [before]
    await node.feed("probe", probe(6.0, start=4))
    assert (await outputs(node, "mean"))[-1:] == await outputs(node, "mean", slot=1) == [3.0]
    await node.remove(1)
    await node.feed("probe", probe(3.0, start=5))
    assert len(await outputs(node, "mean")) == 5


async def test_a_candidate_that_traps_harms_nobody(node: Node) -> None:
    await run_module(node, "sums_v1")
    running = await running_module(node, bundle("sums_v2"), 0)
    task = asyncio.create_task(shadow(node, running, bundle("sums_v2"), 1000))
    at = 1
    while not task.done():
        await node.feed("probe", probe(1.0 if at % 5 else -1.0, start=at))
        at += 1
    result = await task
    assert result.trap is not None
    assert "unreachable" in result.trap
    assert Rule.parse("traps==0").objections(result.metrics) == ["traps is 1, not == 0"]
    assert (await node.module(0)).traps == 0
    assert (await node.module(1)).state is ModuleState.EMPTY


@contextmanager
def fed(link: str) -> Iterator[None]:
    """The board's probe gets one sample after the other, from a process of its own, later than all before."""
    code = (
        "import asyncio, itertools\n"
        "from wasmote.node import Node\n"
        "from wasmote.wire.samples import Sample\n"
        "async def feed():\n"
        f"    async with await Node.connect({link!r}) as node:\n"
        "        (probe,) = [one for one in await node.sensors() if one.name == 'probe']\n"
        "        for at in itertools.count((probe.newest_ms or 0) // 1000 + 1):\n"
        "            await node.feed('probe', [Sample(1000 * at, (float(at % 7),))])\n"
        "asyncio.run(feed())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as feeder:
        try:
            yield
        finally:
            feeder.kill()


async def test_promoted_or_dropped_on_the_command_line(tmp_path: Path) -> None:
    def wasmote(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "wasmote", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    files = {name: tmp_path / f"{name}.bundle" for name in ("mean_v1", "mean_v2")}
    for name, file in files.items():
        file.write_bytes(bundle(name).to_bytes())
    async with await Simulator.start("native") as simulator, await Node.connect(simulator.url) as node:
        await run_module(node, "mean_v1")
        await node.control(0, Control.CONFIRM)
        link = ("--link", simulator.url, "--shadow", "20")

        def push(name: str, *options: str) -> tuple[int, str]:
            with fed(simulator.url):
                return wasmote("push", str(files[name]), *link, *options)

        status, told = await asyncio.to_thread(push, "mean_v2", "--promote-if", "max_rel<=0.1, traps==0")
        assert status == 1
        assert "dropped: max_rel is 9" in told
        assert "mean.mean" in told
        assert (await node.module(0)).version == "1.0.0"
        assert (await node.module(1)).state is ModuleState.EMPTY

        status, told = await asyncio.to_thread(push, "mean_v2", "--json")
        assert status == 0, told
        events = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
        (result,) = [one for one in events if one["event"] == "promoted"]
        assert result["compared"] >= 20
        assert result["fields"]["mean"]["mean"]["max_rel"] == pytest.approx(9, rel=1e-4)
        promoted = await node.module(0)
        assert (promoted.version, promoted.probation) == ("2.0.0", None)
        assert promoted.hand_over is HandOver.SAME
        assert (await node.module(1)).state is ModuleState.EMPTY
        assert wasmote("push", str(files["mean_v2"]), *link, "--promote-if", "speed<3")[0] == 2
