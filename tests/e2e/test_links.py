"""Real firmware over bad lines: the whole job comes out right, and uploads go on where they broke off."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiocoap import Code

from bad_lines import ByteErrors, Late, Lossy, byte_at_a_time
from on_board import bundle, outputs, probe
from padding import padded
from proxy import Proxy
from wasmote.coap import Timing, Timings
from wasmote.link.url import CoapLink, parse_link
from wasmote.node import Node
from wasmote.sim import ROOT, Simulator
from wasmote.wire.modules import Control

IMPATIENT = Timing(0.1, 9)  # bad lines lose messages: send them again soon, and often
QUICK = Timings(probe=IMPATIENT, request=IMPATIENT, install=Timing(0.25, 9))
PATIENT = Timings(install=Timing(30.0, 1))  # only breaks make it repeat a block
MODULE_BYTES = 16 * 1024
FORMAT_OCTETS = 42
LINES = {
    "bytes": lambda: byte_at_a_time,
    "drop": lambda: Lossy("drop", 0.05),
    "double": lambda: Lossy("double", 0.1),
    "flip": lambda: Lossy("flip", 0.05),
    "late": lambda: Late(0.05),
    "errors": lambda: ByteErrors(1e-3),
}


async def at_once(_: float) -> None:
    """Stands in for the pauses between tries to open a link."""
    await asyncio.sleep(0)


@pytest_asyncio.fixture
async def proxy(simulator: Simulator, tmp_path) -> AsyncIterator[Proxy]:
    """A proxy on the board's serial line."""
    link = parse_link(simulator.serial_url or simulator.url)
    assert not isinstance(link, CoapLink)
    async with Proxy(link, tmp_path / "line") as running:
        yield running


@pytest.mark.parametrize("line", LINES)
async def test_the_whole_job_over_a_bad_line(proxy, line):
    proxy.mangle = LINES[line]()
    module = padded(bundle("scale"), MODULE_BYTES)
    async with await Node.connect(proxy.url, timings=QUICK) as node:
        await node.install(0, module.to_bytes())
        await node.control(0, Control.START)
        assert (await node.module(0)).digest == module.manifest.digest
        for value in range(10):
            await node.feed("probe", probe(value, start=1 + value))
        assert await outputs(node, "scaled") == [2.0 * value for value in range(10)]
        info = await node.info()
        if line == "errors":
            assert info.link.frames_dropped > 0


async def test_64_kb_with_an_error_in_every_thousand_bytes(tmp_path):
    """The firmware's CoAP server with a resource that takes any body: no bank of a board holds 64 KB."""
    body = random.Random(64).randbytes(64 * 1024)
    async with await Simulator.start("native", image=ROOT / "build/native-asan/plugtest.elf") as board:
        link = parse_link(board.serial_url)
        assert not isinstance(link, CoapLink)
        async with (
            Proxy(link, tmp_path / "line", ByteErrors(1e-3)) as proxy,
            await Node.connect(proxy.url, timings=QUICK) as node,
        ):
            await node.request("PUT", "/sink", body, FORMAT_OCTETS)
            taken = await node.request("GET", "/sink")
    assert taken.payload.decode() == f"{len(body)} {hashlib.sha256(body).hexdigest()}"


async def test_an_upload_goes_on_after_every_break(proxy):
    module = padded(bundle("scale"), MODULE_BYTES).to_bytes()
    steps: list[int] = []
    async with await Node.connect(proxy.url, timings=PATIENT, sleep=at_once) as node:
        before = len(proxy.requests)
        cuts = {before + 2, before + 9, before + 17}
        proxy.cut_before = set(cuts)
        await node.install(0, module, lambda done, _: steps.append(done))
        blocks = [m.opt.block1.start for m in proxy.requests[before:] if m.code is Code.PUT]
        await node.control(0, Control.START)
    assert not proxy.cut_before
    assert steps == sorted(set(steps))
    sent = Counter(blocks)
    assert set(sent) == set(range(0, len(module), 1024))
    assert sum(sent.values()) == len(sent) + len(cuts)
    assert max(sent.values()) == 2


async def test_a_cut_that_loses_the_answer_costs_one_block(proxy):
    module = padded(bundle("scale"), MODULE_BYTES).to_bytes()

    def cut(done: int, _: int) -> None:
        if done == 4 * 1024:  # the next block is sent before the client learns of it
            asyncio.get_running_loop().call_soon(proxy.cut)

    async with await Node.connect(proxy.url, timings=PATIENT, sleep=at_once) as node:
        before = len(proxy.requests)
        await node.install(0, module, cut)
        blocks = [m.opt.block1.start for m in proxy.requests[before:] if m.code is Code.PUT]
        await node.control(0, Control.START)
    assert set(blocks) == set(range(0, len(module), 1024))
    assert len(blocks) <= len(set(blocks)) + 1


async def test_the_board_counts_the_time_it_works(node: Node):
    first = await node.info()
    second = await node.info()
    assert first.busy_us is not None
    assert second.busy_us is not None
    assert first.busy_us < second.busy_us
