"""The boards' self-test program (check.c) on each board that can be had here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from check import Check, image_of
from wasmote.sim import Simulator

BOARDS = ("native", "netduinoplus2")


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def check(board: str) -> AsyncIterator[Check]:
    async with (
        await Simulator.start(board, instance=7, image=image_of(board)) as simulator,
        await Check.connect(simulator) as connected,
    ):
        yield connected


@pytest_asyncio.fixture
async def qemu() -> AsyncIterator[Check]:
    async with (
        await Simulator.start("netduinoplus2", image=image_of("netduinoplus2")) as simulator,
        await Check.connect(simulator) as connected,
    ):
        yield connected
