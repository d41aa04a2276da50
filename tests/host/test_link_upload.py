"""Uploads that are broken off, lose blocks or lose answers: what the node has is never sent again."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace

import pytest
from aiocoap import Code
from hypothesis import given
from hypothesis import strategies as st

import wasmote.upload
from bad_lines import ByteErrors
from fake_line import FakeServer
from fake_node import INFO, FakeNode
from served import no_leaked_tasks
from wasmote.coap import Timing, Timings
from wasmote.errors import LinkDown, NoAnswer
from wasmote.node import Node
from wasmote.upload import GROW_AFTER, BlockSize, Patience, UploadState

__all__ = ["no_leaked_tasks"]  # a fixture that every test here gets


async def at_once(_: float) -> None:
    """Stands in for the pauses between tries to open a link."""
    await asyncio.sleep(0)


PATIENT = Timings(install=Timing(30.0, 1))  # a busy machine repeats nothing: only breaks do
QUICK = Timings(request=Timing(0.05, 9), install=Timing(0.1, 9))
BODY = random.Random(3).randbytes(20_000)
BLOCKS = len(range(0, len(BODY), 1024))


class Cut:
    """A line that breaks once, at the n-th block: on the way to the node, or with the answer."""

    def __init__(self, at_block: int, taken: bool) -> None:
        self.fake = FakeNode()
        self.server = FakeServer(self.fake, self)
        self._at_block, self._taken = at_block, taken

    def __call__(self, data: bytes) -> list[bytes]:
        is_block = data[3] == Code.PUT  # after END, the kind of the frame, and type and token length
        number = len(self.fake.blocks) - (not is_block)  # of this block, or of the one that is answered
        return self._break() if number == self._at_block and is_block is not self._taken else [data]

    async def connect(self) -> Node:
        return await Node.connect(self.server.url, timings=PATIENT, sleep=at_once)

    def _break(self) -> list[bytes]:
        self._at_block = -2  # once
        self.server.cut()
        return []


@pytest.mark.parametrize("taken", [False, True], ids=["block lost", "answer lost"])
async def test_a_break_at_any_block_costs_that_block_at_most(taken):
    for at_block in range(BLOCKS):
        line = Cut(at_block, taken)
        steps: list[int] = []
        async with line.server, await line.connect() as node:
            await node.install(0, BODY, lambda done, _: steps.append(done))  # noqa: B023
        assert len(line.server.lines) == 2
        assert line.fake.bundles[0] == BODY
        received = Counter(line.fake.blocks)
        assert received == Counter(range(0, len(BODY), 1024)) + Counter([at_block * 1024] * taken)
        assert steps == sorted(set(steps))
        assert line.fake.requests.count(("PUT", "/modules/0")) == 1


async def test_a_node_that_was_restarted_meanwhile_gets_all_of_it():
    line = Cut(7, taken=True)
    cut = line._break

    def cut_power() -> list[bytes]:
        line.fake.drop_upload()
        line.fake.reboot(b"next")
        return cut()

    line._break = cut_power
    async with line.server, await line.connect() as node:
        await node.install(0, BODY)
    assert line.fake.bundles[0] == BODY
    assert line.fake.blocks.count(0) == 2


async def test_a_link_that_stays_away_is_reported(monkeypatch):
    monkeypatch.setattr(wasmote.upload, "KEPT_S", 0.0)
    line = Cut(3, taken=True)
    async with line.server, await line.connect() as node:
        with pytest.raises(LinkDown, match="the link is down"):
            await node.install(0, BODY)


async def test_closing_ends_an_upload_that_waits_for_the_link():
    line = Cut(3, taken=True)
    async with line.server:
        node = await line.connect()
        await line.server.stop()
        upload = asyncio.create_task(node.install(0, BODY))
        await asyncio.sleep(0)
        await node.close()
        with pytest.raises(LinkDown):
            await upload
        await line.server.start()


async def test_a_node_that_falls_silent_is_reported_and_leaves_nothing_behind():
    fake = FakeNode()

    def fall_silent(done: int, _: int) -> None:
        fake.silent = done == 5 * 1024

    async with (
        FakeServer(fake) as server,
        await Node.connect(server.url, timings=Timings(install=Timing(0.1, 2))) as node,
    ):
        with pytest.raises(NoAnswer, match="stopped answering during an upload"):
            await node.install(0, BODY, fall_silent)
        fake.silent = False
        assert (await node.info()).board == "fake"
        await node.install(0, BODY)
    assert fake.bundles[0] == BODY


@pytest.mark.parametrize("seed", range(2))
async def test_64_kb_over_a_line_with_an_error_in_every_thousand_bytes(seed):
    fake = FakeNode()
    fake.info = replace(INFO, bundle_max=1 << 17)
    body = random.Random(seed).randbytes(1 << 16)
    line = ByteErrors(1e-3, seed)
    async with FakeServer(fake, line) as server, await Node.connect(server.url, timings=QUICK) as node:
        await node.install(0, body)
    assert fake.bundles[0] == body
    assert line.errors > 60
    sizes = {b - a for a, b in zip(fake.blocks, fake.blocks[1:], strict=False) if b > a}
    assert len(sizes) > 1  # they shrank


# ---- the parts ---------------------------------------------------------------------------------


class Board:
    """The rules of firmware/net/coap_block.c, in a few lines."""

    def __init__(self) -> None:
        self.body = b""
        self.last: tuple[int, bytes] | None = None
        self.complete = False

    def offer(self, block) -> bool:
        """Whether the block is taken, now or before; False is 4.08."""
        if block.offset == 0:
            self.body, self.last, self.complete = b"", None, False
        elif self.last == (block.offset, block.payload):
            return True
        elif block.offset != len(self.body) or self.complete:
            return False
        self.body += block.payload
        self.last, self.complete = (block.offset, block.payload), not block.more
        return True


@given(
    st.binary(max_size=400).map(lambda data: data * 12),
    st.lists(st.sampled_from(["fine", "block lost", "answer lost", "shrink"]), max_size=60),
)
def test_whatever_gets_lost_the_board_is_found_where_it_stands(body, fates):
    board, size = Board(), BlockSize()
    state = UploadState(body, size)
    fates = iter(fates)
    while True:
        block, fate = state.block(), next(fates, "fine")
        taken = fate != "block lost" and board.offer(block)
        if fate != "fine":
            size.was_lost()
            state.in_doubt(block)
        elif not taken:
            assert state.not_taken(block), "the board still has what it took"
        elif not block.more:
            break
        else:
            state.taken(block)
    assert board.body == body


def test_blocks_shrink_with_every_loss_and_grow_after_a_good_stretch():
    size = BlockSize()
    for _ in range(9):
        size.was_lost()
    assert size.szx == 0
    for _ in range(GROW_AFTER):
        size.came_through(at_once=True)
    assert size.szx == 1
    for _ in range(GROW_AFTER - 1):
        size.came_through(at_once=True)
    size.came_through(at_once=False)
    size.came_through(at_once=True)
    assert size.szx == 1
    size.negotiated(0)
    for _ in range(3 * GROW_AFTER):
        size.came_through(at_once=True)
    assert size.szx == 0


def test_patience_follows_the_round_trips_but_not_those_of_second_copies():
    first = UploadState(bytes(5000), BlockSize()).block()
    patience = Patience(Timing(4.0, 2))
    assert patience.pause_s(first) == 4.0
    patience.answered(0.2, at_once=True)
    assert patience.pause_s(first) == pytest.approx(0.8)
    patience.answered(3.0, at_once=False)
    assert patience.pause_s(first) == pytest.approx(0.8)
    assert patience.lost()
    assert patience.pause_s(first) == pytest.approx(1.6)
    assert patience.lost()
    assert not patience.lost()
    assert patience.pause_s(replace(first, more=False)) == 4.0
    patience.answered(0.001, at_once=True)
    assert patience.pause_s(first) >= 0.5


async def test_while_the_first_block_erases_flash_nothing_is_sent_again():
    fake = FakeNode()
    fake.erases_s = 1.5  # longer than the pause before a second copy
    timings = Timings(install=Timing(1.0, 1))
    async with FakeServer(fake) as server, await Node.connect(server.url, timings=timings) as node:
        await node.install(0, BODY)
    assert fake.blocks == list(range(0, len(BODY), 1024))
    assert fake.bundles[0] == BODY
