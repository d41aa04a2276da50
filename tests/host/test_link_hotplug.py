"""A serial port that disappears and comes back under another number, on real pseudo-terminals."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator

import pytest
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from fake_line import fake_pty
from fake_node import FakeNode
from served import no_leaked_tasks
from wasmote.errors import DeviceNotFound
from wasmote.link.connection import LinkState
from wasmote.link.ports import find_port
from wasmote.link.url import UsbSerialLink, parse_link
from wasmote.node import Node

__all__ = ["no_leaked_tasks"]  # a fixture that every test here gets


async def at_once(_: float) -> None:
    """Stands in for the pauses between tries to open a link."""
    await asyncio.sleep(0)


@contextlib.contextmanager
def number_taken() -> Iterator[None]:
    """Take the lowest number that is free, so that what is plugged in next gets another one."""
    ends = os.openpty()
    try:
        yield
    finally:
        for end in ends:
            os.close(end)


def usb_port(device: str, serial_number: str, location: str = "1-1:1.0") -> ListPortInfo:
    port = ListPortInfo(device)
    port.serial_number, port.location = serial_number, location
    return port


async def plug_in_again(plug, url: str) -> None:
    """Use a board, pull its plug, put it into another one, and use it on."""
    fake = FakeNode()
    async with contextlib.AsyncExitStack() as stack:
        async with fake_pty(fake) as first:
            plug(parse_link(first).path)
            node = await stack.enter_async_context(await Node.connect(url, sleep=at_once))
            assert (await node.info()).board == "fake"
            plug(None)
        lost = asyncio.Event()
        node.on_link_change(lambda state: lost.set() if state is LinkState.WAITING else None)
        if node.link_state is LinkState.UP:
            await lost.wait()
        stack.enter_context(number_taken())
        second = await stack.enter_async_context(fake_pty(fake))
        assert second != first
        plug(parse_link(second).path)
        await node.wait_up()
        assert (await node.info()).board == "fake"
        await node.close()


async def test_by_the_path_that_udev_keeps_for_a_device(tmp_path):
    by_id = tmp_path / "usb-wasmote-if00"

    def plug(path: str | None) -> None:
        by_id.unlink(missing_ok=True)
        if path is not None:
            by_id.symlink_to(path)

    await plug_in_again(plug, f"serial://{by_id}")


async def test_by_its_serial_number(monkeypatch):
    ports: list[ListPortInfo] = []
    monkeypatch.setattr(list_ports, "comports", lambda: ports)

    def plug(path: str | None) -> None:
        ports[:] = [usb_port(path, "A1")] if path is not None else []

    await plug_in_again(plug, "serial:id=A1")


def test_of_several_ports_of_a_device_the_first_interface_is_taken(monkeypatch):
    ports = [usb_port("/dev/ttyACM1", "A1", "1-1:1.0"), usb_port("/dev/ttyACM0", "A1", "1-1:1.2")]
    monkeypatch.setattr(list_ports, "comports", lambda: [*ports, ListPortInfo("/dev/ttyS0")])
    assert find_port(UsbSerialLink("A1", 9600)).path == "/dev/ttyACM1"
    with pytest.raises(DeviceNotFound, match="no USB device with this serial number") as caught:
        find_port(UsbSerialLink("B2"))
    assert "A1 (/dev/ttyACM1)" in caught.value.hint
    assert "ttyS0" not in caught.value.hint
