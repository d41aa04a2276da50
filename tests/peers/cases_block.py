"""TD_COAP_BLOCK: bodies in blocks (RFC 7959)."""

from __future__ import annotations

from peers.case import Stage, case
from peers.peer import Reply
from peers.plugtest_site import LARGE
from peers.tap import Datagram

SMALL_BLOCKS = 64


def check_blocks(found: list[Datagram], option: str, size: int, body: bytes) -> None:
    """Check numbers, More flags, sizes and content of the blocks in these messages."""
    blocks = [getattr(datagram.message.opt, option) for datagram in found]
    count = -(-len(body) // size)
    assert [block.block_number for block in blocks] == list(range(count))
    assert [block.more for block in blocks] == [True] * (count - 1) + [False]
    assert {block.size for block in blocks} == {size}
    assert b"".join(datagram.message.payload for datagram in found) == body


@case("BLOCK_01", "GET, early negotiation")
async def block_01(stage: Stage) -> None:
    """The client asks for small blocks in its first message."""
    await stage.prove()
    assert await stage.ask("GET", "large", block=SMALL_BLOCKS) == Reply("2.05", LARGE)
    assert stage.tap.requests()[0].message.opt.block2.size == SMALL_BLOCKS
    check_blocks(stage.tap.responses(), "block2", SMALL_BLOCKS, LARGE)


@case("BLOCK_02", "GET, late negotiation")
async def block_02(stage: Stage) -> None:
    """The server begins to send blocks of its own accord."""
    assert await stage.ask("GET", "large") == Reply("2.05", LARGE)
    assert stage.tap.requests()[0].message.opt.block2 is None
    check_blocks(stage.tap.responses(), "block2", stage.tap.responses()[0].message.opt.block2.size, LARGE)


@case("BLOCK_03", "PUT in blocks")
async def block_03(stage: Stage) -> None:
    """The server has the body when the last block has come."""
    body = LARGE.upper()
    assert (await stage.ask("PUT", "large-update", payload=body)).code == "2.04"
    check_blocks(stage.tap.requests(), "block1", stage.tap.requests()[0].message.opt.block1.size, body)
    assert [response.code for response in stage.tap.responses()][:-1] == ["2.31"]
    assert (await stage.other.ask(stage.make("GET", "large-update"))).payload == body


@case("BLOCK_04", "POST in blocks")
async def block_04(stage: Stage) -> None:
    """The last block is answered with 2.01 and the location."""
    assert (await stage.ask("POST", "large-create", payload=LARGE)).code == "2.01"
    check_blocks(stage.tap.requests(), "block1", stage.tap.requests()[0].message.opt.block1.size, LARGE)
    assert stage.tap.responses()[-1].message.opt.location_path == ("large-create", "1")


@case("BLOCK_05", "POST with blocks in both directions")
async def block_05(stage: Stage) -> None:
    """A large body is answered with a large body."""
    assert (await stage.ask("POST", "large-post", payload=LARGE)).payload == LARGE.upper()
    sent = [datagram for datagram in stage.tap.requests() if datagram.message.opt.block1 is not None]
    sent = [datagram for datagram in sent if datagram.message.payload]
    check_blocks(sent, "block1", sent[0].message.opt.block1.size, LARGE)
    received = [datagram for datagram in stage.tap.responses() if datagram.message.opt.block2 is not None]
    check_blocks(received, "block2", received[0].message.opt.block2.size, LARGE.upper())


@case("BLOCK_06", "GET in blocks of 16 bytes")
async def block_06(stage: Stage) -> None:
    """The smallest blocks, asked for early."""
    assert await stage.ask("GET", "large", block=16) == Reply("2.05", LARGE)
    check_blocks(stage.tap.responses(), "block2", 16, LARGE)
