"""What the tests of Node share: a connected pair, and a check that nothing is left running."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from fake_line import FakeServer
from fake_node import FakeNode
from wasmote.node import Node


@pytest.fixture(autouse=True)
async def no_leaked_tasks():
    before = asyncio.all_tasks()
    yield
    for _ in range(5):
        await asyncio.sleep(0)
    leaked = {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}
    assert not leaked


@contextlib.asynccontextmanager
async def served(fake: FakeNode, **options):
    async with FakeServer(fake, **options) as server, await Node.connect(server.url) as node:
        yield server, node
