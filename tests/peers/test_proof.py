"""Whoever is not known to be where it says gets little (RFC 7252 section 11.3, RFC 9175 section 2.4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiocoap import Code, Message, Type

from peers.plugtest_site import LARGE
from peers.servers import Board
from peers.tap import Tap, udp_socket
from wasmote.coap import Endpoint
from wasmote.link.url import parse_link
from wasmote.observation import Observation

LONG_S = 600.0  # longer than a proof and an Echo value are good for
FACTOR = 3
QUIET_S = 0.2  # local datagrams need far less; nothing depends on it but what is missed


@dataclass
class Stranger:
    """A socket that acknowledges nothing, and counts."""

    port: int

    def __post_init__(self) -> None:
        self._sock = udp_socket()
        self._sock.connect(("127.0.0.1", self.port))
        self.sent = self.received = self._mid = 0

    async def ask(self, path: str, **options: object) -> Message:
        """Send a GET; return the answer."""
        self._mid += 1
        message = Message(code=Code.GET, _mtype=Type.CON, _mid=self._mid, _token=b"\x01")
        message.opt.uri_path = tuple(path.split("/"))
        for name, value in options.items():
            setattr(message.opt, name, value)
        raw = message.encode()
        self.sent += len(raw)
        self._sock.send(raw)
        while True:
            answer = await self.receive()
            if answer.mid == self._mid:
                return answer

    async def receive(self) -> Message:
        """Wait for a datagram."""
        raw = await asyncio.get_running_loop().sock_recv(self._sock, 2048)
        self.received += len(raw)
        return Message.decode(raw)

    async def drain(self) -> None:
        """Count what else comes."""
        try:
            async with asyncio.timeout(QUIET_S):
                while True:
                    await self.receive()
        except TimeoutError:
            self._sock.close()


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Board, Tap, Endpoint]]:
    async with Board.start() as board:
        with Tap(board.port) as tap:
            endpoint = Endpoint(parse_link(f"coap://127.0.0.1:{tap.port}"))
            await endpoint.open()
            try:
                yield board, tap, endpoint
            finally:
                await endpoint.close()


def large_blocks(tap: Tap) -> bool:
    """Whether all blocks on the wire were of 1024 bytes."""
    blocks = [answer.message.opt.block2 for answer in tap.responses() if answer.message.opt.block2]
    return bool(blocks) and all(block.size_exponent == 6 for block in blocks)


@pytest.mark.parametrize("path", ["large", ".well-known/core", "test", "nowhere/at/all"])
async def test_a_stranger_gets_three_bytes_for_one(path: str) -> None:
    async with Board.start() as board:
        stranger = Stranger(board.port)
        answer = await stranger.ask(path)
        body, number = answer.payload, 0
        while answer.opt.block2 is not None and answer.opt.block2.more:
            assert answer.opt.block2.block_number == number
            number += 1
            answer = await stranger.ask(path, block2=(number, False, answer.opt.block2.size_exponent))
            body += answer.payload
        await stranger.drain()
        assert stranger.received <= FACTOR * stranger.sent
        assert path != "large" or body == LARGE


async def test_a_made_up_observation_is_no_amplifier() -> None:
    async with Board.start() as board:
        stranger = Stranger(board.port)
        assert (await stranger.ask("obs", observe=0)).opt.observe is not None
        with Tap(board.port) as tap:
            other = Endpoint(parse_link(f"coap://127.0.0.1:{tap.port}"))
            await other.open()
            for turn in range(50):
                await other.exchange(other.message(Code.PUT, "/obs", b"%d" % turn))
            await other.close()
        await stranger.drain()
        assert stranger.received <= FACTOR * stranger.sent


async def test_our_client_pays_one_round_trip() -> None:
    async with served() as (_, tap, endpoint):
        await endpoint.probe()
        assert [answer.code for answer in tap.responses()] == ["4.01", "4.04"]  # there is no /node here
        assert (await endpoint.get("/large")).payload == LARGE
        assert large_blocks(tap)
        assert len(tap.requests()) == 4


async def test_our_client_proves_itself_again_in_whatever_it_does() -> None:
    async with served() as (board, tap, endpoint):
        await endpoint.probe()
        await board.skip(LONG_S)
        assert (await endpoint.get("/large")).payload == LARGE
        await board.skip(LONG_S)
        taken = await endpoint.upload(Code.PUT, "/large-update", LARGE, None, None)
        assert taken.code is Code.CHANGED
        await board.skip(LONG_S)
        async with Observation(endpoint, "/obs") as observation:
            assert (await observation.next()).payload == b"obs"
            await endpoint.exchange(endpoint.message(Code.PUT, "/obs", b"new"))
            assert (await observation.next()).payload == b"new"
        assert large_blocks(tap)
        assert [answer.code for answer in tap.responses()].count("4.01") == 4
