"""The host node's place on the network."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiocoap import Code

from wasmote.build import build_bundle
from wasmote.errors import CoapError, UsageFault
from wasmote.limits import MODULE_HEAD_MAX
from wasmote.node import FORMAT_CBOR, Node
from wasmote.runtime.server import serve
from wasmote.wire.codec import encode
from wasmote.wire.modules import Control

MODULES = Path(__file__).parents[1] / "modules"


async def test_a_port_is_not_shared() -> None:
    async with serve() as (_, link):
        port = int(link.rpartition(":")[2])
        with pytest.raises(UsageFault, match="cannot be had: Address already in use"):
            async with serve(port=port):
                pass
        with socket.socket() as tcp:
            tcp.bind(("127.0.0.1", port))  # it is a node over UDP, and nothing else


async def test_a_time_is_taken_as_a_board_takes_it() -> None:
    async with serve() as (_, link), await Node.connect(link) as node:
        await node.set_time(datetime(2026, 3, 1, tzinfo=UTC))
        for late in (250_246_627_200_000, 253_402_300_799_999, "noon"):
            with pytest.raises(CoapError) as caught:
                await node.request("PUT", "/time", encode(late), FORMAT_CBOR)
            assert caught.value.code is Code.BAD_REQUEST


async def test_no_events_at_all_are_no_request() -> None:
    async with serve() as (_, link), await Node.connect(link) as node:
        await node.install(0, build_bundle(MODULES / "counter.toml").to_bytes())
        for operation in (Control.START, Control.PAUSE):
            await node.control(0, operation)
        with pytest.raises(CoapError) as caught:
            await node.request("POST", "/modules/0/event", encode([]), FORMAT_CBOR)
        assert caught.value.code is Code.BAD_REQUEST


async def test_a_manifest_that_no_board_keeps_is_too_large() -> None:
    made = build_bundle(MODULES / "counter.toml")
    manifest = made.manifest.to_cbor()
    of_later_versions = encode(99) + encode(bytes(MODULE_HEAD_MAX))
    longer = bytes([manifest[0] + 1]) + manifest[1:] + of_later_versions  # a pair more
    async with serve() as (_, link), await Node.connect(link) as node:
        with pytest.raises(CoapError) as caught:
            await node.install(0, encode(longer) + encode(made.module))
        assert caught.value.code is Code.REQUEST_ENTITY_TOO_LARGE
