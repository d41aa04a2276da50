"""Observers that die without a word: on a serial line all of them are the same peer to the node."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from on_board import probe, run_module
from wasmote.coap import Endpoint
from wasmote.link.url import parse_link
from wasmote.node import Node
from wasmote.observation import Observation
from wasmote.sim import Simulator

PLACES = 8  # COAP_OBSERVERS_MAX
PATIENCE_S = 120  # for a board that hangs


async def observe_and_die(url: str) -> None:
    """Do what `wasmote observe` does, and end as if killed."""
    endpoint = Endpoint(parse_link(url))
    await endpoint.open()
    observation = Observation(endpoint, "/out/0/count")
    await observation.__aenter__()
    await observation.next()
    endpoint.at_close.clear()
    await endpoint.close()


async def test_eight_dead_observers_of_a_quiet_stream_make_room(simulator: Simulator) -> None:
    url = simulator.serial_url or simulator.url
    async with await Node.connect(url) as node:
        await run_module(node, "counter")
    for _ in range(PLACES):
        await observe_and_die(url)
    async with await Node.connect(url) as node, aclosing(node.watch(0, "count")) as watched:
        assert (await anext(watched)).records == ()
        notified = asyncio.create_task(anext(watched))
        await node.feed("probe", probe(0.5))
        async with asyncio.timeout(PATIENCE_S):
            assert [record.seq for record in (await notified).records] == [0]
