"""Modules that move under the eyes of the gateway: one stream, each record once; on nodes under wasmtime."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from wasmote.build import build_bundle
from wasmote.errors import UsageFault
from wasmote.gateway.config import GatewayConfig
from wasmote.gateway.core import Gateway
from wasmote.gateway.entities import StreamKey
from wasmote.move import move
from wasmote.node import Node
from wasmote.runtime.server import serve
from wasmote.wire.modules import Control, ModuleState
from wasmote.wire.samples import Sample

MODULES = Path(__file__).parents[1] / "modules"
HISTORY = build_bundle(MODULES / "history.toml")
KEY = StreamKey("one", 0, "told")
PATIENCE_S = 15.0  # for what is awaited; nothing is asserted about how long it takes


class Rig:
    """Nodes `one` and `two`, a gateway that deploys to `one` and is a node itself, and what was fed."""

    def __init__(self, links: dict[str, str], folder: Path) -> None:
        self.links = links
        self.config = GatewayConfig.model_validate(
            {
                "gateway": {"store": folder / "store", "commit_every_s": 0, "stale_after_s": 0.2},
                "http": {"port": 0},
                "host": {},
                "boards": {name: {"link": link} for name, link in links.items()},
                "modules": {"history": {"project": MODULES / "history.toml", "boards": ["one"]}},
            }
        )
        self.fed = 0

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Gateway]:
        gateway = Gateway(self.config)
        async with gateway.running():
            async with asyncio.timeout(PATIENCE_S):
                for board in gateway.sessions:
                    await gateway.following(board)
            yield gateway

    async def feed(self, node: Node, count: int = 10) -> None:
        times = range(self.fed + 1, self.fed + count + 1)
        await node.feed("probe", [Sample(1000 * time, (0.1 * time,)) for time in times])
        self.fed += count

    async def stored(self, gateway: Gateway) -> list[int]:
        """Wait until as many records are stored as samples were fed; return their numbers."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                wake = gateway.stored.next()
                records = await gateway.store.stream_records(KEY)
                if len(records) >= self.fed:
                    return [record.seq for record in records]
                await wake.wait()

    async def check(self, gateway: Gateway) -> None:
        """All that was fed came out, once, in one numbering, and nothing was lost."""
        assert await self.stored(gateway) == list(range(self.fed))
        assert await gateway.store.gaps(KEY) == []
        numberings = await gateway.store.database.rows("SELECT count(*) FROM numberings")
        assert numberings == [(1,)]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with serve() as (_, one), serve() as (_, two):
        yield Rig({"one": one, "two": two}, tmp_path)


async def test_the_gateway_moves_a_module_everywhere_and_its_stream_stays_one(rig: Rig) -> None:
    async with rig.gateway() as gateway:
        await rig.feed(gateway.nodes["one"])
        route = ("one", "gateway", "one", "two", "gateway", "two", "one")
        for source, target in itertools.pairwise(route):
            moved = await gateway.move("history", source, target)
            assert moved.next_seq == {"told": rig.fed}
            await rig.feed(gateway.nodes[target])
        await rig.check(gateway)
        assert (await gateway.nodes["one"].module(0)).state is ModuleState.RUNNING
        assert [event.kind for event in await gateway.store.events(9)] == ["moved"] * 6


async def test_a_move_by_others_is_found_out(rig: Rig) -> None:
    """Moves at any time, back and forth, also when there was no record in between."""
    async with AsyncExitStack() as stack:
        nodes = {
            name: await stack.enter_async_context(await Node.connect(link))
            for name, link in rig.links.items()
        }
        gateway = await stack.enter_async_context(rig.gateway())
        await rig.feed(nodes["one"])
        route = ("one", "two", "one", "two", "one")
        for counts in ((10, 0, 10, 10), (0, 0, 0, 10)):
            for source, target, count in zip(route, route[1:], counts, strict=False):
                await move(HISTORY, nodes[source], nodes[target])
                await rig.feed(nodes[target], count) if count else None
            await rig.check(gateway)  # a ring ends when the module comes back after records elsewhere


