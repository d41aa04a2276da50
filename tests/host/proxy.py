"""A proxy between a client and a board's serial line, which a test can make bad, or cut."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiocoap.message import Message

from fake_line import Mangle
from wasmote.link.ports import open_port
from wasmote.link.slipmux import CoapFrame, SlipmuxDecoder
from wasmote.link.url import StreamLink

END = b"\xc0"  # of a SLIP frame (RFC 1055)


class _Side(asyncio.Protocol):
    """One of the two connections; `other` gets what it receives."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment] # serial ports and sockets both write
        self._proxy.connected(self)

    def data_received(self, data: bytes) -> None:
        self._proxy.pass_on(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None


class Proxy:
    """Holds the board's line open; clients come and go. `mangle` is what happens to whole frames.

    `requests` are the CoAP messages that clients sent, as they left them. `cut_before` holds how many of them
    pass before the client's connection is cut, once each, with half of the next one on its way.
    """

    def __init__(self, board: StreamLink, path: Path, mangle: Mangle = lambda data: [data]) -> None:
        self.url = f"unix:{path}"
        self.requests: list[Message] = []
        self.cut_before: set[int] = set()
        self._path = path
        self._link = board
        self.mangle = mangle
        self._decoder = SlipmuxDecoder()
        self._rest: dict[_Side, bytes] = {}  # of a frame that has not ended: QEMU sends byte by byte
        self._board: _Side | None = None
        self._client: _Side | None = None
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Proxy:
        self._board = _Side(self)
        await open_port(self._link, lambda: self._board)  # type: ignore[arg-type,return-value]
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Side(self), self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for side in (self._client, self._board):
            if side is not None and side.transport is not None:
                side.transport.abort()
        await self._server.wait_closed()

    def connected(self, side: _Side) -> None:
        if side is not self._board:
            self._client = side

    def pass_on(self, source: _Side, data: bytes) -> None:
        if source is self._client:
            frames = self._decoder.feed(data)
            self.requests += [Message.decode(f.message) for f in frames if isinstance(f, CoapFrame)]
            if len(self.requests) - 1 in self.cut_before:
                self.cut_before.remove(len(self.requests) - 1)
                self._write(self._board, data[: len(data) // 2])
                self.cut()
                return
        target = self._board if source is self._client else self._client
        whole, end, rest = (self._rest.pop(source, b"") + data).rpartition(END)
        self._rest[source] = rest
        for chunk in self.mangle(whole + end) if end else []:
            self._write(target, chunk)

    def cut(self) -> None:
        assert self._client is not None
        self._rest.clear()
        if self._client.transport is not None:
            self._client.transport.abort()
        self._decoder = SlipmuxDecoder()

    def _write(self, side: _Side | None, data: bytes) -> None:
        if side is not None and side.transport is not None:
            side.transport.write(data)
