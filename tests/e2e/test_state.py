"""Snapshots: the same bytes on every core and in the host runtime, and a module that goes on anywhere."""

from __future__ import annotations

import math

import pytest
from aiocoap import Code

from board_toml import ROOT, read_board
from on_board import bundle, outputs, probe, run_module, swap_module
from wasmote.errors import CoapError
from wasmote.node import Node
from wasmote.runtime import HostModule
from wasmote.wire.modules import Control, HandOver, ModuleState
from wasmote.wire.samples import Sample
from wasmote.wire.state import Snapshot

pytestmark = pytest.mark.cores

ROOM_TO_GROW = 54 * 1024  # 16 KiB that it begins with, 32 KiB that it has grown to, and what is around


def past(count: int, start: int = 1) -> list[Sample]:
    return probe(*(math.sin(i * 0.7) * 10.0 ** (i % 4) for i in range(start, start + count)), start=start)


def host_after(name: str, samples: list[Sample]) -> HostModule:
    """The module under wasmtime, after these samples."""
    host = HostModule(bundle(name))
    host.start()
    feed_host(host, samples)
    return host


def feed_host(host: HostModule, samples: list[Sample]) -> list[bytes]:
    """What it emits, as bytes."""
    emitted = [one for sample in samples for one in host.on_sample(0, sample.time_ms, sample.values)]
    for one in emitted:
        host.number(one.stream)
    return [one.values.tobytes() for one in emitted]


async def emitted(node: Node, stream: str, since: int | None) -> list[tuple[int, bytes]]:
    batch = await node.records(0, stream, since)
    return [(record.seq, record.values.tobytes()) for record in batch.records]


@pytest.mark.parametrize("name", ["history", "mean_v1", "scale"])
async def test_the_same_history_gives_the_same_bytes_as_on_the_host(node: Node, name: str) -> None:
    await run_module(node, name)
    await node.feed("probe", past(40))
    taken = await node.snapshot(0)
    assert taken == host_after(name, past(40)).snapshot().to_bytes()
    assert Snapshot.from_bytes(taken).to_bytes() == taken


async def test_memory_that_has_grown_is_in_it(node: Node) -> None:
    await run_module(node, "grower")
    await node.feed("probe", past(1))
    taken = await node.snapshot(0)
    assert taken == host_after("grower", past(1)).snapshot().to_bytes()
    pages = len(Snapshot.from_bytes(taken).memory) // 16384
    await node.remove(0)
    await node.install(0, bundle("grower").to_bytes())
    free = (await node.info()).arena_free
    if free < ROOM_TO_GROW:
        with pytest.raises(CoapError, match="memory cannot have the 32768 bytes"):
            await node.restore(0, taken)
        assert (await node.info()).arena_free == free
        return
    await node.restore(0, taken)
    assert len(Snapshot.from_bytes(await node.snapshot(0)).memory) // 16384 == pages == 2


async def test_a_module_from_the_host_goes_on_here_and_back(node: Node) -> None:
    never_moved = host_after("history", [])
    expected = [feed_host(never_moved, past(10, start)) for start in (1, 11, 21)]
    host = host_after("history", past(10))

    await node.install(0, bundle("history").to_bytes())
    await node.restore(0, host.snapshot().to_bytes())
    arrived = await node.module(0)
    assert arrived.state is ModuleState.PAUSED
    assert arrived.events == 11  # ten samples and the config
    assert [(one.name, one.next_seq) for one in arrived.streams] == [("told", 10)]
    await node.control(0, Control.RESUME)
    await node.feed("probe", past(10, 11))
    assert await emitted(node, "told", 9) == list(enumerate(expected[1], start=10))

    await node.control(0, Control.PAUSE)
    back = HostModule(bundle("history"))
    back.resume(Snapshot.from_bytes(await node.snapshot(0)))
    assert feed_host(back, past(10, 21)) == expected[2]
    assert back.snapshot().to_bytes() == never_moved.snapshot().to_bytes()


async def test_a_snapshot_of_the_same_schema_gives_its_declared_state(node: Node) -> None:
    old = host_after("mean_v1", past(3))
    await node.install(0, bundle("mean_v2").to_bytes())
    await node.restore(0, old.snapshot().to_bytes())
    await node.control(0, Control.RESUME)
    await node.feed("probe", past(1, 4))
    (expected,) = old.on_sample(0, 4000, past(1, 4)[0].values)
    assert await outputs(node, "mean") == [pytest.approx(10 * float(expected.values[0]), rel=1e-6)]
    assert (await node.module(0)).streams[0].next_seq == 4


async def test_times_go_on_growing_after_a_move(node: Node) -> None:
    await node.install(0, bundle("history").to_bytes())
    await node.restore(0, host_after("history", past(10)).snapshot().to_bytes())
    await node.control(0, Control.RESUME)
    with pytest.raises(CoapError) as caught:
        await node.feed("probe", past(1, 10))  # it has had this one
    assert caught.value.code is Code.CONFLICT


