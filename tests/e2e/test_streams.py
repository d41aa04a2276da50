"""Streams: the ring, `since`, exact loss, Observe."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from on_board import bundle, probe, run_module
from wasmote.node import Node
from wasmote.sim import Simulator

pytestmark = pytest.mark.cores


async def feed_many(node: Node, count: int, start: int = 1) -> None:
    await node.feed("probe", probe(*([0.5] * count), start=start))


async def test_ring_tells_exactly_what_it_lost(node: Node) -> None:
    await run_module(node, "counter")
    await feed_many(node, 640)
    kept = []
    batch = await node.records(0, "count", since=None)
    oldest = batch.records[0].seq
    while batch.records:
        kept += [record.seq for record in batch.records]
        batch = await node.records(0, "count", since=kept[-1])
    assert kept == list(range(oldest, 640))
    assert oldest > 0  # the ring holds fewer than 640
    for since in (0, 10, oldest - 2):
        assert (await node.records(0, "count", since)).lost == oldest - since - 1
    assert (await node.records(0, "count", since=oldest)).lost == 0
    past_the_end = await node.records(0, "count", since=639)
    assert past_the_end.records == ()
    assert past_the_end.lost == 0
    assert past_the_end.next_seq == 640


async def test_values_have_the_names_of_the_manifest(node: Node) -> None:
    await run_module(node, "counter")
    (listed,) = await node.outputs(0)
    assert (listed.slot, listed.stream, listed.fields) == (
        0,
        "count",
        bundle("counter").manifest.streams[0].fields,
    )
    assert listed.fields
    assert await node.outputs(1) == []


async def test_observer_hears_of_every_change(node: Node) -> None:
    await run_module(node, "counter")
    seen: list[int] = []
    async with aclosing(node.watch(0, "count")) as notifications:
        first = await anext(notifications)
        assert first.records == ()
        for i in range(40):  # past a confirmable one
            await feed_many(node, 1, start=1 + i)
            batch = await anext(notifications)
            seen += [record.seq for record in batch.records]
            assert batch.next_seq == seen[-1] + 1
    assert seen == list(range(40))


async def test_skipped_notifications_are_closed_by_since(node: Node) -> None:
    await run_module(node, "counter")
    async with aclosing(node.watch(0, "count")) as notifications:
        await anext(notifications)
        await feed_many(node, 32)
        newest = (await anext(notifications)).records[-1].seq
    batch = await node.records(0, "count", since=None)
    assert [record.seq for record in batch.records] == list(range(32))
    assert newest <= 31


async def test_boot_id_changes_with_a_restart(simulator: Simulator, node: Node) -> None:
    before = (await node.info()).boot_id
    await simulator.kill()
    await node.close()  # it would come back, and QEMU serves one client at a time
    await simulator.restart()
    async with await Node.connect(simulator.url) as again:
        assert (await again.info()).boot_id != before
        assert (await again.modules())[0].name is None
