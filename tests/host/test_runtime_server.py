"""The host node's place on the network."""

from __future__ import annotations

import socket

import pytest

from wasmote.errors import UsageFault
from wasmote.runtime.server import serve


async def test_a_port_is_not_shared() -> None:
    async with serve() as (_, link):
        port = int(link.rpartition(":")[2])
        with pytest.raises(UsageFault, match="cannot be had: Address already in use"):
            async with serve(port=port):
                pass
        with socket.socket() as tcp:
            tcp.bind(("127.0.0.1", port))  # it is a node over UDP, and nothing else
