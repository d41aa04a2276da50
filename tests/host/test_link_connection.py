"""The state machine that keeps a link open, on a fake clock and a port of ours."""

from __future__ import annotations

import asyncio

import pytest

from wasmote.errors import DeviceNotFound, LinkDown
from wasmote.link.connection import BACKOFF_MAX_S, Connection, LinkState
from wasmote.link.slipmux import CoapFrame, DiagnosticFrame
from wasmote.link.url import SerialLink

LINK = SerialLink("/dev/fake")


class FakeTransport(asyncio.Transport):
    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.protocol = protocol
        self.written = b""
        self.open = True

    def write(self, data: bytes) -> None:
        self.written += data

    def lose(self, cause: Exception | None) -> None:
        if self.open:
            self.open = False
            self.protocol.connection_lost(cause)

    def close(self) -> None:
        asyncio.get_running_loop().call_soon(self.lose, None)

    abort = close


class FakePort:
    """Opens, or fails to, as often as it is told; sleeps are only written down."""

    def __init__(self) -> None:
        self.transports: list[FakeTransport] = []
        self.present = True
        self.sleeps: list[float] = []
        self.attempts = 0
        self.returns_after: int | None = None  # attempts after which the port is there again

    async def open(self, link, factory):
        self.attempts += 1
        if self.returns_after is not None and self.attempts >= self.returns_after:
            self.present = True
        if not self.present:
            raise DeviceNotFound(f"{link}: there is no such port")
        self.transports.append(FakeTransport(factory()))
        return self.transports[-1]

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        await asyncio.sleep(0)


async def connected(port: FakePort, received=None, diagnostics=None) -> Connection:
    take = (received if received is not None else []).append
    tell = (diagnostics if diagnostics is not None else []).append
    connection = Connection(LINK, take, tell, opener=port.open, sleep=port.sleep)
    await connection.open()
    return connection


async def test_the_first_opening_fails_at_once_and_for_good():
    port = FakePort()
    port.present = False
    connection = Connection(LINK, lambda _: None, opener=port.open, sleep=port.sleep)
    with pytest.raises(DeviceNotFound):
        await connection.open()
    assert connection.state is LinkState.CLOSED
    assert port.sleeps == []
    await connection.close()


async def test_frames_go_both_ways():
    port, received, diagnostics = FakePort(), [], []
    connection = await connected(port, received, diagnostics)
    connection.send(b"out")
    assert port.transports[0].written == CoapFrame(b"out").to_bytes()
    protocol = port.transports[0].protocol
    protocol.data_received(CoapFrame(b"in").to_bytes() + DiagnosticFrame("hello").to_bytes())
    assert (received, diagnostics) == ([b"in"], ["hello"])
    await connection.close()
    assert connection.state is LinkState.CLOSED
    with pytest.raises(LinkDown, match="closed"):
        connection.send(b"late")


async def test_a_broken_link_is_tried_for_ever_with_growing_pauses():
    port = FakePort()
    connection = await connected(port)
    states = []
    connection.subscribe(states.append)
    port.present, port.returns_after = False, 1 + 130  # an hour of them
    port.transports[0].lose(OSError("unplugged"))
    await connection.wait_for(LinkState.WAITING)
    with pytest.raises(LinkDown, match="the link is down"):
        connection.send(b"x")
    await connection.wait_for(LinkState.UP)
    assert port.sleeps[:9] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6]
    assert set(port.sleeps[9:]) == {BACKOFF_MAX_S}
    assert sum(port.sleeps) > 3600
    assert states[:3] == [LinkState.WAITING, LinkState.OPENING, LinkState.WAITING]
    assert states[-2:] == [LinkState.OPENING, LinkState.UP]
    await connection.close()


async def test_the_pauses_start_anew_only_after_something_was_received():
    port = FakePort()
    connection = await connected(port)
    for cycle in range(3):
        port.transports[cycle].lose(None)
        await connection.wait_for(LinkState.WAITING)
        await connection.wait_for(LinkState.UP)
    assert port.sleeps == [0.1, 0.2, 0.4]  # opens, and breaks again at once
    port.transports[3].protocol.data_received(CoapFrame(b"life").to_bytes())
    port.transports[3].lose(None)
    await connection.wait_for(LinkState.WAITING)
    await connection.wait_for(LinkState.UP)
    assert port.sleeps[-1] == 0.1
    await connection.close()


async def test_half_a_frame_before_the_break_does_not_spoil_the_next_one():
    port, received = FakePort(), []
    connection = await connected(port, received)
    port.transports[0].protocol.data_received(CoapFrame(b"first").to_bytes()[:-3])
    port.transports[0].lose(None)
    await connection.wait_for(LinkState.WAITING)
    await connection.wait_for(LinkState.UP)
    port.transports[1].protocol.data_received(CoapFrame(b"second").to_bytes())
    assert received == [b"second"]
    await connection.close()


async def test_closing_while_waiting_ends_the_tries():
    port = FakePort()
    connection = await connected(port)
    port.present = False
    port.transports[0].lose(OSError("unplugged"))
    await connection.wait_for(LinkState.WAITING)
    await connection.close()
    attempts = port.attempts
    await asyncio.sleep(0)
    assert (port.attempts, connection.state) == (attempts, LinkState.CLOSED)
