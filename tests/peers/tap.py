"""A UDP proxy between a client and a server: notes every datagram, and loses those it is told to lose."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

from aiocoap import Message, Type

DATAGRAM_MAX = 65536
WAIT_S = 15.0  # how long a datagram may take to come: only ever seen whole when a case fails

PING = b"\x40\x00"  # the beginning of an empty CON, and of the RST to it (RFC 7252 section 4.3)
RESET = b"\x70\x00"

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Datagram:
    """A datagram that passed, or was lost here."""

    to_server: bool
    message: Message
    raw: bytes
    lost: bool

    @property
    def code(self) -> str:
        """The code as it is written: "0.01", "2.05"."""
        return f"{int(self.message.code) >> 5}.{int(self.message.code) & 31:02}"

    def __str__(self) -> str:
        arrow = ("→" if self.to_server else "←") + ("✗" if self.lost else " ")
        options = " ".join(str(option) for option in self.message.opt.option_list())
        token, payload = self.message.token.hex(), self.message.payload[:20]
        return f"{arrow} {self.kind.name} {self.code} {self.message.mid:04x} [{token}] {options} {payload!r}"

    @property
    def kind(self) -> Type:
        """CON, NON, ACK or RST."""
        return self.message.mtype

    @property
    def is_request(self) -> bool:
        """Whether it asks for something."""
        asks: bool = self.message.code.is_request()
        return asks

    @property
    def is_notification(self) -> bool:
        """Whether it carries the Observe option from the server, but is not the answer to a registration."""
        return not self.to_server and self.message.opt.observe is not None and self.kind is not Type.ACK


def udp_socket() -> socket.socket:
    """Return a non-blocking socket on a free port of 127.0.0.1."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind(("127.0.0.1", 0))
    return made


class Tap:
    """The proxy. Every client address gets a socket of its own towards the server."""

    def __init__(self, server_port: int) -> None:
        self.datagrams: list[Datagram] = []
        self.answers_pings = False  # in the client's place
        self._server: Address = ("127.0.0.1", server_port)
        self._front = udp_socket()
        self._upstream: dict[Address, socket.socket] = {}
        self._losses: list[Callable[[Datagram], bool]] = []
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._front, self._from_client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._front, *self._upstream.values()):
            self._loop.remove_reader(sock)
            sock.close()

    @property
    def port(self) -> int:
        """Where clients find it on 127.0.0.1."""
        port: int = self._front.getsockname()[1]
        return port

    def lose(self, wanted: Callable[[Datagram], bool], times: int = 1) -> None:
        """Lose the next `times` datagrams that are `wanted`."""
        left = times

        def rule(datagram: Datagram) -> bool:
            nonlocal left
            hit = left > 0 and wanted(datagram)
            left -= hit
            return hit

        self._losses.append(rule)

    async def wait_for(self, wanted: Callable[[Datagram], bool], count: int = 1) -> Datagram:
        """Return the `count`-th datagram of all that is `wanted`, as soon as it has come."""
        async with asyncio.timeout(WAIT_S):
            while len(found := self.find(wanted)) < count:
                self._news.clear()
                await self._news.wait()
        return found[count - 1]

    def find(self, wanted: Callable[[Datagram], bool]) -> list[Datagram]:
        """Return what has come so far and is `wanted`."""
        return [datagram for datagram in self.datagrams if wanted(datagram)]

    def requests(self) -> list[Datagram]:
        """Return the requests, in order."""
        return self.find(lambda datagram: datagram.to_server and datagram.is_request)

    def responses(self) -> list[Datagram]:
        """Return the responses, notifications too, in order."""
        return self.find(lambda datagram: not datagram.to_server and datagram.message.code.is_response())

    def _from_client(self) -> None:
        raw, client = self._front.recvfrom(DATAGRAM_MAX)
        if client not in self._upstream:
            self._upstream[client] = sock = udp_socket()
            self._loop.add_reader(sock, partial(self._from_server, sock, client))
        if self._note(raw, to_server=True):
            self._upstream[client].sendto(raw, self._server)

    def _from_server(self, sock: socket.socket, client: Address) -> None:
        try:
            raw = sock.recv(DATAGRAM_MAX)
        except ConnectionError:
            return  # the server is being restarted
        if self.answers_pings and raw[:2] == PING:
            sock.sendto(RESET + raw[2:], self._server)
        elif self._note(raw, to_server=False):
            self._front.sendto(raw, client)

    def _note(self, raw: bytes, *, to_server: bool) -> bool:
        datagram = Datagram(to_server, Message.decode(raw), raw, lost=False)
        lost = any(rule(datagram) for rule in self._losses)
        self.datagrams.append(Datagram(to_server, datagram.message, raw, lost))
        self._news.set()
        return not lost
