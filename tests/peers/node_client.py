"""node-coap, in a process of its own: node_client.js."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from asyncio.subprocess import PIPE, Process
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from peers.peer import Ask, CannotDo, Reply
from wasmote.sim import ROOT

MODULES = ROOT / "build" / "peers" / "node_modules"
BLOCK_MAX = 1024
DRIVER = Path(__file__).with_suffix(".js")


def uint(value: int) -> str:
    """Return a number as an option's value, in hexadecimal (RFC 7252 section 3.2)."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big").hex()


def options(ask: Ask) -> list[tuple[str, str]]:
    """Return name and value (hexadecimal) of what is not part of a request's line."""
    found = []
    if ask.content_format is not None:
        found.append(("Content-Format", uint(ask.content_format)))
    if ask.accept is not None:
        found.append(("Accept", uint(ask.accept)))
    if ask.etag is not None:
        found.append(("ETag", ask.etag.hex()))
    if ask.if_match is not None:
        found.append(("If-Match", ask.if_match.hex()))
    if ask.if_none_match:
        found.append(("If-None-Match", ""))
    if ask.block is not None:
        found.append(("Block2", uint(ask.block.bit_length() - 5)))
    if len(ask.payload) > BLOCK_MAX:  # what is not told to go in blocks does not
        found.append(("Block1", "06"))
    return found


class NodeProcess:
    """The process; its clients share it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ids = itertools.count()
        self._answers: dict[int, asyncio.Queue[dict[str, Any]]] = {}

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator[NodeProcess]:
        """Start it, and end it."""
        environment = {**os.environ, "NODE_PATH": str(MODULES)}
        process = await asyncio.create_subprocess_exec(
            "node", str(DRIVER), stdin=PIPE, stdout=PIPE, env=environment
        )
        running = cls(process)
        reader = asyncio.create_task(running._read())
        try:
            yield running
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.kill()
            await process.wait()
            await reader

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while text := await self._process.stdout.readline():
            line = json.loads(text)
            self._answers[line["id"]].put_nowait(line)

    def send(self, operation: str, **line: Any) -> int:
        """Send a line; return its id."""
        number = next(self._ids)
        self._answers[number] = asyncio.Queue()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "op": operation, **line}).encode() + b"\n")
        return number

    async def answer(self, number: int) -> dict[str, Any]:
        """Wait for the next line that belongs to this id."""
        line = await self._answers[number].get()
        if "error" in line:
            raise AssertionError(f"node-coap: {line['error']}")
        return line


class _Watch:
    def __init__(self, process: NodeProcess, number: int) -> None:
        self._process = process
        self._number = number

    async def next(self) -> Reply:
        return reply_of(await self._process.answer(self._number))

    async def cancel(self) -> None:
        await self._process.answer(self._process.send("cancel", watch=self._number))

    async def renews(self) -> None:
        raise CannotDo("node-coap takes no notice of Max-Age")

    async def forget(self) -> None:
        await self._process.answer(self._process.send("forget", watch=self._number))


def reply_of(line: dict[str, Any]) -> Reply:
    """Return the reply that a line tells of."""
    return Reply(line["code"], b64decode(line["payload"]))


class NodeClient:
    """An endpoint (a UDP port) of the process."""

    def __init__(self, process: NodeProcess, port: int) -> None:
        self._process = process
        self._port = port

    @classmethod
    @asynccontextmanager
    async def connect(cls, process: NodeProcess, port: int) -> AsyncIterator[NodeClient]:
        """Open a client for the server on a port of 127.0.0.1."""
        yield cls(process, port)
        await process.answer(process.send("leave", agent=port))

    async def ask(self, ask: Ask) -> Reply:
        """See `Client`."""
        return reply_of(await self._process.answer(self._start("ask", ask)))

    @asynccontextmanager
    async def observe(self, ask: Ask) -> AsyncIterator[_Watch]:
        """See `Client`."""
        yield _Watch(self._process, self._start("observe", ask))

    async def ping(self) -> None:
        """See `Client`."""
        raise CannotDo("node-coap cannot ping")

    def _start(self, operation: str, ask: Ask) -> int:
        if ask.token == b"":
            raise CannotDo("node-coap puts a token of its own in the place of an empty one")
        return self._process.send(
            operation,
            agent=self._port,
            request={
                "method": ask.method,
                "port": self._port,
                "pathname": ask.path,
                "query": "&".join(ask.query),
                "confirmable": ask.confirmable,
                "observe": operation == "observe",
            },
            token=ask.token.hex() if ask.token is not None else None,
            options=options(ask),
            payload=b64encode(ask.payload).decode(),
        )
