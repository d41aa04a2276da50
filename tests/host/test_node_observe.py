"""Observations of the fake peer: every notification arrives, and every way out deregisters or says why."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from fake_line import FakeServer, fake_udp
from fake_node import FakeNode
from served import no_leaked_tasks, served
from wasmote.coap import Timing, Timings
from wasmote.errors import CoapError, LinkDown
from wasmote.link.connection import LinkState
from wasmote.node import Node
from wasmote.observation import Freshness, NotObserved

__all__ = ["no_leaked_tasks"]  # a fixture that every test here gets


async def test_every_notification_arrives_and_leaving_deregisters():
    fake = FakeNode()
    async with served(fake) as (_, node):
        async with aclosing(node.watch(0, "features")) as watched:
            assert (await anext(watched)).records == ()
            for value in range(100):  # with three confirmable ones among them
                fake.emit([float(value)])
                answer = await anext(watched)
                assert answer.records[0].values[0] == value
            assert len(fake.observers) == 1
        await node.info()  # the deregistration went out before it
        assert fake.observers == {}


async def test_a_burst_is_queued():
    fake = FakeNode()
    async with served(fake) as (_, node), aclosing(node.watch(0, "features")) as watched:
        await anext(watched)
        for value in range(50):
            fake.emit([float(value)])
        assert [(await anext(watched)).records[0].seq for _ in range(50)] == list(range(50))


async def test_a_cancelled_watcher_deregisters():
    fake = FakeNode()
    async with served(fake) as (_, node):
        registered = asyncio.Event()

        async def watch():
            async with aclosing(node.watch(0, "features")) as watched:
                async for _ in watched:
                    registered.set()

        task = asyncio.create_task(watch())
        await registered.wait()
        task.cancel()
        await asyncio.wait([task])
        await node.info()
        assert fake.observers == {}


async def test_a_broken_link_ends_observations_and_requests_at_once_and_comes_back():
    fake = FakeNode()
    async with served(fake) as (server, node):
        watched = node.watch(0, "features")
        await anext(watched)
        fake.silent = True
        pending = asyncio.create_task(node.info())
        await asyncio.sleep(0)
        server.cut()
        with pytest.raises(LinkDown):
            await anext(watched)
        with pytest.raises(LinkDown):
            await pending
        with pytest.raises(LinkDown, match="the link is down"):
            await node.info()
        fake.silent = False
        fake.reboot(b"new!")
        await node.wait_up()
        assert (await node.info()).boot_id == b"new!"
        assert node.link_state is LinkState.UP


async def test_the_end_of_a_stream_ends_the_observation():
    fake = FakeNode()
    async with served(fake) as (_, node):
        watched = node.watch(0, "features")
        await anext(watched)
        fake.gone("/out/0/features")
        with pytest.raises(CoapError, match=r"4\.04 Not Found: module removed"):
            await anext(watched)


async def test_a_full_observer_table_is_told():
    fake, pauses = FakeNode(observers_max=0), []

    async def sleep(pause: float) -> None:
        pauses.append(pause)

    fake.emit([1.0])
    async with (
        FakeServer(fake) as server,
        await Node.connect(server.url, sleep=sleep) as node,
        aclosing(node.watch(0, "features")) as watched,
    ):
        assert (await anext(watched)).records[0].seq == 0
        with pytest.raises(NotObserved, match="does not notify"):
            await anext(watched)
    assert pauses == sorted(pauses)
    assert 93 + 30 < sum(pauses) < 180  # the node's time-out, and for how long it believes an answer
    assert fake.requests.count(("GET", "/out/0/features")) == 1 + len(pauses)


async def test_a_place_that_becomes_free_is_taken():
    fake, pauses = FakeNode(observers_max=0), []

    async def sleep(pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == 3:
            fake.observers_max = 8
            fake.emit([2.0])

    fake.emit([1.0])
    async with (
        FakeServer(fake) as server,
        await Node.connect(server.url, sleep=sleep) as node,
        aclosing(node.watch(0, "features")) as watched,
    ):
        assert (await anext(watched)).records[0].seq == 0
        assert (await anext(watched)).records[0].seq == 1  # the answers to the tries before are not shown
        assert len(fake.observers) == 1


async def test_what_is_never_notified_is_not_asked_for_again():
    fake = FakeNode()
    async with served(fake) as (_, node), aclosing(node.observe("/text")) as replies:
        assert (await anext(replies)).payload == b"plain"
        with pytest.raises(NotObserved, match="does not notify"):
            await anext(replies)
    assert fake.requests.count(("GET", "/text")) == 1


async def test_an_unknown_stream_is_refused():
    async with served(FakeNode()) as (_, node):
        with pytest.raises(CoapError, match=r"observe /out/1/none: 4\.04"):
            await anext(node.watch(1, "none"))


async def test_a_silent_observation_is_renewed_after_max_age(monkeypatch):
    monkeypatch.setattr("wasmote.observation.MAX_AGE_DEFAULT_S", 0.01)
    monkeypatch.setattr("wasmote.observation.MAX_AGE_MIN_S", 0.01)
    fake = FakeNode()
    async with served(fake) as (_, node), aclosing(node.watch(0, "features")) as watched:
        await anext(watched)
        (token,) = fake.observers
        fake.reboot(b"new!")  # on a UART nothing tells us: the node has just forgotten us
        while (await anext(watched)).boot_id != b"new!":
            pass
        assert list(fake.observers) == [token]


class Requests(list[tuple[str, str]]):
    """What a node was asked; `enough` once it was asked how it is so many times."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count
        self.enough = asyncio.Event()

    def append(self, request: tuple[str, str]) -> None:
        super().append(request)
        if self.count(("GET", "/node")) == self._count:
            self.enough.set()


