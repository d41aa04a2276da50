"""The boards' self-test program (check.c) on each board that can be had here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from check import IMAGES, Check, image_of
from wasmote.sim import Simulator


@pytest.fixture(params=IMAGES)
def board(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def check(board: str) -> AsyncIterator[Check]:
    async with (
        await Simulator.start(board, instance=7, image=image_of(board)) as simulator,
        await Check.connect(simulator) as connected,
    ):
        yield connected


@pytest.fixture(params=[board for board in IMAGES if board != "native"])
def emulated(request: pytest.FixtureRequest) -> str:
    """A board whose core is emulated."""
    return str(request.param)


@pytest.fixture(params=[board for board in IMAGES if board not in ("native", "esp32c3-devkitm")])
def in_qemu(request: pytest.FixtureRequest) -> str:
    """A board in QEMU, which can count instructions as time."""
    return str(request.param)


@pytest_asyncio.fixture
async def emulated_check(emulated: str) -> AsyncIterator[Check]:
    async with (
        await Simulator.start(emulated, image=image_of(emulated)) as simulator,
        await Check.connect(simulator) as connected,
    ):
        yield connected