async def test_what_does_not_fit_is_refused_and_leaves_nothing(node: Node) -> None:
    free = (await node.info()).arena_free
    await node.install(0, bundle("counter").to_bytes())
    snapshot = host_after("history", past(3)).snapshot().to_bytes()
    with pytest.raises(CoapError) as caught:
        await node.restore(0, snapshot)
    assert caught.value.code is Code.UNPROCESSABLE_ENTITY
    assert "another module and another state schema" in caught.value.diagnostic
    await node.install(0, bundle("history").to_bytes())
    for damaged in (
        snapshot[:-1],
        snapshot[:300],
        snapshot + b"\0",
        snapshot[:-1] + bytes([snapshot[-1] ^ 1]),
        snapshot.replace(b"\x00\x01", b"\x00\x02", 1),
        b"\xff" * 2000,
    ):
        with pytest.raises(CoapError) as caught:
            await node.restore(0, damaged)
        assert caught.value.code in (Code.BAD_REQUEST, Code.UNPROCESSABLE_ENTITY)
        assert caught.value.diagnostic
        assert (await node.module(0)).state is ModuleState.EMPTY
        assert (await node.info()).arena_free == free
    await node.restore(0, snapshot)  # the candidate is still there
    assert (await node.module(0)).state is ModuleState.PAUSED


async def test_a_running_module_keeps_its_state(node: Node) -> None:
    await run_module(node, "history")
    with pytest.raises(CoapError) as caught:
        await node.restore(0, host_after("history", past(3)).snapshot().to_bytes())
    assert caught.value.code is Code.CONFLICT
    await node.feed("probe", past(1))
    assert (await node.module(0)).streams[0].next_seq == 1


async def test_a_paused_module_gets_no_samples(node: Node) -> None:
    await run_module(node, "counter")
    await node.control(0, Control.PAUSE)
    assert (await node.module(0)).state is ModuleState.PAUSED
    with pytest.raises(CoapError) as caught:
        await node.feed("probe", probe(1.0))
    assert caught.value.code is Code.SERVICE_UNAVAILABLE
    for refused in (Control.START, Control.SWAP, Control.PAUSE):
        with pytest.raises(CoapError) as caught:
            await node.control(0, refused)
        assert caught.value.code is Code.CONFLICT
    await node.control(0, Control.RESUME)
    await node.feed("probe", probe(1.0))
    assert await outputs(node, "count") == [1.0]


@pytest.mark.parametrize(
    ("before", "after", "handed", "expected"),
    [
        ("tally_v1", "tally_v2", HandOver.MIGRATED, [4.0, 8.0]),
        ("tally_v2", "tally_v3", HandOver.MIGRATED, [4.0, 3.5]),
        ("tally_v1", "tally_v3", HandOver.FRESH, [1.0, 8.0]),  # it does not know that schema
        ("tally_v3", "tally_v1", HandOver.FRESH, [1.0, 0.0]),  # it has no migrate
    ],
)
async def test_another_schema_is_migrated_or_begins_anew(
    node: Node, before: str, after: str, handed: HandOver, expected: list[float]
) -> None:
    await run_module(node, before)
    await node.feed("probe", probe(1.0, 2.0, 3.0))
    await swap_module(node, after)
    status = await node.module(0)
    assert status.hand_over is handed
    assert status.state_handed_over is (handed is HandOver.MIGRATED)
    await node.feed("probe", probe(8.0, start=4))
    (record,) = (await node.records(0, "tally", 2)).records
    assert (record.seq, list(record.values)) == (3, expected)
    said = b"begins without the state of schema" in (await node.request("GET", "/log?since=none")).payload
    assert said is (handed is HandOver.FRESH)

    host = HostModule(bundle(before))
    host.start()
    feed_host(host, probe(1.0, 2.0, 3.0))
    schema = bundle(before).manifest.state
    assert schema is not None
    successor = HostModule(bundle(after))
    assert successor.start(host.state(), schema.schema) is handed
    assert feed_host(successor, probe(8.0, start=4)) == [record.values.tobytes()]


async def test_a_swap_without_room_for_both_goes_through_one_place(node: Node, board: str) -> None:
    room = read_board(ROOT / "boards" / board / "board.toml").limits.get("MODULE_ARENA_BYTES", 64 * 1024)
    await run_module(node, "wide_v1")
    arena = (await node.module(0)).arena_bytes
    assert arena is not None
    await node.feed("probe", probe(1.0, 2.0, 3.0))
    await swap_module(node, "wide_v2")
    status = await node.module(0)
    assert status.in_place is (2 * arena > room)
    assert status.hand_over is HandOver.SAME
    await node.feed("probe", probe(6.0, start=4))
    assert await outputs(node, "mean") == [1.0, 1.5, 2.0, 30.0]


async def test_a_swap_in_place_that_fails_leaves_the_old_module_with_its_state(node: Node) -> None:
    await run_module(node, "wide_v1")
    await node.feed("probe", probe(1.0, 2.0, 3.0))
    await node.install(0, bundle("wide_bad").to_bytes())
    with pytest.raises(CoapError) as caught:
        await node.control(0, Control.SWAP)
    assert "unreachable" in caught.value.diagnostic
    status = await node.module(0)
    assert status.state is ModuleState.RUNNING
    assert status.version == "1.0.0"
    await node.feed("probe", probe(6.0, start=4))
    assert await outputs(node, "mean") == [1.0, 1.5, 2.0, 3.0]
