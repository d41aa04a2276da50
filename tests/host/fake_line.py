"""The serial line of a fake node: slipmux over TCP, a Unix socket or a pty, as bad as a test wants it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import AsyncIterator, Callable

from fake_node import FakeNode
from wasmote.link.slipmux import CoapFrame, DiagnosticFrame, SlipmuxDecoder

Mangle = Callable[[bytes], list[bytes]]


class FakeLine(asyncio.Protocol):
    """The node's UART, as one client sees it. `mangle` is what the line does to each chunk of bytes."""

    def __init__(self, node: FakeNode, mangle: Mangle, on_connect: Callable[[], None] = lambda: None) -> None:
        self._node = node
        self._mangle = mangle
        self._on_connect = on_connect
        self._decoder = SlipmuxDecoder()
        self.transport: asyncio.WriteTransport | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.WriteTransport):
            return  # the reading end of a pty: the writing one follows
        self.transport = transport
        self._node.send = self.send
        self._on_connect()

    def data_received(self, data: bytes) -> None:
        for chunk in self._mangle(data):
            for frame in self._decoder.feed(chunk):
                if isinstance(frame, CoapFrame):
                    self._node.receive(frame.message)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._node.send == self.send:
            self._node.send = None
        self.closed.set()

    def send(self, datagram: bytes) -> None:
        self.write(CoapFrame(datagram).to_bytes())

    def diagnostic(self, text: str) -> None:
        self.write(DiagnosticFrame(text).to_bytes())

    def write(self, data: bytes) -> None:
        assert self.transport is not None
        for chunk in self._mangle(data):
            self.transport.write(chunk)


class FakeServer:
    """A node on a TCP or Unix socket, as an emulator offers its UART. Can be cut and brought back."""

    def __init__(
        self,
        node: FakeNode,
        mangle: Mangle = lambda data: [data],
        path: str | None = None,
        on_connect: Callable[[], None] = lambda: None,
    ) -> None:
        self.node = node
        self.lines: list[FakeLine] = []
        self._mangle = mangle
        self._path = path
        self._on_connect = on_connect
        self._port = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"unix:{self._path}" if self._path else f"tcp://127.0.0.1:{self._port}"

    @property
    def line(self) -> FakeLine:
        return self.lines[-1]

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        if self._path:
            self._server = await loop.create_unix_server(self._accept, self._path)
        else:
            self._server = await loop.create_server(self._accept, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    def _accept(self) -> FakeLine:
        self.lines.append(FakeLine(self.node, self._mangle, self._on_connect))
        return self.lines[-1]

    def cut(self) -> None:
        for line in self.lines:
            if line.transport is not None:
                line.transport.abort()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    async def __aenter__(self) -> FakeServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


@contextlib.asynccontextmanager
async def fake_pty(node: FakeNode, mangle: Mangle = lambda data: [data]) -> AsyncIterator[str]:
    """A node on a pseudo-terminal; yields the link URL of the other end."""
    controller, terminal = os.openpty()
    tty.setraw(terminal)
    path = os.ttyname(terminal)
    loop = asyncio.get_running_loop()
    line = FakeLine(node, mangle)
    read_end = os.fdopen(controller, "rb", 0, closefd=False)
    write_end = os.fdopen(os.dup(controller), "wb", 0)
    reader, _ = await loop.connect_read_pipe(lambda: line, read_end)
    writer, _ = await loop.connect_write_pipe(asyncio.Protocol, write_end)
    line.connection_made(writer)
    try:
        yield f"serial://{path}"
    finally:
        writer.abort()
        reader.close()
        await asyncio.sleep(0)  # the transports close their files in the next turn of the loop
        os.close(controller)
        os.close(terminal)


class _UdpLine(asyncio.DatagramProtocol):
    """A node on UDP: answers go to whoever asked last."""

    def __init__(self, node: FakeNode) -> None:
        self._node = node
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        transport = self._transport
        assert transport is not None
        self._node.send = lambda datagram: transport.sendto(datagram, addr)
        self._node.receive(data)


@contextlib.asynccontextmanager
async def fake_udp(node: FakeNode) -> AsyncIterator[str]:
    """A node on UDP; yields its link URL."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _UdpLine(node), ("127.0.0.1", 0))
    try:
        yield f"coap://127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()
