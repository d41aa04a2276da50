"""The gateway and the life of modules on real firmware: confirmed, rolled back, moved away and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from on_board import MODULES, bundle, probe
from wasmote.gateway.config import GatewayConfig
from wasmote.gateway.core import Gateway
from wasmote.gateway.entities import StreamKey
from wasmote.sim import Simulator

BOARD = "board"
SUMS = StreamKey(BOARD, 0, "sums")
PATIENCE_S = 60.0  # for what is awaited; nothing is asserted about how long it takes


@asynccontextmanager
async def following(simulator: Simulator, folder: Path) -> AsyncIterator[Gateway]:
    config = GatewayConfig.model_validate(
        {
            "gateway": {
                "store": folder / "store",
                "commit_every_s": 0,
                "stale_after_s": 1,
                "confirm_after_records": 2,
            },
            "http": {"port": 0},
            "host": {},
            "boards": {BOARD: {"link": simulator.url}},
            "modules": {"sums": {"project": MODULES / "sums_v1.toml"}},
        }
    )
    async with Gateway(config).running() as gateway:
        async with asyncio.timeout(PATIENCE_S):
            await gateway.following(BOARD)
            await gateway.following("gateway")
        yield gateway


async def stored(gateway: Gateway, count: int) -> list[tuple[int, list[float]]]:
    """Wait for so many records; return their numbers and values."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            wake = gateway.stored.next()
            records = await gateway.store.stream_records(SUMS)
            if len(records) >= count:
                return [(record.seq, record.values.tolist()) for record in records]
            await wake.wait()


async def test_a_bad_release_is_rolled_back_and_told(simulator: Simulator, tmp_path: Path) -> None:
    async with following(simulator, tmp_path) as gateway:
        session, node = gateway.sessions[BOARD], gateway.nodes[BOARD]
        await node.feed("probe", probe(1, 2))
        await stored(gateway, 2)
        async with asyncio.timeout(PATIENCE_S):
            while (await node.module(0)).probation is not None:
                await session.looked.next().wait()
        status = await gateway.deploy(BOARD, bundle("sums_v2"))
        assert status.fallback is not None
        await node.feed("probe", probe(-5, 7, start=3))  # on the first one it traps
        assert await stored(gateway, 4) == [(0, [1, 1]), (1, [3, 2]), (2, [-2, 3]), (3, [5, 4])]
        async with asyncio.timeout(PATIENCE_S):
            while not session.fault:
                await session.changed.next().wait()
        assert "has taken the wanted module out of service" in session.fault
        (event,) = await gateway.store.events(9)
        assert (event.kind, event.digest) == ("rolled back", bundle("sums_v2").manifest.digest[:8])
        assert event.detail.startswith("it trapped")
        assert session.slots[0].version == "1.0.0"


async def test_a_module_moves_to_the_gateway_and_back(simulator: Simulator, tmp_path: Path) -> None:
    async with following(simulator, tmp_path) as gateway:
        node = gateway.nodes[BOARD]
        await node.feed("probe", probe(1, 2))
        await gateway.move("sums", BOARD, "gateway")
        await gateway.nodes["gateway"].feed("probe", probe(3, 4, start=3))
        await gateway.move("sums", "gateway", BOARD)
        await node.feed("probe", probe(5, 6, start=5))
        sums = [(0, [1, 1]), (1, [3, 2]), (2, [6, 3]), (3, [10, 4]), (4, [15, 5]), (5, [21, 6])]
        assert await stored(gateway, 6) == sums
        assert await gateway.store.gaps(SUMS) == []
