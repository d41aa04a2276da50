"""A recording of one board runs again on every other one, and on the host, with the same outputs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from on_board import bundle, probe, run_module
from wasmote.build import build_bundle
from wasmote.errors import CoapError
from wasmote.node import Node
from wasmote.record import Recorder
from wasmote.recording import Recording
from wasmote.reproduce import reproduce, target
from wasmote.sim import ROOT, Simulator
from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import Control, ModuleState
from wasmote.wire.samples import Sample
from wasmote.wire.trace import EventKind

FLOOD = build_bundle(ROOT / "models/flood/flood.toml")
RIVER = [Sample(86_400_000 * day, (day % 7 * 1.3, 2 + day % 11 * 0.37)) for day in range(1, 41)]
ASKED = probe(*(0.1 * i for i in range(20)))


async def record(node: Node, module: Bundle, sensor: str, samples: Sequence[Sample], ticks: int) -> Recording:
    """The module in slot 0 while it is fed, and until it had so many ticks."""

    def enough(taken: Recorder) -> bool:
        kinds = [event.kind for event in taken.events]
        return kinds.count(EventKind.SAMPLE) == len(samples) and kinds.count(EventKind.TICK) >= ticks

    async with Recorder(node, await node.module(0)) as recorder:
        following = asyncio.create_task(recorder.follow(enough))
        for at in range(0, len(samples), 8):
            await node.feed(sensor, samples[at : at + 8])
        await asyncio.wait_for(following, 60)
    assert recorder.ended is None
    return recorder.recording(module)


async def record_flood(node: Node) -> Recording:
    await node.install(0, FLOOD.to_bytes())
    await node.control(0, Control.START)
    await node.feed("river", RIVER[:10])
    return await record(node, FLOOD, "river", RIVER[10:], ticks=0)


async def record_asks(node: Node) -> Recording:
    await run_module(node, "asks")
    await node.feed("probe", ASKED[:2])
    return await record(node, bundle("asks"), "probe", ASKED[2:], ticks=1)


@pytest.fixture(scope="module")
def of_native() -> tuple[Recording, Recording]:
    async def make() -> tuple[Recording, Recording]:
        async with await Simulator.start("native") as simulator, await Node.connect(simulator.url) as node:
            flood = await record_flood(node)
            await node.remove(0)
            return flood, await record_asks(node)

    return asyncio.run(make())


@pytest.mark.cores
async def test_what_native_recorded_is_the_same_here(
    node: Node, of_native: tuple[Recording, Recording]
) -> None:
    for recording in of_native:
        result = await reproduce(recording, node)
        assert result.difference is None
        assert result.events == len(recording.events)
        assert result.records == sum(len(records) for records in recording.outputs.values())
        assert (await node.module(0)).state is ModuleState.EMPTY


@pytest.mark.cores
async def test_what_is_recorded_here_is_the_same_on_the_host(node: Node) -> None:
    flood = await record_flood(node)
    await node.remove(0)
    asks = await record_asks(node)
    assert not (await node.trace(0, None)).on
    async with target("host") as host:
        assert (await reproduce(flood, host)).difference is None
        assert (await reproduce(asks, host)).difference is None


async def test_a_trap_comes_again(node: Node) -> None:
    await run_module(node, "asks")
    async with Recorder(node, await node.module(0)) as recorder:
        following = asyncio.create_task(recorder.follow(lambda _: False))
        await node.feed("probe", probe(1.0, -200.0))
        await asyncio.wait_for(following, 20)
    recording = recorder.recording(bundle("asks"))
    assert recording.events[-1].trap is not None
    await node.remove(0)
    result = await reproduce(recording, node)
    assert result.difference is None
    assert result.records == 1
    async with target("host") as host:
        assert (await reproduce(recording, host)).difference is None


async def test_events_enter_a_paused_module_only(node: Node, of_native: tuple[Recording, Recording]) -> None:
    _, asks = of_native
    await run_module(node, "asks")
    with pytest.raises(CoapError, match="to a paused module"):
        await node.replay(0, asks.events[:1])
    for body in (b"", b"\x80\x00", b"\x81\xa0", b"\xff", asks.events[0].to_cbor()):
        with pytest.raises(CoapError, match=r"4\.0"):
            await node.request("POST", "/modules/0/event", body, 60)
    for body in (b"", b"\xa1\x00\x01", b"\xa0", b"\xf5"):
        with pytest.raises(CoapError, match=r"expected \{0: true or false\}"):
            await node.request("PUT", "/modules/0/trace", body, 60)


def test_record_and_replay_on_the_command_line(simulator: Simulator, tmp_path: Path) -> None:
    def wasmote(*arguments: str, status: int = 0) -> str:
        command = [sys.executable, "-m", "wasmote", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    built, file = tmp_path / "asks.bundle", tmp_path / "asks.recording"
    built.write_bytes(bundle("asks").to_bytes())
    link = ("--link", simulator.url)
    wasmote("push", str(built), *link)
    told = wasmote("record", str(built), "-o", str(file), "--events", "2", "--json", *link)
    assert json.loads(told)["events"] == 2
    same = wasmote("replay", str(file), "--on", "native", "--json")
    assert json.loads(same)["difference"] is None
    assert "2 events, 2 records, bit for bit the same" in wasmote("replay", str(file), "--on", "host")
    assert "is a recording of a module" in wasmote("replay", str(file), *link, status=2)
    recorded = Recording.from_file(file)
    bent = recorded.events[1].to_item() | {3: 123_456_789}
    other = Recording(
        recorded.bundle,
        recorded.snapshot,
        (recorded.events[0], type(recorded.events[1]).from_item(bent)),
        recorded.outputs,
        recorded.board,
    )
    other.to_file(file)
    assert f"event {recorded.events[1].number}, record" in wasmote(
        "replay", str(file), "--on", "host", status=1
    )
    file.write_bytes(file.read_bytes()[:-9])
    assert "not a whole recording" in wasmote("replay", str(file), "--on", "host", status=2)
