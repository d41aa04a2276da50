"""Our own client: `wasmote.coap.Endpoint` and `wasmote.observation.Observation`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiocoap import Code
from aiocoap.message import Message

from peers.aiocoap_client import dotted, fill_options
from peers.peer import Ask, CannotDo, Reply
from wasmote.coap import Endpoint
from wasmote.link.url import parse_link
from wasmote.node import ONE_MESSAGE_MAX
from wasmote.observation import Observation


class _Watch:
    def __init__(self, observation: Observation) -> None:
        self._observation = observation

    async def next(self) -> Reply:
        message = await self._observation.next()
        return Reply(dotted(message.code), message.payload)

    async def cancel(self) -> None:
        await self._observation.end()

    async def renews(self) -> None:
        return

    async def forget(self) -> None:
        raise CannotDo("wasmote's client never leaves an observation without a word")


class OurClient:
    """An endpoint whose peer is no node."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    @classmethod
    @asynccontextmanager
    async def connect(cls, port: int) -> AsyncIterator[OurClient]:
        """Open a client for the server on a port of 127.0.0.1."""
        endpoint = Endpoint(parse_link(f"coap://127.0.0.1:{port}"))
        await endpoint.open()
        try:
            yield cls(endpoint)
        finally:
            await endpoint.close()

    async def ask(self, ask: Ask) -> Reply:
        """See `Client`."""
        if len(ask.payload) > ONE_MESSAGE_MAX:
            code = Code[ask.method]
            message = await self._endpoint.upload(code, ask.path, ask.payload, ask.content_format, None)
        else:
            message = await self._endpoint.exchange(self._message(ask))
        return Reply(dotted(message.code), message.payload)

    @asynccontextmanager
    async def observe(self, ask: Ask) -> AsyncIterator[_Watch]:
        """See `Client`."""
        if not ask.confirmable:
            raise CannotDo("wasmote's client sends confirmable requests only")
        async with Observation(self._endpoint, ask.path) as observation:
            yield _Watch(observation)

    async def ping(self) -> None:
        """See `Client`."""
        raise CannotDo("wasmote's client asks for /node to see whether a node is there")

    def _message(self, ask: Ask) -> Message:
        if not ask.confirmable:
            raise CannotDo("wasmote's client sends confirmable requests only")
        if ask.token is not None:
            raise CannotDo("wasmote's client chooses its tokens itself")
        path = "?".join((ask.path, "&".join(ask.query))) if ask.query else ask.path
        message = self._endpoint.message(Code[ask.method], path, ask.payload)
        fill_options(message, ask)
        return message
