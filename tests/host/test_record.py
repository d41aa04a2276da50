"""Recordings: made on one node, run again on another; what is damaged, lost or different is told."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from wasmote.build import build_bundle
from wasmote.errors import CoapError, UsageFault, WasmoteError
from wasmote.node import Node
from wasmote.record import Recorder, running
from wasmote.recording import InvalidRecording, Recording
from wasmote.reproduce import reproduce, target
from wasmote.runtime import HostModule
from wasmote.runtime.server import serve
from wasmote.wire.codec import decode, encode
from wasmote.wire.modules import Control, ModuleState
from wasmote.wire.records import Record
from wasmote.wire.samples import Sample
from wasmote.wire.trace import Call, EventKind, Function, Trace, TracedEvent

MODULES = Path(__file__).parents[1] / "modules"
ASKS = build_bundle(MODULES / "asks.toml")
COUNTER = build_bundle(MODULES / "counter.toml")


def samples(*values: float, start: int = 1) -> list[Sample]:
    return [Sample(1000 * (start + i), (value,)) for i, value in enumerate(values)]


@asynccontextmanager
async def running_here(bundle=ASKS) -> AsyncIterator[Node]:
    """The host node with this module in slot 0."""
    async with serve() as (_, link), await Node.connect(link) as node:
        await node.install(0, bundle.to_bytes())
        await node.control(0, Control.START)
        yield node


async def record(node: Node, feeding, events: int, bundle=ASKS) -> Recording:
    """The module in slot 0 while `feeding` runs, until it had so many events."""
    async with Recorder(node, await node.module(0)) as recorder:
        following = asyncio.create_task(recorder.follow(lambda taken: len(taken.events) >= events))
        await feeding
        await asyncio.wait_for(following, 20)
    return recorder.recording(bundle, events)


@pytest.fixture(scope="module")
def recording() -> Recording:
    async def make() -> Recording:
        async with running_here() as node:
            await node.feed("probe", samples(0.5))  # before it
            return await record(node, node.feed("probe", samples(*range(10), start=2)), 10)

    return asyncio.run(make())


async def test_a_recording_runs_again_with_the_answers_of_then(recording: Recording) -> None:
    assert len(recording.events) == 10
    assert recording.first_event > 0
    cause = [record.values[0] for record in recording.outputs["told"]]
    assert cause == [value for value in cause if value % 1 == 0]  # what came before is in the snapshot
    async with target("host") as node:
        result = await reproduce(recording, node)
        assert result.difference is None
        assert (result.events, result.records, result.board) == (10, 10, "host")
        assert (await node.module(0)).state is ModuleState.EMPTY


async def test_a_file_holds_all_of_it(recording: Recording, tmp_path: Path) -> None:
    path = tmp_path / "asks.recording"
    recording.to_file(path)
    again = Recording.from_file(path)
    assert again.events == recording.events
    assert again.outputs == recording.outputs
    assert again.to_bytes() == recording.to_bytes()
    assert [one.name for one in os.scandir(tmp_path)] == [path.name]  # nothing half written is left


async def test_a_file_that_was_cut_or_changed_is_refused(recording: Recording, tmp_path: Path) -> None:
    whole = recording.to_bytes()
    for length in [*range(40), *range(40, len(whole), 211)]:
        with pytest.raises(InvalidRecording):
            Recording.from_bytes(whole[:length])
    path = tmp_path / "cut"
    path.write_bytes(whole[:-1])
    with pytest.raises(InvalidRecording, match="cut: not a whole recording"):
        Recording.from_file(path)
    with pytest.raises(InvalidRecording, match="not a recording"):
        Recording.from_bytes(ASKS.to_bytes())
    item = decode(whole, "recording")
    assert isinstance(item, dict)
    with pytest.raises(InvalidRecording, match="version 2"):
        Recording.from_bytes(encode(item | {1: 2}))
    with pytest.raises(InvalidRecording, match="of another module than counter"):
        Recording.from_bytes(encode(item | {2: COUNTER.to_bytes()}))
    with pytest.raises(InvalidRecording, match=r"event \d+ is missing"):
        Recording.from_bytes(encode(item | {4: item[4][1:]}))
    with pytest.raises(InvalidRecording, match="has 9 records of told"):
        Recording.from_bytes(encode(item | {5: {"told": item[5]["told"][1:]}}))


def test_events_are_counted_modulo_2_32() -> None:
    module = HostModule(ASKS)
    module.start()
    began = dataclasses.replace(module.snapshot(), events=0xFFFF_FFFF)
    again = HostModule(ASKS)
    again.resume(began)
    seen: list[TracedEvent] = []
    again.on_event = seen.append
    again.on_sample(0, 1000, [1.0])
    again.on_sample(0, 2000, [2.0])
    assert [event.number for event in seen] == [0xFFFF_FFFF, 0]
    assert again.snapshot().events == 1
    emitted = [number for event in seen for number in event.emitted]
    records = {
        stream.name: tuple(
            Record(seq, 0, ASKS.manifest.digest[:8], np.zeros(stream.count, np.float32))
            for seq in range(emitted.count(index))
        )
        for index, stream in enumerate(ASKS.manifest.streams)
    }
    recording = Recording(ASKS, began.to_bytes(), tuple(seen), records, "host")
    assert Recording.from_bytes(recording.to_bytes()).events == tuple(seen)


async def test_only_what_runs_is_recorded() -> None:
    async with running_here(COUNTER) as node:
        with pytest.raises(UsageFault, match=r"asks 1\.0\.0 does not run there"):
            await running(node, ASKS)
        status = await node.module(0)
        with pytest.raises(WasmoteError, match="runs another module by now: counter"):
            async with Recorder(node, dataclasses.replace(status, digest=ASKS.manifest.digest)):
                pass
        assert not (await node.trace(0, None)).on


async def test_one_slot_at_a_time_is_traced() -> None:
    async with running_here() as node:
        await node.set_trace(0, True)
        with pytest.raises(CoapError, match="slot 0 is being traced"):
            await node.set_trace(1, True)
        await node.set_trace(0, False)
        await node.set_trace(1, True)


async def test_every_kind_of_event_is_recorded() -> None:
    async with running_here() as node:

        async def events() -> None:
            await node.feed("probe", samples(1.0))
            await node.set_config(0, {"gain": 2.0})
            async with aclosing(node.observe("/modules/0/trace")) as changes:
                async for change in changes:
                    if Trace.from_cbor(change.payload, "trace").events[-1].kind is EventKind.TICK:
                        break
            await node.feed("probe", samples(-200.0, start=9))

        async with Recorder(node, await node.module(0)) as recorder:
            following = asyncio.create_task(recorder.follow(lambda _: False))
            await events()
            await asyncio.wait_for(following, 20)
        assert recorder.ended is not None
        assert "trapped" in recorder.ended
        taken = recorder.recording(ASKS)
    kinds = [event.kind for event in taken.events]
    assert kinds[:2] == [EventKind.SAMPLE, EventKind.CONFIG]
    assert set(kinds[2:-1]) == {EventKind.TICK}
    assert taken.events[-1].trap is not None
    async with target("host") as node:
        result = await reproduce(taken, node)
    assert result.difference is None
    assert result.events == len(taken.events)


def bent(recording: Recording, at: int, **changes: object) -> Recording:
    events = list(recording.events)
    events[at] = dataclasses.replace(events[at], **changes)
    return dataclasses.replace(recording, events=tuple(events))


async def difference(recording: Recording) -> str:
    async with target("host") as node:
        result = await reproduce(recording, node)
    assert result.difference is not None
    return result.difference


async def test_the_first_difference_is_told_with_its_event(recording: Recording) -> None:
    fourth = recording.events[3]
    other = bent(recording, 3, content=np.array([99.0], "<f4").tobytes())
    assert await difference(other) == (
        f"event {fourth.number}, record 4 of told: cause is 99.0 (0x42c60000); recorded: 3.0 (0x40400000)"
    )
    calls = fourth.calls
    assert [call.function for call in calls] == [
        Function.SENSOR_READ,
        Function.NOW_MS,
        Function.RANDOM,
        Function.EMIT,
    ]
    swapped = bent(recording, 3, calls=(calls[1], calls[0], *calls[2:]))
    assert await difference(swapped) == (
        f"event {fourth.number} calls sensor_read where it called now_ms in the recording"
    )
    more = bent(recording, 3, calls=(*calls, Call(Function.NOW_MS, (0,))))
    assert await difference(more) == (
        f"event {fourth.number} does not call now_ms, which it did in the recording"
    )
    trap = bent(recording, 9, trap="unreachable executed in on_sample")
    assert "did not trap" in await difference(trap)
    trapping = bent(recording, 3, content=np.array([-200.0], "<f4").tobytes())
    assert f"it trapped, event {fourth.number}: " in await difference(trapping)


async def test_the_payload_of_a_nan_makes_no_difference(recording: Recording) -> None:
    def with_nan(bits: int) -> Recording:
        nan = np.array([bits], "<u4")
        told = list(recording.outputs["told"])
        values = told[0].values.copy()
        values[0] = nan.view("<f4")[0]
        told[0] = dataclasses.replace(told[0], values=values)
        taken = bent(recording, 0, content=nan.tobytes())
        return dataclasses.replace(taken, outputs={"told": tuple(told)})

    async with target("host") as node:
        assert (await reproduce(with_nan(0x7FC00000), node)).difference is None
        one = with_nan(0xFFC12345)
        mixed = dataclasses.replace(one, outputs=with_nan(0x7FC00000).outputs)
        assert (await reproduce(mixed, node)).difference is None


async def test_what_was_lost_is_counted_and_equality_not_claimed(recording: Recording) -> None:
    lost = dataclasses.replace(recording, lost_events=3)
    assert "3 events behind event" in await difference(Recording.from_bytes(lost.to_bytes()))
    told = recording.outputs["told"]
    gap = dataclasses.replace(recording, outputs={"told": told[:2] + told[4:]}, lost_records={"told": 2})
    assert await difference(Recording.from_bytes(gap.to_bytes())) == (
        "2 records were lost when it was recorded"
    )


async def test_a_ring_that_is_overrun_ends_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve() as (here, link), await Node.connect(link) as node:
        await node.install(0, ASKS.to_bytes())
        await node.control(0, Control.START)
        async with Recorder(node, await node.module(0)) as recorder:
            here.trace.events.clear()
            here.trace.next_seq += 5  # as if five had come and gone
            following = asyncio.create_task(recorder.follow(lambda _: False))
            await node.feed("probe", samples(1.0))
            await asyncio.wait_for(following, 20)
        assert recorder.ended == "the node's ring was overrun: 5 events are lost"
        assert recorder.recording(ASKS).lost_events == 5


async def test_a_trace_that_somebody_else_ends_ends_a_recording() -> None:
    async with running_here() as node:
        async with Recorder(node, await node.module(0)) as recorder:
            following = asyncio.create_task(recorder.follow(lambda _: False))
            await node.feed("probe", samples(1.0))
            await node.set_trace(0, False)
            await asyncio.wait_for(following, 20)
        assert recorder.ended == "somebody else has ended the trace"
        assert len(recorder.events) == 1


async def test_a_module_that_is_replaced_ends_a_recording() -> None:
    async with running_here() as node:
        async with Recorder(node, await node.module(0)) as recorder:
            following = asyncio.create_task(recorder.follow(lambda _: False))
            await node.feed("probe", samples(1.0))
            await node.install(0, ASKS.to_bytes())
            await node.control(0, Control.SWAP)
            await asyncio.wait_for(following, 20)
        assert recorder.ended == "the module was stopped, or another one took its place"
        assert recorder.events[0].kind is EventKind.SAMPLE


async def test_where_it_cannot_run_again_is_told(recording: Recording) -> None:
    async with running_here() as node:
        await node.install(1, COUNTER.to_bytes())
        with pytest.raises(UsageFault, match="no slot is free"):
            await reproduce(recording, node)
    with pytest.raises(UsageFault, match="there is no board mainframe"):
        async with target("mainframe"):
            pass


def test_a_call_that_is_none_is_refused() -> None:
    event = TracedEvent(EventKind.TICK, 0, calls=(Call(Function.RANDOM, (b"1",)),))
    assert TracedEvent.from_cbor(event.to_cbor(), "event") == event
    for items in ([5], [5, 1], [0, 1], [0, 1, 2, 3], [2, 0], [9, 1], []):
        with pytest.raises(Exception, match="event"):
            TracedEvent.from_item({0: 0, 1: 2, 2: 0, 6: [items]}, "event")
