"""Block-wise uploads (RFC 7959 section 2.5) over lines that lose much and break at any moment.

RFC 7959 has no way to ask how far a node got. What it has is enough: a block that is next gets 2.31, a block
that is not gets 4.08 and changes nothing, and the last block taken may be sent again and gets the same answer
again. So after a loss there are few places where the node can stand, and `UploadState` tries them.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiocoap import Code

from wasmote.errors import LinkDown, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocoap.message import Message

    from wasmote.coap import Endpoint, Timing

    Progress = Callable[[int, int], None]

SZX_MAX = 6  # 1024 bytes (RFC 7959 section 2.2): fits the 1152 bytes of a message with its options
STARTS_MAX = 3  # times an upload is begun before a node that keeps losing it is reported
KEPT_S = 60.0  # COAP_UPLOAD_TIMEOUT_S of the firmware: after so long there is nothing to go on with
GROW_AFTER = 16  # blocks that came through at once, after which larger ones are tried
PATIENCE_ROUND_TRIPS = 4  # how many usual round trips an answer may take before its block is sent again
PATIENCE_MIN_SHARE = 1 / 8  # of the time-out for a block that may erase flash: less is no sign of loss
COPIES_WAIT = 2.5  # pauses that one try of a block waits: one for the first copy, the rest for the second
TAG_BYTES = 2  # of a Request-Tag (RFC 9175 section 3.2): tells two starts of an upload apart


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a body, as the Block1 option describes it."""

    number: int
    more: bool
    szx: int
    payload: bytes

    @property
    def offset(self) -> int:
        """Where it begins in the body."""
        return self.number << (4 + self.szx)

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.offset + len(self.payload)


class BlockSize:
    """Chooses SZX: halves the blocks when one did not get through, doubles them after a good stretch."""

    def __init__(self, szx_max: int = SZX_MAX) -> None:
        self.szx = szx_max
        self._max = szx_max
        self._good = 0

    def negotiated(self, szx: int) -> None:
        """The node asks for blocks of at most this size (late negotiation, RFC 7959 section 2.5)."""
        self._max = min(self._max, szx)
        self.szx = min(self.szx, szx)

    def came_through(self, at_once: bool) -> None:
        """Note a block that was answered, `at_once` when its first copy was."""
        self._good = self._good + 1 if at_once else 0
        if self._good >= GROW_AFTER and self.szx < self._max:
            self.szx += 1
            self._good = 0

    def was_lost(self) -> None:
        """Note a block of which no copy was answered."""
        self._good = 0
        self.szx = max(self.szx - 1, 0)