SOON = Timings(alive=Timing(0.02, 4))


async def test_a_node_that_died_is_noticed_without_news_of_it(monkeypatch):
    """Over UDP nothing breaks when a board loses its power."""
    monkeypatch.setattr("wasmote.observation.SILENCE_S", 0.01)
    fake = FakeNode()
    async with fake_udp(fake) as url, await Node.connect(url, timings=SOON) as node:
        watched = node.watch(0, "features")
        await anext(watched)
        fake.silent = True
        with pytest.raises(LinkDown, match="the node does not answer"):
            await anext(watched)
        fake.silent = False
        fake.reboot(b"new!")
        await node.wait_up()
        async with aclosing(node.watch(0, "features")) as again:
            assert (await anext(again)).boot_id == b"new!"


async def test_a_node_that_was_restarted_meanwhile_is_noticed(monkeypatch):
    monkeypatch.setattr("wasmote.observation.SILENCE_S", 0.01)
    fake = FakeNode()
    fake.requests = Requests(3)  # connecting asks once
    async with fake_udp(fake) as url, await Node.connect(url) as node:
        watched = node.watch(0, "features")
        await anext(watched)
        waiting = asyncio.create_task(anext(watched))
        await fake.requests.enough.wait()
        fake.reboot(b"new!")
        with pytest.raises(LinkDown, match="the node was restarted"):
            await waiting


async def test_observations_of_one_node_ask_it_together():
    fake = FakeNode()
    async with served(fake) as (_, node):
        endpoint = node._endpoint
        first = await asyncio.gather(*(endpoint.ask_boot_id(60.0) for _ in range(8)))
        assert first == [b"boot"] * 8
        assert fake.requests.count(("GET", "/node")) == 2  # connecting asks once
        fake.reboot(b"new!")
        assert await endpoint.ask_boot_id(60.0) == b"boot"
        assert await endpoint.ask_boot_id(-1.0) == b"new!"


async def test_a_quiet_node_that_is_there_is_waited_for(monkeypatch):
    monkeypatch.setattr("wasmote.observation.SILENCE_S", 0.01)
    fake = FakeNode()
    fake.requests = Requests(4)
    async with served(fake) as (_, node), aclosing(node.watch(0, "features")) as watched:
        await anext(watched)
        waiting = asyncio.create_task(anext(watched))
        await fake.requests.enough.wait()
        fake.emit([5.0])
        assert (await waiting).records[0].values[0] == 5.0


async def test_a_long_notification_is_fetched_whole():
    fake = FakeNode()
    async with served(fake) as (_, node), aclosing(node.observe("/log")) as lines:
        await anext(lines)
        fake.say("x" * 3000)
        assert b"x" * 3000 in (await anext(lines)).payload


async def test_closing_the_node_ends_a_watch():
    fake = FakeNode()
    async with FakeServer(fake) as server:
        node = await Node.connect(server.url)
        watched = node.watch(0, "features")
        await anext(watched)
        await node.close()
        with pytest.raises(LinkDown, match="closed"):
            await anext(watched)
        with pytest.raises(LinkDown, match="closed"):
            await node.info()
        await server.line.closed.wait()
        assert fake.observers == {}


def test_freshness():
    fresh = Freshness()
    assert fresh.is_newer(10, 0.0)
    assert not fresh.is_newer(9, 1.0)
    assert not fresh.is_newer(10, 1.0)
    assert fresh.is_newer(2**23 + 9, 1.0)
    assert fresh.is_newer(5, 2.0)  # the 24-bit number has wrapped
    assert fresh.is_newer(4, 2.0 + 129)
