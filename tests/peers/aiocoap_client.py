"""aiocoap's own client: a plain Context."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiocoap import Code, Context, Message, Reliable, Unreliable

from peers.peer import Ask, CannotDo, Reply


def dotted(code: Code) -> str:
    """Return a code as it is written: "2.05"."""
    text: str = code.dotted
    return text


def fill_options(message: Message, ask: Ask) -> None:
    """Set what is asked for beside method, path and payload."""
    message.opt.content_format = ask.content_format
    message.opt.accept = ask.accept
    if ask.etag is not None:
        message.opt.etags = [ask.etag]
    if ask.if_match is not None:
        message.opt.if_match = [ask.if_match]
    message.opt.if_none_match = ask.if_none_match
    if ask.block is not None:
        message.opt.block2 = (0, False, ask.block.bit_length() - 5)


class _Watch:
    def __init__(self, request: Any) -> None:
        self._request = request
        self._first = True
        self._later = aiter(request.observation)

    async def next(self) -> Reply:
        message = await (self._request.response if self._first else anext(self._later))
        self._first = False
        return Reply(dotted(message.code), message.payload)

    async def cancel(self) -> None:
        raise CannotDo("aiocoap's client ends an observation without telling the server")

    async def renews(self) -> None:
        raise CannotDo("aiocoap's client takes no notice of Max-Age")

    async def forget(self) -> None:
        self._request.observation.cancel()


class AiocoapClient:
    """A plain Context, and the port of its server."""

    def __init__(self, port: int, context: Context) -> None:
        self._port = port
        self._context = context

    @classmethod
    @asynccontextmanager
    async def connect(cls, port: int) -> AsyncIterator[AiocoapClient]:
        """Open a client for the server on a port of 127.0.0.1."""
        context = await Context.create_client_context(transports=["udp6"])
        try:
            yield cls(port, context)
        finally:
            await context.shutdown()

    async def ask(self, ask: Ask) -> Reply:
        """See `Client`."""
        response = await self._context.request(self._message(ask)).response
        return Reply(dotted(response.code), response.payload)

    @asynccontextmanager
    async def observe(self, ask: Ask) -> AsyncIterator[_Watch]:
        """See `Client`."""
        message = self._message(ask)
        message.opt.observe = 0
        request = self._context.request(message)
        try:
            yield _Watch(request)
        finally:
            request.response.cancel()
            if not request.observation.cancelled:
                request.observation.cancel()

    async def ping(self) -> None:
        """See `Client`."""
        raise CannotDo("aiocoap's client cannot ping")

    def _message(self, ask: Ask) -> Message:
        if ask.token is not None:
            raise CannotDo("aiocoap's client chooses its tokens itself")
        message = Message(
            code=Code[ask.method],
            uri=f"coap://127.0.0.1:{self._port}/",
            payload=ask.payload,
            transport_tuning=Reliable if ask.confirmable else Unreliable,
        )
        message.opt.uri_path = tuple(ask.path.split("/"))
        message.opt.uri_query = ask.query
        fill_options(message, ask)
        return message
