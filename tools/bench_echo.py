"""An empty aiocoap server, to compare with: answers every GET with one byte. Prints its link first."""

from __future__ import annotations

import asyncio
import socket

from aiocoap import Code, Context, resource
from aiocoap.message import Message


class Echo(resource.Resource):  # type: ignore[misc] # aiocoap has no types
    """Every path there is."""

    async def render_get(self, request: Message) -> Message:
        """Answer."""
        return Message(code=Code.CONTENT, payload=b"\0")


def free_port() -> int:
    """Return a UDP port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def main() -> None:
    """Serve until the end of the process."""
    port = free_port()
    await Context.create_server_context(Echo(), bind=("127.0.0.1", port), transports=["udp6"])
    print(f"coap://127.0.0.1:{port}", flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
