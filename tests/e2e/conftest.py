"""Every end-to-end test runs on each board that can be had: emulated ones, or those of a rig (--rig).

`native` is the build with AddressSanitizer and UndefinedBehaviorSanitizer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio

from hil.rig import RigBoard, empty_slots, load_rig
from installed import install
from on_board import SANITIZED
from wasmote.node import Node
from wasmote.sim import Simulator

EMULATED = ("native", "netduinoplus2")
CORES = ("netduino2", "qemu-rv32", "esp32c3-devkitm")  # other cores: worth what a module may notice
# These run the code of one above: they are worth a few tests only.
SIBLINGS = ("nucleo-f446re", "stm32f411-blackpill", "stm32f4-discovery")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rig", type=Path, help="TOML file of real boards to run on: see hil/README.md")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cores: runs on a board of every core")
    config.addinivalue_line("markers", "siblings: runs on the boards too whose family another one stands for")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `place` on every board."""
    if "place" in metafunc.fixturenames:
        rig: Path | None = metafunc.config.getoption("--rig")
        also = {"cores": CORES, "siblings": SIBLINGS}
        marked = [boards for mark, boards in also.items() if metafunc.definition.get_closest_marker(mark)]
        emulated = EMULATED + sum(marked, ())
        places: tuple[str | RigBoard, ...] = load_rig(rig) if rig else emulated
        names = [place if isinstance(place, str) else place.name for place in places]
        metafunc.parametrize("place", places, ids=names)


@pytest.fixture(scope="session")
def wasmote(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a fresh environment, with the fresh wheel in it."""
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def board(place: str | RigBoard) -> str:
    """What the board is: a folder in boards/."""
    return place if isinstance(place, str) else place.board


@pytest_asyncio.fixture
async def emulated(place: str | RigBoard) -> AsyncIterator[Simulator | None]:
    """The emulated board of this test; None on a rig."""
    if isinstance(place, RigBoard):
        yield None
    else:
        image = SANITIZED if place == "native" else None
        async with await Simulator.start(place, image=image) as running:
            yield running


@pytest.fixture
def simulator(emulated: Simulator | None) -> Simulator:
    """A board whose power can be cut."""
    if emulated is None:
        pytest.skip("a rig cannot switch the power of its boards")
    return emulated


@pytest_asyncio.fixture
async def node(place: str | RigBoard, emulated: Simulator | None) -> AsyncIterator[Node]:
    """A connected node with empty slots."""
    link = place.link if isinstance(place, RigBoard) else cast("Simulator", emulated).url
    async with await Node.connect(link) as connected:
        if emulated is None:
            await empty_slots(connected)
        yield connected
        if emulated is None:
            await empty_slots(connected)
