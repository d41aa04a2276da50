"""The gateway on real firmware: power cuts, cut links and full rings; what is stored and lost is exact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from on_board import MODULES, probe
from wasmote.errors import WasmoteError
from wasmote.gateway.config import GatewayConfig
from wasmote.gateway.core import Gateway
from wasmote.gateway.entities import StreamKey
from wasmote.gateway.session import SessionState
from wasmote.node import Node
from wasmote.sim import Simulator
from wasmote.wire.modules import ModuleState

pytestmark = pytest.mark.cores

BOARD = "board"
STREAM = StreamKey(BOARD, 0, "count")
PATIENCE_S = 60.0  # for what is awaited; nothing is asserted about how long it takes


def config(url: str, store: Path) -> GatewayConfig:
    return GatewayConfig.model_validate(
        {
            "gateway": {"store": store, "commit_every_s": 0, "stale_after_s": 1},
            "http": {"port": 0},
            "boards": {BOARD: {"link": url}},
            "modules": {"counter": {"project": MODULES / "counter.toml"}},
        }
    )


@asynccontextmanager
async def following(url: str, store: Path) -> AsyncIterator[Gateway]:
    async with Gateway(config(url, store)).running() as gateway:
        async with asyncio.timeout(PATIENCE_S):
            await gateway.following(BOARD)
        yield gateway


async def stored_up_to(gateway: Gateway, next_seq: int) -> None:
    """Wait until everything below `next_seq`, since the board was started, is stored or counted as lost."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            wake = gateway.stored.next()
            numbering = await gateway.store.numbering(STREAM)
            if numbering is not None and (numbering.position.next_seq or 0) >= next_seq:
                return
            await wake.wait()


async def feed_until_cut(gateway: Gateway, cut: asyncio.Event) -> int:
    """Feed samples, never more than two ahead of what is stored; return how many were acknowledged.

    Notifications are rate-bounded: a feeder that ran ahead would not know what the node had announced.
    """
    acknowledged = 0
    while not cut.is_set():
        try:
            await gateway.nodes[BOARD].feed("probe", probe(float(acknowledged), start=acknowledged + 1))
        except WasmoteError:
            break
        waits = [
            asyncio.create_task(stored_up_to(gateway, acknowledged)),
            asyncio.create_task(cut.wait()),
        ]
        acknowledged += 1
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
    return acknowledged


async def test_power_cut_in_mid_stream(simulator: Simulator, tmp_path: Path) -> None:
    async with following(simulator.url, tmp_path / "store") as gateway:
        session = gateway.sessions[BOARD]
        cut = asyncio.Event()
        feeding = asyncio.create_task(feed_until_cut(gateway, cut))
        await stored_up_to(gateway, 50)
        await simulator.kill()
        cut.set()
        fed = await feeding
        async with asyncio.timeout(PATIENCE_S):
            await session.until(SessionState.BROKEN)
        await simulator.restart()
        async with asyncio.timeout(PATIENCE_S):
            await gateway.following(BOARD)

        before = [record.seq for record in await gateway.store.stream_records(STREAM)]
        assert session.slots[0].state is ModuleState.RUNNING  # by itself: nothing was sent again
        deployments = await gateway.store.database.rows("SELECT count(*) FROM deployments")
        assert deployments == [(1,)]

        await gateway.nodes[BOARD].feed("probe", probe(*range(60)))
        await stored_up_to(gateway, 60)
        stored = await gateway.store.stream_records(STREAM)
        gaps = await gateway.store.gaps(STREAM)
        (totals,) = await gateway.store.totals(BOARD)

    seen = [record.seq for record in stored]
    assert seen[len(before) :] == list(range(60))  # nothing of the new ring is missing
    lost = [number for begin, end in gaps for number in range(begin, end + 1)]
    ended = len(before) + len(lost)
    assert sorted(before + lost) == list(range(ended))  # each number stored once, or counted as lost
    assert fed - 2 <= ended <= fed + 1  # all that was acknowledged, but for what was on the line
    assert totals.lost == len(lost)


async def test_what_the_ring_dropped_while_nobody_listened_is_counted(
    simulator: Simulator, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    async with following(simulator.url, store) as gateway:
        await gateway.nodes[BOARD].feed("probe", probe(*range(10)))
        await stored_up_to(gateway, 10)

    async with await Node.connect(simulator.url) as node:  # the gateway is away
        await node.feed("probe", probe(*range(640), start=11))
        oldest = (await node.records(0, "count", since=None)).records[0].seq
    assert oldest > 10

    async with following(simulator.url, store) as gateway:
        await stored_up_to(gateway, 650)
        stored = [record.seq for record in await gateway.store.stream_records(STREAM)]
        gaps = await gateway.store.gaps(STREAM)
    assert gaps == [(10, oldest - 1)]
    assert stored == [*range(10), *range(oldest, 650)]
