"""The servers: our board with the plugtests' resources, aiocoap's, libcoap's `coap-server`."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiocoap import Context

from peers.aiocoap_client import AiocoapClient
from peers.peer import Ask, CannotDo
from peers.plugtest_site import LARGE, make_site
from peers.tap import udp_socket
from wasmote.sim import ROOT, Simulator

IMAGE = ROOT / "build" / "native-asan" / "plugtest.elf"
LIBCOAP = "coap-server-notls"


def free_port() -> int:
    """Return a UDP port that nobody uses now."""
    with udp_socket() as sock:
        port: int = sock.getsockname()[1]
    return port


class Board:
    """plugtest.c on the native board, with sanitizers."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self.port = int(simulator.url.rpartition(":")[2])

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator[Board]:
        """Run a board."""
        async with await Simulator.start("native", image=IMAGE) as simulator:
            yield cls(simulator)

    def path(self, name: str) -> str:
        """See `Server`."""
        return name

    async def skip(self, seconds: float) -> None:
        """See `Server`: the board's clock jumps."""
        async with AiocoapClient.connect(self.port) as client:
            await client.ask(Ask("POST", "clock", payload=str(round(seconds * 1000)).encode()))

    async def restart(self) -> None:
        """See `Server`: a power cut."""
        await self._simulator.kill()
        await self._simulator.restart()


class AiocoapServer:
    """aiocoap's server, in this process."""

    def __init__(self, port: int, context: Context) -> None:
        self.port = port
        self._context = context

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator[AiocoapServer]:
        """Run a server."""
        port = free_port()
        server = cls(port, await cls._open(port))
        try:
            yield server
        finally:
            await server._context.shutdown()

    @staticmethod
    async def _open(port: int) -> Context:
        return await Context.create_server_context(make_site(), bind=("127.0.0.1", port), transports=["udp6"])

    def path(self, name: str) -> str:
        """See `Server`."""
        return name

    async def skip(self, seconds: float) -> None:
        """See `Server`."""
        raise CannotDo("aiocoap's server cannot be made to see time pass")

    async def restart(self) -> None:
        """See `Server`: a new context on the same port."""
        await self._context.shutdown()
        self._context = await self._open(self.port)


class LibcoapServer:
    """libcoap's `coap-server`. Its resources are its own; others come to be by PUT."""

    OWN = {"separate": "async?1"}  # noqa: RUF012
    MISSING = {  # noqa: RUF012
        **dict.fromkeys(("location-query", "large-create", "large-post"), "coap-server takes no POST"),
        "link1": "coap-server's resources do not have these attributes",
        "multi-format": "coap-server has one format for each resource",
        "obs-max-age": "the one resource of coap-server with a short Max-Age changes all the time",
        "path": "coap-server has no second list",
        "query": "coap-server gives no query back",
    }
    MADE = ("test", "validate", "obs", "obs-non", "large-update", "seg1/seg2/seg3")

    def __init__(self, port: int) -> None:
        self.port = port
        self._process: asyncio.subprocess.Process | None = None
        self._log: asyncio.Task[bytes]  # read, so that the server never waits for room

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator[LibcoapServer]:
        """Run a server."""
        server = cls(free_port())
        await server._start()
        try:
            yield server
        finally:
            await server._end()

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *("stdbuf", "-oL", LIBCOAP, "-A", "127.0.0.1", "-p", str(self.port), "-d", "20", "-v", "7"),
            stdout=PIPE,
            stderr=DEVNULL,
        )
        assert self._process.stdout is not None
        while b"created UDP  endpoint" not in (line := await self._process.stdout.readline()):
            assert line, "coap-server ended"
        self._log = asyncio.create_task(self._process.stdout.read())
        async with AiocoapClient.connect(self.port) as client:
            for name in self.MADE:
                await client.ask(Ask("PUT", name, payload=name.encode()))
            for name in ("large", "obs-large"):
                await client.ask(Ask("PUT", name, payload=LARGE))

    async def _end(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._log
        await self._process.wait()

    def path(self, name: str) -> str:
        """See `Server`."""
        if name in self.OWN:
            return self.OWN[name]
        if name in self.MISSING:
            raise CannotDo(self.MISSING[name])
        return name

    async def skip(self, seconds: float) -> None:
        """See `Server`."""
        raise CannotDo("coap-server cannot be made to see time pass")

    async def restart(self) -> None:
        """See `Server`: another process on the same port."""
        await self._end()
        await self._start()
