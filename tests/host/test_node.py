"""class Node against the fake peer, over every kind of stream, good and bad."""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiocoap import Code
from aiocoap.message import Message
from hypothesis import given
from hypothesis import strategies as st

from bad_lines import ByteErrors, Late, Lossy, byte_at_a_time
from fake_line import FakeServer, fake_pty, fake_udp
from fake_node import FakeNode
from served import no_leaked_tasks, served
from wasmote.coap import Endpoint, NodeBusy, Timing, Timings, check
from wasmote.errors import Busy, CoapError, DeviceNotFound, NoAnswer, NothingThere, UsageFault
from wasmote.link.connection import LinkState
from wasmote.link.transport import SlipmuxInterface
from wasmote.link.url import parse_link
from wasmote.node import Node
from wasmote.wire.modules import Control, ModuleState
from wasmote.wire.samples import Sample

__all__ = ["no_leaked_tasks"]  # a fixture that every test here gets

IMPATIENT = Timing(0.02, 9)  # bad links lose messages: send them again soon, and often
PATIENT_ENOUGH = Timing(0.02, 4)  # gives up after 0.6 s, more than a busy machine takes for an answer
QUICK = Timings(probe=IMPATIENT, request=IMPATIENT, install=Timing(0.1, 9))
BUNDLE = random.Random(7).randbytes(20_000)


# ---- bad lines: one end-to-end test over all of them -------------------------------------------


LINES = {
    "good": lambda data: [data],
    "bytes": byte_at_a_time,
    "drop": Lossy("drop", 0.15),
    "double": Lossy("double", 0.3),
    "flip": Lossy("flip", 0.15),
    "cut": Lossy("cut", 0.15),
    "insert": Lossy("insert", 0.15),
    "errors": ByteErrors(1e-3),
    "late": Late(0.05),
}


@pytest.mark.parametrize("line", LINES)
async def test_the_whole_job_over_any_line(line):
    fake = FakeNode()
    async with (
        FakeServer(fake, mangle=LINES[line]) as server,
        await Node.connect(server.url, timings=QUICK) as node,
    ):
        assert (await node.info()).board == "fake"
        await node.install(0, BUNDLE)
        assert fake.bundles[0] == BUNDLE
        await node.control(0, Control.START)
        assert (await node.module(0)).state is ModuleState.RUNNING
        await node.feed("river", [Sample(day, (day, 2 * day)) for day in range(40)])
        assert [sample.time_ms for sample in fake.samples] == list(range(40))
        wanted = fake.next_seq
        stored: list[int] = []
        while not stored or stored[-1] < wanted - 1:
            answer = await node.records(0, "features", stored[-1] if stored else None)
            stored += [record.seq for record in answer.records]
        assert stored == sorted(set(stored))


# ---- plain requests ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/" + "a" * 2000, "a part of the path has 2000 bytes"),
        ("/" + "ä" * 128, "a part of the path has 256 bytes"),
        ("/node?" + "a" * 300, "the query has 300 bytes"),
        ("/abcdefg" * 250, r"a request of \d+ bytes, 1999 of them path and query"),
    ],
)
async def test_a_path_that_no_node_would_read_is_refused_before_it_is_sent(path, problem):
    fake = FakeNode()
    async with served(fake) as (_, node):
        with pytest.raises(UsageFault, match=problem):
            await node.request("GET", path)
        with pytest.raises(UsageFault, match=problem):
            await anext(node.observe(path))
        with pytest.raises(UsageFault, match=problem):
            await node.request("PUT", path, b"x" * 1500)
    assert [what for what in fake.requests if what != ("GET", "/node")] == []


async def test_the_longest_request_that_fits_is_sent():
    fake = FakeNode()
    async with served(fake) as (_, node):
        with pytest.raises(CoapError, match=r"4\.04"):
            await node.request("GET", "/abcdefg" * 140)  # 1120 bytes of options and 12 of the header


async def test_over_a_pty():
    fake = FakeNode()
    async with fake_pty(fake) as url, await Node.connect(url) as node:
        assert (await node.info()).unique_id == fake.info.unique_id
        await node.install(0, BUNDLE)
        assert fake.bundles[0] == BUNDLE
        with pytest.raises(Busy, match="another program has it open"):
            await Node.connect(url)


async def test_over_a_unix_socket(tmp_path):
    async with served(FakeNode(), path=str(tmp_path / "node.sock")) as (_, node):
        assert (await node.sensors())[0].channels == ("rain", "flow")


async def test_over_udp():
    fake = FakeNode()
    async with fake_udp(fake) as url, await Node.connect(url) as node:
        await node.install(0, BUNDLE)
        assert fake.bundles[0] == BUNDLE
        async with aclosing(node.watch(0, "features")) as watched:
            await anext(watched)
            fake.emit([2.5])
            assert (await anext(watched)).records[0].values == [2.5]
        await node.info()
        assert fake.observers == {}
        assert node.link_state is LinkState.UP


async def test_nobody_on_the_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(NothingThere, match="nothing answers there"):
        await Node.connect(f"coap://127.0.0.1:{port}")


async def test_waiting_for_a_node_on_udp():
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            fake.silent = False

    fake = FakeNode()
    async with (
        fake_udp(fake) as url,
        await Node.connect(url, timings=Timings(probe=PATIENT_ENOUGH), sleep=sleep) as node,
    ):
        fake.silent = True
        await node.wait_up()
        assert pauses == [0.1, 0.2]


async def test_an_unknown_host():
    with pytest.raises(DeviceNotFound, match="host not found"):
        await Node.connect("coap://wasmote.invalid")


