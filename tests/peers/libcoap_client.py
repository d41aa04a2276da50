"""libcoap's `coap-client`: a process for each request or observation."""

from __future__ import annotations

import asyncio
import re
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from peers.peer import Ask, CannotDo, Reply
from peers.tap import udp_socket

PROGRAM = "coap-client-notls"
OBSERVE_S = 6  # for so long `coap-client` observes, in whole seconds; then it deregisters
_RECEIVED = re.compile(r"^v:1 t:\w+ c:([2-5]\.\d\d) i:\w+ \{\w*\} \[(.*?)\](?: :: '(.*)')?$")
_ESCAPED = re.compile(rb"\\x([0-9A-F]{2})")

IF_MATCH, ETAG, IF_NONE_MATCH = 1, 4, 5  # RFC 7252 section 5.10


def unescape(text: str) -> bytes:
    """Return the payload that the program logged."""
    return _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), text.encode())


def options(ask: Ask) -> list[str]:
    """Return what is asked for as options of the command line."""
    command = ["-m", ask.method.lower()]
    if not ask.confirmable:
        command += ["-N"]
    if ask.token is not None:
        command += ["-T", ask.token.decode()]
    for number, value in ((IF_MATCH, ask.if_match), (ETAG, ask.etag)):
        if value is not None:
            command += ["-O", f"{number},0x{value.hex()}"]
    if ask.if_none_match:
        command += ["-O", f"{IF_NONE_MATCH},"]
    if ask.content_format is not None:
        command += ["-t", str(ask.content_format)]
    if ask.accept is not None:
        command += ["-A", str(ask.accept)]
    if ask.block is not None:
        command += ["-b", str(ask.block)]
    return command


class LibcoapClient:
    """Runs the program against the server on a port of 127.0.0.1."""

    def __init__(self, port: int, folder: Path) -> None:
        self._port = port
        self._folder = folder
        with udp_socket() as sock:
            self._local_port: int = sock.getsockname()[1]  # the same for every run: the same CoAP endpoint

    @classmethod
    @asynccontextmanager
    async def connect(cls, port: int) -> AsyncIterator[LibcoapClient]:
        """Use the server on a port of 127.0.0.1."""
        with tempfile.TemporaryDirectory(prefix="wasmote-") as folder:
            yield cls(port, Path(folder))

    async def ask(self, ask: Ask) -> Reply:
        """See `Client`."""
        body = self._folder / "body"
        body.unlink(missing_ok=True)
        process = await self._run(ask, "-o", str(body))
        text, _ = await process.communicate()
        received = [match for line in text.decode().splitlines() if (match := _RECEIVED.match(line))]
        assert received, f"coap-client got no answer: {text.decode()}"
        return Reply(received[-1][1], body.read_bytes() if body.exists() else b"")

    @asynccontextmanager
    async def observe(self, ask: Ask) -> AsyncIterator[_Watch]:
        """See `Client`."""
        process = await self._run(ask, "-s", str(OBSERVE_S), "-o", "/dev/null")
        watch = _Watch(self, process)
        try:
            yield watch
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()
            await watch.close()

    async def ping(self) -> None:
        """See `Client`."""
        process = await self._run(Ask("GET", "obs"), "-s", "2", "-K", "1")
        await process.communicate()

    async def run_idle(self) -> Process:
        """Start a client on the same port that knows of no earlier observation, and stays for a while."""
        return await self._run(Ask("GET", "obs-non", token=b"idle"), "-s", "2")

    async def _run(self, ask: Ask, *more: str) -> Process:
        if ask.token == b"":
            raise CannotDo("coap-client has no option for an empty token")
        arguments = [*options(ask), *more]
        if ask.payload:
            body = self._folder / "payload"
            body.write_bytes(ask.payload)
            arguments += ["-f", str(body)]
        query = "?" + "&".join(ask.query) if ask.query else ""
        uri = f"coap://127.0.0.1:{self._port}/{ask.path}{query}"
        # line by line, or nothing would be heard of a notification before the end
        return await asyncio.create_subprocess_exec(
            *("stdbuf", "-oL", PROGRAM, "-v", "6", "-p", str(self._local_port), *arguments, uri),
            stdout=PIPE,
            stderr=DEVNULL,
            limit=2**20,
        )


class _Watch:
    def __init__(self, client: LibcoapClient, process: Process) -> None:
        self._client = client
        self._process = process
        self._idle: Process | None = None

    async def next(self) -> Reply:
        assert self._process.stdout is not None
        body = b""
        while line := await self._process.stdout.readline():
            if match := _RECEIVED.match(line.decode().rstrip("\n")):
                body += unescape(match[3] or "")
                if not re.search(r"Block2:\d+/M/", match[2]):
                    return Reply(match[1], body)
        raise AssertionError("coap-client ended")

    async def cancel(self) -> None:
        await self._process.wait()

    async def renews(self) -> None:
        raise CannotDo("coap-client takes no notice of Max-Age")

    async def forget(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        self._idle = await self._client.run_idle()

    async def close(self) -> None:
        if self._idle is not None:
            if self._idle.returncode is None:
                self._idle.kill()
            await self._idle.communicate()
