"""Cases, and what they work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from peers.peer import Ask, Client, Reply, Server
from peers.tap import Tap

Run = Callable[["Stage"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A client and a server with a tap between them, and another client that goes straight to the server."""

    client: Client
    server: Server
    tap: Tap
    other: Client

    async def prove(self) -> None:
        """Have the server believe that the client is where it says, unseen by the case (RFC 9175, 2.4).

        Until then the node answers with the smallest blocks, and asks with a ping. It is the tap that
        answers: a client that runs for milliseconds may not.
        """
        self.tap.answers_pings = True
        await self.ask("GET", "large")
        self.tap.answers_pings = False
        self.tap.datagrams.clear()

    async def ask(self, method: str, name: str, **more: Any) -> Reply:
        """Have the client ask for the server's resource of this name."""
        return await self.client.ask(self.make(method, name, **more))

    def make(self, method: str, name: str, **more: Any) -> Ask:
        """Return a request for the server's resource of this name."""
        path, _, query = self.server.path(name).partition("?")
        if query:
            more["query"] = (*query.split("&"), *more.get("query", ()))
        return Ask(method, path, **more)

    def require(self, name: str) -> None:
        """Raise `CannotDo` when the server has nothing like this resource."""
        self.server.path(name)

    async def change(self, name: str, payload: bytes, **more: Any) -> None:
        """Have the second client PUT something."""
        reply = await self.other.ask(self.make("PUT", name, payload=payload, **more))
        assert reply.code in ("2.01", "2.04")


@dataclass(frozen=True, slots=True)
class Case:
    """One case of the plugtests."""

    name: str  # "CORE_01": TD_COAP_CORE_01
    title: str
    run: Run


CASES: dict[str, Case] = {}


def case(name: str, title: str) -> Callable[[Run], Run]:
    """Register a function as a case."""

    def register(run: Run) -> Run:
        assert name not in CASES
        CASES[name] = Case(name, title, run)
        return run

    return register
