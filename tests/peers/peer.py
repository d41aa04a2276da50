"""What a case asks of a client, and what a client tells: the same for every peer."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

FORMAT_TEXT = 0
FORMAT_LINK = 40
FORMAT_XML = 41
FORMAT_OCTETS = 42


class CannotDo(Exception):
    """The peer has no way to do this; the text says why, and goes into the table."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `block` is the size (bytes) of the response's blocks that is asked for at once."""

    method: str
    path: str
    query: tuple[str, ...] = ()
    payload: bytes = b""
    content_format: int | None = None
    accept: int | None = None
    confirmable: bool = True
    token: bytes | None = None
    etag: bytes | None = None
    if_match: bytes | None = None
    if_none_match: bool = False
    block: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client says that it got: a code as "2.05", and the whole body."""

    code: str
    payload: bytes


class Watch(Protocol):
    """An observation, seen from its client."""

    async def next(self) -> Reply:
        """Wait for the next representation; the first is the answer to the registration."""

    async def cancel(self) -> None:
        """Deregister with Observe = 1 (RFC 7641 section 3.6)."""

    async def renews(self) -> None:
        """Return if it registers again by itself when Max-Age has passed; else raise `CannotDo`."""

    async def forget(self) -> None:
        """Drop it without a word: the next notification is answered with RST."""


class Client(Protocol):
    """A client that talks to one server."""

    async def ask(self, ask: Ask) -> Reply:
        """Send a request, or raise `CannotDo`."""

    def observe(self, ask: Ask) -> AbstractAsyncContextManager[Watch]:
        """Observe a resource, or raise `CannotDo`."""

    async def ping(self) -> None:
        """Send an empty confirmable message, and wait for its RST."""


class Server(Protocol):
    """A running server."""

    port: int

    def path(self, name: str) -> str:
        """Return its path for a resource of the plugtests (it may hold a query), or raise `CannotDo`."""

    async def skip(self, seconds: float) -> None:
        """Make the server's time pass, or raise `CannotDo`."""

    async def restart(self) -> None:
        """Lose every state, as a reset does, and come back on the same port; or raise `CannotDo`."""