class UploadState:
    """How far the node is with a body, as far as its answers tell. No I/O here.

    `_stands` holds every offset at which the node may stand, with the block that took it there: one offset,
    or, after a loss, more.
    """

    def __init__(self, body: bytes, size: BlockSize) -> None:
        self._body = body
        self._size = size
        self._at = 0  # where the next block begins
        self._stands: dict[int, Block | None] = {0: None}

    def block(self) -> Block:
        """Return the block to send now."""
        repeated = self._stands[self._at] if self._at == len(self._body) else None
        if repeated is not None:
            return repeated  # it was taken, and with it the body is complete: what was the answer?
        szx = self._size.szx
        while self._at % (16 << szx):  # after small blocks, large ones fit again from their next multiple
            szx -= 1
        size = 16 << szx
        payload = self._body[self._at : self._at + size]
        return Block(self._at // size, self._at + size < len(self._body), szx, payload)

    def in_doubt(self, block: Block) -> None:
        """No answer came: the node may have taken it or not."""
        self._stands.setdefault(block.end, block)

    def taken(self, block: Block) -> None:
        """2.31: the node stands behind this block."""
        self._at = block.end
        self._stands = {block.end: block}

    def not_taken(self, block: Block) -> bool:
        """4.08: the node stands neither before this block nor, or it would have answered again, behind it.

        False: then it stands nowhere, the upload is lost.
        """
        for offset in (block.offset, block.end):
            self._stands.pop(offset, None)
        # The furthest first: the refusal of a block says nothing of places before it.
        self._at = max(self._stands, default=0)
        return bool(self._stands)


class Patience:
    """How long to wait for an answer, s: from the round trips seen, longer after every loss."""

    def __init__(self, timing: Timing) -> None:
        self._longest = timing.ack_timeout_s
        self._tries_max = 1 + timing.retransmits
        self._round_trip: float | None = None
        self._lost = 0

    def pause_s(self, block: Block) -> float:
        """Return the pause before a second copy.

        The first block and the last get the longest: a node erases flash when it has the manifest, which as a
        rule is in the one, and checks after the other.
        """
        if self._round_trip is None or not block.more:
            return self._longest
        usual = max(PATIENCE_ROUND_TRIPS * self._round_trip, PATIENCE_MIN_SHARE * self._longest)
        return min(usual * 2.0**self._lost, self._longest)

    def answered(self, after_s: float, at_once: bool) -> None:
        """Note an answer. One to a second copy is no measure: it may be the first one's (Karn)."""
        self._lost = 0
        if at_once:
            before = after_s if self._round_trip is None else self._round_trip
            self._round_trip = before + (after_s - before) / 8

    def lost(self) -> bool:
        """Note that no copy was answered; False when that was the last try."""
        self._lost += 1
        return self._lost < self._tries_max


class Upload:
    """Sends one body. `make` builds the request without payload, Block1, Size1 and Request-Tag."""

    def __init__(
        self, endpoint: Endpoint, make: Callable[[], Message], body: bytes, progress: Progress | None
    ) -> None:
        self._endpoint = endpoint
        self._make = make
        self._body = body
        self._progress = progress
        self._size = BlockSize()
        self._patience = Patience(endpoint.timings.install)

    async def run(self) -> Message:
        """Return the response to the last block, or the first that is an error.

        A node that lost the beginning gets it again. Raises `NoAnswer`, and `LinkDown` when the link is not
        back while the node keeps what it has.
        """
        response: Message | None = None
        for _ in range(STARTS_MAX):
            response = await self._send()
            if response.code is not Code.REQUEST_ENTITY_INCOMPLETE:
                break
        assert response is not None
        return response

    async def _send(self) -> Message:
        """Send the body from its beginning. The response is 4.08 when the node lost what it had."""
        state, tag = UploadState(self._body, self._size), secrets.token_bytes(TAG_BYTES)
        while True:
            block = state.block()
            try:
                response = await self._try(block, tag)
            except LinkDown as fault:
                state.in_doubt(block)
                await self._wait_up(fault)
                continue
            if response is None:
                state.in_doubt(block)
            elif response.code is Code.REQUEST_ENTITY_INCOMPLETE:
                if not state.not_taken(block):
                    return response
            elif not block.more or response.code is not Code.CONTINUE:
                self._report(response)
                return await self._endpoint.complete(response, lambda: self._request(tag))
            else:
                state.taken(block)
                self._continue(response, block)

    async def _try(self, block: Block, tag: bytes) -> Message | None:
        """Send a block, twice at most; None when neither copy was answered."""
        pause = self._patience.pause_s(block)
        clock = asyncio.get_running_loop().time
        begun = clock()
        response = await self._endpoint.attempt(self._message(block, tag), pause, COPIES_WAIT * pause)
        if response is None:
            self._size.was_lost()
            if not self._patience.lost():
                raise NoAnswer(f"{self._endpoint.link}: the node stopped answering during an upload")
            return None
        at_once = clock() - begun < pause
        usual = at_once and block.offset > 0  # before it answers the first one, a node may erase flash
        self._patience.answered(clock() - begun, usual)
        self._size.came_through(at_once)
        return response

    def _request(self, tag: bytes) -> Message:
        message = self._make()
        message.opt.request_tag = (tag,)
        return message

    def _message(self, block: Block, tag: bytes) -> Message:
        message = self._request(tag)
        message.payload = block.payload
        message.opt.block1 = (block.number, block.more, block.szx)
        if block.offset == 0:
            message.opt.size1 = len(self._body)
        return message

    async def _wait_up(self, fault: LinkDown) -> None:
        try:
            async with asyncio.timeout(KEPT_S):
                await self._endpoint.wait_up()
        except TimeoutError:
            raise fault from None

    def _continue(self, response: Message, block: Block) -> None:
        if response.opt.block1 is not None and response.opt.block1.size_exponent < block.szx:
            self._size.negotiated(response.opt.block1.size_exponent)
        if self._progress:
            self._progress(block.end, len(self._body))

    def _report(self, response: Message) -> None:
        if self._progress and response.code.is_successful():
            self._progress(len(self._body), len(self._body))
