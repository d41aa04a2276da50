"""`wasmote flash --over-link`: which boards it is for, and what is said where it stops on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from click.testing import CliRunner

import fake_node
from fake_node import FakeNode
from served import served
from wasmote.cli import main
from wasmote.devices import Device
from wasmote.errors import NoAnswer, UsageFault, VerificationRefused
from wasmote.flash import an3155, over_link
from wasmote.flash.board import FlashBoard
from wasmote.flash.choose import Way
from wasmote.flash.images import read_boards
from wasmote.flash.over_link import Running, require_kept, way_over_link, write_over_link
from wasmote.flash.plan import Plan
from wasmote.flash.runner import FlashFault
from wasmote.wire.modules import ModuleState, ModuleStatus

BOARDS = read_boards()
LINK = "serial:///dev/ttyUSB0"
INFO = replace(
    fake_node.INFO,
    board="stm32f411-blackpill",
    cpu="cortex-m4f",
    unique_id=b"id",
    development=False,
    key_ids=(b"12345678",),
)
FLOOD = ModuleStatus(0, ModuleState.RUNNING, name="flood", version="1.0.0", digest=bytes(32))
RUNNING = Running(INFO, [FLOOD, ModuleStatus(1, ModuleState.EMPTY)])


def way(board: str, link: str = LINK, *plugged: Device) -> Way:
    return way_over_link(BOARDS, Running(replace(INFO, board=board), []), link, plugged)


def test_the_port_is_that_of_the_link() -> None:
    assert way("esp32c3-devkitm").runner.name == "esptool"
    found = way("stm32f411-blackpill", "serial:id=36", Device(None, port="/dev/ttyUSB7", serial_number="36"))
    assert (found.runner.name, found.device.port) == ("an3155", "/dev/ttyUSB7")
    assert found.options == "stm32f411-blackpill --runner an3155 --port /dev/ttyUSB7"


@pytest.mark.parametrize(
    ("board", "link", "words"),
    [
        ("netduinoplus2", LINK, "listens on its link, the UART that sends on PB6 and receives on PB7"),
        ("stm32f4-discovery", LINK, "listens on its link, the UART that sends on PA2"),
        ("nucleo-f446re", LINK, "pyocd: plug in"),
        ("native", LINK, "is not flashed but simulated"),
        ("another", LINK, "no image for another"),
        ("esp32c3-devkitm", "tcp://127.0.0.1:1", "through a serial port"),
        ("esp32c3-devkitm", "serial:id=1", "through a serial port"),
    ],
)
def test_boards_and_links_that_it_is_not_for(board: str, link: str, words: str) -> None:
    with pytest.raises(UsageFault) as fault:
        way(board, link)
    assert words in str(fault.value)


@pytest.fixture
def silent_port() -> Iterator[str]:
    """A terminal behind which nobody is."""
    controller, terminal = os.openpty()
    yield os.ttyname(terminal)
    os.close(controller)
    os.close(terminal)


def plan(board: FlashBoard) -> Plan:
    return Plan(board, (), ())


def test_a_loader_that_does_not_answer(silent_port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_link, "LOADER_TIMEOUT_S", 0.0)
    monkeypatch.setattr(an3155, "ANSWER_TIMEOUT_S", 0.01)
    meant = way("stm32f411-blackpill", f"serial://{silent_port}")
    with pytest.raises(NoAnswer) as fault:
        write_over_link(meant, plan(meant.board), lambda _: None, lambda _: None)
    assert "nothing in its flash was changed" in fault.value.hint
    assert f"wasmote flash stm32f411-blackpill --runner an3155 --port {silent_port}" in fault.value.hint


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (replace(RUNNING, info=replace(INFO, key_ids=())), "other keys"),
        (
            replace(RUNNING, modules=[replace(FLOOD, state=ModuleState.QUARANTINED)]),
            "now flood is quarantined",
        ),
        (replace(RUNNING, modules=[ModuleStatus(0, ModuleState.EMPTY)]), "now nothing is empty"),
    ],
)
def test_what_was_not_kept_is_said(after: Running, words: str) -> None:
    require_kept(LINK, RUNNING, RUNNING)
    with pytest.raises(FlashFault, match=words):
        require_kept(LINK, RUNNING, after)


def test_options_that_do_not_go_with_it() -> None:
    result = CliRunner().invoke(main, ["flash", "--over-link", "--link", LINK, "--key", "0" * 64])
    assert result.exit_code == UsageFault.exit_code
    assert "keeps the board's keys" in result.stderr
    assert CliRunner().invoke(main, ["flash", "--over-link"]).exit_code == UsageFault.exit_code


async def test_a_board_that_is_not_the_one_that_was_asked() -> None:
    async with served(FakeNode()) as (server, node):
        await node.close()
        with pytest.raises(VerificationRefused, match="another board answers"):
            await over_link.send_to_loader(server.url, RUNNING, None)
