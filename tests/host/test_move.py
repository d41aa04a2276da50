"""A module that moves between host nodes, and from and to emulated boards of every core."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wasmote.build import build_bundle
from wasmote.errors import CoapError, UsageFault
from wasmote.move import move
from wasmote.node import Node
from wasmote.runtime import HostModule
from wasmote.runtime.server import serve
from wasmote.sim import Simulator
from wasmote.wire.modules import Control, ModuleState
from wasmote.wire.samples import Sample

WASMOTE = [sys.executable, "-m", "wasmote"]
MODULES = Path(__file__).parents[1] / "modules"
BUNDLE = build_bundle(MODULES / "history.toml")


def samples(start: int, count: int = 10) -> list[Sample]:
    return [Sample(1000 * i, (math.sin(0.7 * i) * 10.0 ** (i % 4),)) for i in range(start, start + count)]


def never_moved(count: int) -> list[tuple[int, bytes]]:
    host = HostModule(BUNDLE)
    host.start()
    emitted = [
        one for sample in samples(1, count) for one in host.on_sample(0, sample.time_ms, sample.values)
    ]
    return [(seq, one.values.tobytes()) for seq, one in enumerate(emitted)]


async def taken(node: Node, since: int | None) -> list[tuple[int, bytes]]:
    return [(r.seq, r.values.tobytes()) for r in (await node.records(0, "told", since)).records]


class _Refusing:
    """A node that takes everything but snapshots."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def __getattr__(self, name: str) -> object:
        return getattr(self._node, name)

    async def restore(self, slot: int, snapshot: bytes) -> None:
        await self._node.restore(slot, snapshot[:-1])


async def test_host_nodes_hand_a_module_on() -> None:
    async with (
        serve() as (_, first),
        serve() as (_, second),
        await Node.connect(first) as here,
        await Node.connect(second) as there,
    ):
        await here.install(0, BUNDLE.to_bytes())
        await here.control(0, Control.START)
        await here.control(0, Control.CONFIRM)
        await here.feed("probe", samples(1))
        assert await taken(here, None) == never_moved(10)
        moved = await move(BUNDLE, here, there)
        assert moved.next_seq == {"told": 10}
        assert (await there.module(0)).probation is None  # it was confirmed, and is so there
        assert (await here.module(0)).state is ModuleState.STOPPED
        assert await taken(here, None) == never_moved(10)  # still there for who has not read them
        await there.feed("probe", samples(11))
        assert await taken(there, 9) == never_moved(20)[10:]


async def test_a_module_that_moves_over_every_core_is_as_if_it_had_stayed() -> None:
    route = ("native", "netduinoplus2", "netduino2", "qemu-rv32")
    seen: list[tuple[int, bytes]] = []
    async with serve() as (_, link), await Node.connect(link) as gateway:
        await gateway.install(0, BUNDLE.to_bytes())
        await gateway.control(0, Control.START)
        start = 1
        for board in route:
            async with await Simulator.start(board) as simulator, await Node.connect(simulator.url) as node:
                await gateway.feed("probe", samples(start))
                seen += await taken(gateway, start - 2 if start > 1 else None)
                await move(BUNDLE, gateway, node)
                await node.feed("probe", samples(start + 10))
                seen += await taken(node, start + 8)
                await move(BUNDLE, node, gateway)
                start += 20
    assert seen == never_moved(20 * len(route))


async def test_a_move_that_fails_leaves_the_module_where_it_was() -> None:
    other = build_bundle(MODULES / "counter.toml")
    async with (
        serve() as (_, first),
        serve() as (_, second),
        await Node.connect(first) as here,
        await Node.connect(second) as there,
    ):
        await here.install(0, BUNDLE.to_bytes())
        await here.control(0, Control.START)
        with pytest.raises(UsageFault, match="does not run there"):
            await move(other, here, there)
        await there.install(1, other.to_bytes())
        await there.control(1, Control.START)
        with pytest.raises(UsageFault, match="no slot is free"):
            await move(BUNDLE, here, there, slot=1)  # something runs there
        assert (await there.module(1)).state is ModuleState.RUNNING
        with pytest.raises(CoapError):
            await move(BUNDLE, here, _Refusing(there))  # type: ignore[arg-type]
        assert (await here.module(0)).state is ModuleState.RUNNING
        await here.feed("probe", samples(1, 1))


def test_the_command_moves_to_what_gateway_means_and_back(tmp_path: Path) -> None:
    file = tmp_path / "history.bundle"
    file.write_bytes(BUNDLE.to_bytes())
    with running_host() as here, running_host() as gateway:
        wasmote("push", str(file), "--link", here)
        wasmote("put", "/sensors/probe", "[[1000, [1.5]]]", "--link", here)
        said = wasmote("move", str(file), here, "gateway", "--gateway", gateway)
        assert "history goes on at gateway, slot 0: told from record 1" in said
        back = wasmote("move", str(file), "gateway", here, "--gateway", gateway, "--json")
        assert json.loads(back)["next_seq"] == {"told": 1}
        assert "which gateway" in wasmote("move", str(file), here, "gateway", fails=True)


def wasmote(*arguments: str, fails: bool = False) -> str:
    done = subprocess.run([*WASMOTE, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode != 0) is fails, done.stderr
    return done.stdout + done.stderr


@contextmanager
def running_host() -> Iterator[str]:
    command = [*WASMOTE, "host", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["link"]
        finally:
            process.terminate()