async def test_requests_reach_the_resource():
    fake = FakeNode()
    async with served(fake) as (_, node):
        await node.set_time(datetime(1935, 10, 2, tzinfo=UTC))
        assert fake.time_ms == -12_510 * 86_400_000  # days before 1970
        assert await node.config(0) == {"alpha": 0.5}
        await node.set_config(0, {"alpha": 0.25})
        assert await node.config(0) == {"alpha": 0.25}
        assert [status.state for status in await node.modules()] == [ModuleState.EMPTY] * 2
        await node.install(1, b"bundle")
        await node.control(1, Control.START, {"features": 41})
        assert (await node.module(1)).streams[0].next_seq == 41
        await node.remove(1)
        assert (await node.module(1)).state is ModuleState.EMPTY
        reply = await node.request("get", "text")
        assert (reply.code, reply.payload, reply.content_format) == (Code.CONTENT, b"plain", 0)
    assert ("POST", "/modules/1/control") in fake.requests


async def test_refusals_carry_the_nodes_own_words():
    async with served(FakeNode()) as (_, node):
        with pytest.raises(CoapError, match=r"GET /nothing: 4\.04 Not Found: there is no /nothing") as caught:
            await node.request("GET", "/nothing")
        assert caught.value.code is Code.NOT_FOUND
        assert caught.value.diagnostic == "there is no /nothing"
        with pytest.raises(CoapError, match=r"4\.13 .*larger than 24576 bytes"):
            await node.install(0, bytes(30_000))
        with pytest.raises(UsageFault, match="no time zone"):
            await node.set_time(datetime(2026, 1, 1))  # noqa: DTZ001
        with pytest.raises(UsageFault, match="PATCH is no method"):
            await node.request("PATCH", "/node")


async def test_a_long_answer_is_put_together_from_its_blocks():
    fake = FakeNode(ring_size=200)
    for value in range(150):
        fake.emit([float(value)])
    async with served(fake) as (_, node):
        answer = await node.records(0, "features", None)
        assert [record.values[0] for record in answer.records] == list(range(150))


async def test_lost_records_are_counted():
    fake = FakeNode(ring_size=4)
    for value in range(10):
        fake.emit([float(value)])
    async with served(fake) as (_, node):
        answer = await node.records(0, "features", 2)
        assert (answer.lost, answer.next_seq) == (3, 10)
        assert [record.seq for record in answer.records] == [6, 7, 8, 9]


# ---- upload ------------------------------------------------------------------------------------


async def test_progress_counts_bytes_that_the_node_has():
    fake, steps = FakeNode(), []
    async with served(fake) as (_, node):
        await node.install(0, BUNDLE, lambda done, total: steps.append((done, total)))
    assert steps == [*((1024 * n, 20_000) for n in range(1, 20)), (20_000, 20_000)]


async def test_a_node_that_wants_smaller_blocks_gets_them():
    fake = FakeNode()
    fake.block_szx_max = 2
    async with served(fake) as (_, node):
        await node.install(0, BUNDLE)
    assert fake.bundles[0] == BUNDLE


async def test_an_upload_that_the_node_lost_is_begun_again():
    fake, steps = FakeNode(), []

    def progress(done: int, _: int) -> None:
        steps.append(done)
        if steps == [1024, 2048, 3072]:
            fake.drop_upload()

    async with served(fake) as (_, node):
        await node.install(0, BUNDLE, progress)
    assert fake.bundles[0] == BUNDLE
    assert steps[:5] == [1024, 2048, 3072, 1024, 2048]


def test_another_upload_is_busy():
    with pytest.raises(NodeBusy) as caught:
        check(Message(code=Code.SERVICE_UNAVAILABLE, payload=b"uploading"), "PUT /modules/0")
    assert caught.value.exit_code == Busy.exit_code


# ---- silence -----------------------------------------------------------------------------------


async def test_a_silent_board_is_told_from_a_missing_one():
    fake = FakeNode()
    fake.silent = True
    async with FakeServer(fake) as server:
        with pytest.raises(NoAnswer, match="does not answer") as caught:
            await Node.connect(server.url, timings=Timings(probe=Timing(0.01, 1)))
        assert "one at a time" in caught.value.hint


async def test_a_request_that_gets_no_answer():
    fake = FakeNode()
    async with (
        FakeServer(fake) as server,
        await Node.connect(server.url, timings=Timings(request=PATIENT_ENOUGH)) as node,
    ):
        fake.silent = True
        with pytest.raises(NoAnswer):
            await node.info()
        fake.silent = False
        assert (await node.info()).board == "fake"


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_whatever_arrives_the_transport_survives(datagrams):
    async def run():
        endpoint = Endpoint(parse_link("tcp://localhost:1"))
        slipmux = SlipmuxInterface(endpoint._messages, "fuzz", endpoint.log)
        endpoint._install(slipmux)
        for datagram in datagrams:
            slipmux.received(datagram)
        await endpoint.close()

    asyncio.run(run())


def open_sockets() -> int:
    """How many sockets this process has open."""
    return sum(link.name.isdigit() and stands_for_a_socket(link) for link in Path("/proc/self/fd").iterdir())


def stands_for_a_socket(link: Path) -> bool:
    try:
        return str(link.readlink()).startswith("socket:")
    except FileNotFoundError:  # the one that iterdir() had
        return False


async def test_a_connection_that_is_given_up_leaves_no_socket():
    before = open_sockets()
    for turns in range(12):
        connecting = asyncio.create_task(Node.connect("coap://localhost:1", probe=False))
        for _ in range(turns):
            await asyncio.sleep(0)
        connecting.cancel()
        (outcome,) = await asyncio.gather(connecting, return_exceptions=True)
        if isinstance(outcome, Node):
            await outcome.close()
    await asyncio.sleep(0)  # a transport closes its socket a turn later
    assert open_sockets() == before