async def test_a_move_while_the_gateway_was_away_is_found_out(rig: Rig) -> None:
    async with rig.gateway() as gateway:
        await rig.feed(gateway.nodes["one"])
        await rig.stored(gateway)
    async with await Node.connect(rig.links["one"]) as one, await Node.connect(rig.links["two"]) as two:
        await rig.feed(one)
        await move(HISTORY, one, two)
        await rig.feed(two)
    async with rig.gateway() as gateway:
        await rig.check(gateway)
        installed = await gateway.nodes["one"].module(0)
        assert installed.state is ModuleState.STOPPED
    async with rig.gateway() as gateway:  # and a gateway that is told by its store
        await rig.feed(gateway.nodes["two"])
        await rig.check(gateway)


async def test_a_copy_is_no_continuation(rig: Rig) -> None:
    async with rig.gateway() as gateway:
        await rig.feed(gateway.nodes["one"])
        await rig.stored(gateway)
        two = gateway.nodes["two"]
        await two.install(0, HISTORY.to_bytes())
        await two.control(0, Control.START)
        await gateway.nodes["one"].control(0, Control.STOP)
        await two.feed("probe", [Sample(1000 * time, (5.0,)) for time in range(1, 31)])
        for board in ("one", "two"):
            looked = gateway.sessions[board].looked.next()
            gateway.sessions[board].look()
            async with asyncio.timeout(PATIENCE_S):
                await looked.wait()
        await rig.check(gateway)
        assert gateway.sessions["two"].streams.read == {}


async def test_a_module_that_is_nowhere_any_more_is_deployed_again(rig: Rig) -> None:
    async with rig.gateway() as gateway:
        await gateway.move("history", "one", "two")
        one, two = gateway.nodes["one"], gateway.nodes["two"]
        await one.remove(0)  # as if its flash had been erased
    async with rig.gateway() as gateway:
        one, two = gateway.nodes["one"], gateway.nodes["two"]
        assert (await one.module(0)).state is ModuleState.EMPTY  # it runs on the other board
        await two.remove(0)
    async with rig.gateway() as gateway:
        session = gateway.sessions["one"]
        async with asyncio.timeout(PATIENCE_S):
            while session.slots[0].state is not ModuleState.RUNNING:
                await session.changed.next().wait()


async def test_the_command_has_the_gateway_move(rig: Rig) -> None:
    async with rig.gateway() as gateway:

        async def ask(*arguments: str) -> tuple[int, str]:
            command = [sys.executable, "-m", "wasmote", "move", *arguments, "--gateway", gateway.http_url]
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
            printed, said = await process.communicate()
            return process.returncode or 0, (printed + said).decode()

        await rig.feed(gateway.nodes["one"])
        status, said = await ask("history", "one", "gateway")
        assert (status, said.split(";")[0]) == (
            0,
            "history goes on at gateway, slot 0: told from record 10",
        )
        await rig.feed(gateway.nodes["gateway"])
        await rig.check(gateway)
        status, said = await ask("history", "one", "gateway")
        assert status == 2
        assert "module history of this gateway does not run on board one (slots: 0: history 1.0.0)" in said


async def test_http_moves_for_this_machine_only(rig: Rig) -> None:
    async with rig.gateway() as gateway, httpx.AsyncClient(base_url=gateway.http_url, timeout=60) as client:
        asked = {"module": "history", "source": "one", "target": "gateway"}
        moved = (await client.post("/moves", json=asked)).json()
        assert (moved["name"], moved["slot"], moved["next_seq"]) == ("history", 0, {"told": 0})
        boards = {board["name"]: board for board in (await client.get("/boards")).json()["boards"]}
        assert boards["gateway"]["guests"] == [{"board": "one", "slot": 0, "stream": "told", "from_slot": 0}]
        (event,) = (await client.get("/events")).json()["events"]
        assert event["detail"] == "history: from one, slot 0 to gateway, slot 0"
        assert (await client.post("/moves", content=b"{}")).status_code == 403  # as a page could send it
        for foreign in (
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://[x"},
            {"Host": "evil.example"},
        ):
            answer = await client.post("/moves", json=asked, headers=foreign)
            assert answer.status_code == 403, answer.text
        own = {"Origin": gateway.http_url}
        assert (await client.post("/moves", json={}, headers=own)).status_code == 400  # taken, and wrong
        for wrong in ([], asked | {"more": 1}, asked | {"slot": "0"}, asked | {"target": "nowhere"}):
            answer = await client.post("/moves", json=wrong)
            assert answer.status_code == 400, answer.text
        with pytest.raises(UsageFault, match="does not run on board two"):
            await gateway.move("history", "two", "one")
