"""Every end-to-end test runs on each board that can be had here.

`native` is the build with AddressSanitizer and UndefinedBehaviorSanitizer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from wasmote.node import Node
from wasmote.sim import ROOT, Simulator

BOARDS = ("native", "netduinoplus2")
SANITIZED = ROOT / "build" / "native-asan" / "firmware.elf"


def image_of(board: str) -> Path | None:
    return SANITIZED if board == "native" else None


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def simulator(board: str) -> AsyncIterator[Simulator]:
    async with await Simulator.start(board, image=image_of(board)) as running:
        yield running


@pytest_asyncio.fixture
async def node(simulator: Simulator) -> AsyncIterator[Node]:
    async with await Node.connect(simulator.url) as connected:
        yield connected
