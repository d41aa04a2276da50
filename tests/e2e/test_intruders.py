"""Whoever has no key wears out no flash, and takes no candidate away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from aiocoap import Code

from on_board import bundle
from wasmote.coap import Endpoint
from wasmote.keys import new_key
from wasmote.limits import MODULE_HEAD_MAX
from wasmote.link.url import CoapLink, parse_link
from wasmote.node import FORMAT_BUNDLE, Node
from wasmote.signing import sign_bundle
from wasmote.sim import Simulator
from wasmote.wire.bundle import Bundle
from wasmote.wire.keys import KeyChange
from wasmote.wire.node import NodeInfo

ERASES_MAX = 8  # MODULE_ERASES_MAX of the firmware


@pytest_asyncio.fixture(params=["development", "with a key"])
async def good(
    request: pytest.FixtureRequest, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bundle:
    """A bundle that the node takes."""
    if request.param == "development":
        return bundle("counter")
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path / "keys"))
    key = new_key("ours")
    async with await Node.connect(simulator.url) as node:
        await node.change_keys(KeyChange(1, 0, key.public))
    return sign_bundle(bundle("counter"), key)


@asynccontextmanager
async def stranger(simulator: Simulator) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(parse_link(simulator.url))
    await endpoint.open()
    try:
        yield endpoint
    finally:
        await endpoint.close()


async def put(endpoint: Endpoint, content: bytes, at: int, szx: int) -> Code:
    size = 16 << szx
    message = endpoint.message(Code.PUT, "/modules/0", content[at : at + size], FORMAT_BUNDLE)
    message.opt.block1 = (at // size, at + size < len(content), szx)
    return (await endpoint.exchange(message, blockwise=False)).code


async def erased(endpoint: Endpoint) -> int:
    banks = NodeInfo.from_cbor((await endpoint.get("/node")).payload, "/node").banks
    assert banks is not None
    return banks.erased


async def count(simulator: Simulator) -> int:
    """Tell how many banks were erased; the candidate is there."""
    async with await Node.connect(simulator.url) as node:
        assert (await node.modules())[0].candidate is not None
    async with stranger(simulator) as endpoint:
        return await erased(endpoint)


async def install(simulator: Simulator, content: Bundle) -> int:
    async with await Node.connect(simulator.url) as node:
        await node.install(0, content.to_bytes())
    return await count(simulator)


async def test_junk_erases_nothing_and_takes_no_candidate(simulator: Simulator, good: Bundle) -> None:
    before = await install(simulator, good)
    async with stranger(simulator) as endpoint:
        for last in range(0, 256, 16):
            assert not (await put(endpoint, b"junk000" + bytes([last]), 0, 6)).is_successful()
            await put(endpoint, b"\x59\x03\x00" + bytes([last]) * 100, 0, 0)  # a head that never ends
            await put(endpoint, b"\xd2\x84\x43\xa1\x01\x27\xa0" + bytes([last]) * 100, 0, 0)
    assert await count(simulator) == before


async def test_a_head_that_is_too_long_is_refused(simulator: Simulator, good: Bundle) -> None:
    before = await install(simulator, good)
    head = b"\xd2\x84\x43\xa1\x01\x27\xa0\x59\x07\xd0"
    content = head + bytes(2000)
    async with stranger(simulator) as endpoint:
        for at in range(0, MODULE_HEAD_MAX - 64, 64):
            assert await put(endpoint, content, at, 2) is Code.CONTINUE
        last = await put(endpoint, content, MODULE_HEAD_MAX - 64, 2)
        assert last is Code.REQUEST_ENTITY_TOO_LARGE
    assert await count(simulator) == before


async def test_a_head_in_the_smallest_blocks_erases_nothing_before_it_is_whole(
    simulator: Simulator, good: Bundle
) -> None:
    before = await install(simulator, good)
    content = good.to_bytes()
    head = len(content) - len(good.module)
    whole = -(-head // 16) * 16  # with the rest of the block in which it ends
    async with stranger(simulator) as endpoint:
        for at in range(0, len(content) - 16, 16):
            if at == whole - 16:
                assert await erased(endpoint) == before
            assert await put(endpoint, content, at, 0) is Code.CONTINUE
        assert (await put(endpoint, content, (len(content) - 1) // 16 * 16, 0)).is_successful()
    assert await count(simulator) in (before, before + 1)


async def test_a_manifest_that_is_replayed_is_worth_one_erase(simulator: Simulator, good: Bundle) -> None:
    content = good.to_bytes()
    head = -(-(len(content) - len(good.module)) // 16) * 16
    async with stranger(simulator) as endpoint:
        for _ in range(2 * ERASES_MAX):
            for at in range(0, head, 16):
                assert await put(endpoint, content, at, 0) is Code.CONTINUE
        assert await erased(endpoint) == 1


HOG = b"\xd2\x84\x43\xa1\x01\x27\xa0\x59\x03\x00" + bytes(100)  # begins as a signed manifest does, no more


@pytest.fixture
def by_address(simulator: Simulator) -> Simulator:
    """A board that tells its clients apart; on a serial line all of them are one."""
    if not isinstance(parse_link(simulator.url), CoapLink):
        pytest.skip("this board has a serial line only")
    return simulator


async def test_a_manifest_that_may_be_installed_goes_before_one_block_a_minute(
    by_address: Simulator, good: Bundle
) -> None:
    async with stranger(by_address) as hog, stranger(by_address) as client:
        assert await put(hog, HOG, 0, 0) is Code.CONTINUE
        assert await put(client, b"junk", 0, 6) is Code.SERVICE_UNAVAILABLE
        assert (await put(client, good.to_bytes(), 0, 6)).is_successful()
        assert await put(hog, HOG, 16, 0) is Code.REQUEST_ENTITY_INCOMPLETE
    await count(by_address)


async def test_an_upload_of_a_good_manifest_is_ended_by_nobody(by_address: Simulator, good: Bundle) -> None:
    content = good.to_bytes()
    head = -(-(len(content) - len(good.module)) // 16) * 16
    async with stranger(by_address) as client, stranger(by_address) as hog:
        for at in range(0, head, 16):
            assert await put(client, content, at, 0) is Code.CONTINUE
        assert await put(hog, HOG, 0, 0) is Code.SERVICE_UNAVAILABLE
        assert await put(hog, content, 0, 6) is Code.SERVICE_UNAVAILABLE
        for at in range(head, len(content) - 16, 16):
            assert await put(client, content, at, 0) is Code.CONTINUE
        assert (await put(client, content, (len(content) - 1) // 16 * 16, 0)).is_successful()
    await count(by_address)
