"""The gateway against real firmware: the native board and the F405 in QEMU, killed and brought back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wasmote.errors import DeviceNotFound
from wasmote.gateway.config import GatewayConfig
from wasmote.gateway.core import Gateway
from wasmote.gateway.entities import StreamKey
from wasmote.gateway.session import SessionState
from wasmote.node import Node
from wasmote.sim import BoardImage, Simulator
from wasmote.wire.samples import Sample

ROOT = Path(__file__).parents[2]
DAY_MS = 86_400_000
KEY = StreamKey("board", 0, "features")
SILENT_DAYS = 3  # the module emits from the fourth day on


def need(*boards: str) -> None:
    for board in boards:
        try:
            BoardImage.find(board)
        except DeviceNotFound as fault:
            pytest.skip(str(fault))


@pytest.fixture(params=["native", "netduinoplus2"])
async def board(request: pytest.FixtureRequest) -> AsyncIterator[Simulator]:
    need(request.param)
    async with await Simulator.start(request.param) as simulator:
        yield simulator


def config(folder: Path, url: str) -> GatewayConfig:
    return GatewayConfig.model_validate(
        {
            "gateway": {"store": folder / "store.sqlite", "commit_every_s": 0.01, "stale_after_s": 1},
            "http": {"port": 0},
            "boards": {"board": {"link": url}},
            "modules": {"flood": {"project": ROOT / "models/flood/flood.toml"}},
        }
    )


def days(first: int, count: int) -> list[Sample]:
    return [Sample(day * DAY_MS, (1.0, 50.0 + day % 7)) for day in range(first, first + count)]


async def read(gateway: Gateway, next_seq: int) -> None:
    """Wait until every number below is stored or lost."""
    while (at := await gateway.store.numbering(KEY)) is None or (at.position.next_seq or 0) < next_seq:
        await gateway.stored.next().wait()


async def noticed_restart(gateway: Gateway) -> None:
    """Wait until the session follows a node with another boot id than it knew."""
    session = gateway.sessions["board"]
    assert session.info is not None
    before = session.info.boot_id
    while session.info.boot_id == before or session.state is not SessionState.FOLLOWING:
        await session.changed.next().wait()


async def test_killed_in_mid_stream_it_goes_on_and_nothing_is_lost(tmp_path: Path, board: Simulator):
    async with Gateway(config(tmp_path, board.url)).running() as gateway:
        await gateway.following("board")
        await gateway.nodes["board"].feed("river", days(0, 40))
        await read(gateway, 40 - SILENT_DAYS)
        await board.kill()
        await board.restart()
        await noticed_restart(gateway)
        await gateway.nodes["board"].feed("river", days(100, 20))
        await read(gateway, 20 - SILENT_DAYS)  # the module ran again by itself, and counts from 0
        records = await gateway.store.stream_records(KEY)
        assert [record.seq for record in records] == [*range(40 - SILENT_DAYS), *range(20 - SILENT_DAYS)]
        [totals] = await gateway.store.totals("board")
        assert totals.lost == 0


async def test_what_the_ring_dropped_while_nobody_read_is_counted_exactly(tmp_path: Path, board: Simulator):
    settings = config(tmp_path, board.url)
    async with Gateway(settings).running() as gateway:
        await gateway.following("board")
        await gateway.nodes["board"].feed("river", days(0, 10))
        await read(gateway, 10 - SILENT_DAYS)
    async with await Node.connect(board.url) as node:
        await node.feed("river", days(10, 300))
        kept = await node.records(0, "features", None)
        oldest = kept.records[0].seq
    assert oldest > 10 - SILENT_DAYS  # the ring has turned over
    async with Gateway(settings).running() as gateway:
        await read(gateway, 310 - SILENT_DAYS)
        [totals] = await gateway.store.totals("board")
        assert totals.lost == oldest - (10 - SILENT_DAYS)
        assert totals.records == 310 - SILENT_DAYS - totals.lost
        assert await gateway.store.gaps(KEY) == [(10 - SILENT_DAYS, oldest - 1)]


async def test_the_demo_ends_well_without_recorded_data(tmp_path: Path):
    need("native", "netduinoplus2")
    command = (sys.executable, "-m", "wasmote.demo", "--days", "60", "--out", str(tmp_path))
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    keys = ["samples", "features", "predictions", "nse", "swap_gap_ms", "sequence_gaps", "boards", "data"]
    assert list(summary) == keys
    assert (summary["samples"], summary["features"], summary["predictions"]) == (60, 60, 60)
    assert summary["sequence_gaps"] == 0
    assert summary["data"].startswith("generated")
    for board in summary["boards"].values():
        assert board["state_handed_over"]
        assert board["rolled_back"].startswith("it trapped")
        assert board["moved_paused_s"] > 0
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
