"""Runs cases: every client against our server, our client against every server."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import metadata

import peers.cases_block
import peers.cases_core
import peers.cases_link
import peers.cases_observe  # noqa: F401 # they register their cases
from peers.aiocoap_client import AiocoapClient
from peers.case import CASES, Case, Stage
from peers.libcoap_client import LibcoapClient
from peers.node_client import MODULES, NodeClient, NodeProcess
from peers.our_client import OurClient
from peers.peer import CannotDo, Client, Server
from peers.servers import AiocoapServer, Board, LibcoapServer
from peers.tap import Datagram, Tap

AT_ONCE = 6  # cases: most of their time they wait for each other's time-outs
CASE_S = 20.0

COLUMNS = {
    "coap-client": "coap-client → wasmote",
    "node-coap": "node-coap → wasmote",
    "aiocoap-client": "aiocoap → wasmote",
    "aiocoap-server": "wasmote → aiocoap",
    "coap-server": "wasmote → coap-server",
}

Cell = tuple[str, str]  # case, column

# What the other side does not do, or does otherwise than the RFC says.
_NO_BLOCK2 = (
    "node-coap takes the later blocks of a notification for an older one: they have no Observe option"
)
_WHOLE = "aiocoap's server sends whole representations to observers, whatever their size"
THEIRS: dict[Cell, str] = {
    ("CORE_21", "coap-server"): "coap-server gives no ETag",
    ("CORE_22", "coap-server"): "coap-server gives no ETag",
    ("CORE_23", "coap-server"): "coap-server takes no notice of If-None-Match",
    ("LINK_03", "aiocoap-server"): "aiocoap's server lists everything for rt=*",
    ("OBS_08", "coap-server"): "coap-server goes on in the new format",
    ("OBS_13", "node-coap"): _NO_BLOCK2,
    ("OBS_14", "node-coap"): _NO_BLOCK2,
    ("OBS_13", "aiocoap-server"): _WHOLE,
    ("OBS_14", "aiocoap-server"): _WHOLE,
}


@dataclass(frozen=True, slots=True)
class Result:
    """How a case went: "pass", "fail", "n/a" or "theirs", and why; after a failure, what was on the wire."""

    status: str
    reason: str = ""
    trace: str = ""


class Peers:
    """Opens the two sides of a column."""

    def __init__(self, node: NodeProcess) -> None:
        self._clients: dict[str, Callable[[int], AbstractAsyncContextManager[Client]]] = {
            "coap-client": LibcoapClient.connect,
            "node-coap": lambda port: NodeClient.connect(node, port),
            "aiocoap-client": AiocoapClient.connect,
        }
        self._servers: dict[str, Callable[[], AbstractAsyncContextManager[Server]]] = {
            "aiocoap-server": AiocoapServer.start,
            "coap-server": LibcoapServer.start,
        }

    @asynccontextmanager
    async def stage(self, column: str) -> AsyncIterator[Stage]:
        """Set up a fresh server, a fresh client, and the tap between them."""
        start = self._servers.get(column, Board.start)
        connect = self._clients.get(column, OurClient.connect)
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(start())
            tap = stack.enter_context(Tap(server.port))
            client = await stack.enter_async_context(connect(tap.port))
            other = await stack.enter_async_context(AiocoapClient.connect(server.port))
            yield Stage(client, server, tap, other)


async def run_case(case: Case, column: str, sides: Peers) -> Result:
    """Run one case with one pair."""
    wire: list[Datagram] = []
    try:
        async with asyncio.timeout(CASE_S), sides.stage(column) as stage:
            wire = stage.tap.datagrams
            await case.run(stage)
    except CannotDo as fault:
        return Result("n/a", str(fault))
    except Exception as fault:  # whatever went wrong is this cell's result, and the others go on
        return Result("fail", f"{type(fault).__name__}: {fault}", "\n".join(map(str, wire)))
    return Result("pass")


def judge(cell: Cell, result: Result) -> Result:
    """Put a failure where it belongs."""
    return Result("theirs", THEIRS[cell]) if cell in THEIRS and result.status == "fail" else result


def versions() -> dict[str, str]:
    """Return the versions of what is not ours."""
    usage = subprocess.run(["coap-client-notls", "--help"], capture_output=True, text=True, check=False)
    found = re.search(r"v(\d[\d.]*)", usage.stderr)
    node_coap = json.loads((MODULES / "coap" / "package.json").read_text())
    return {
        "libcoap": found[1] if found else "?",
        "node-coap": node_coap["version"],
        "aiocoap": metadata.version("aiocoap"),
    }


async def run_cells(cells: Iterable[Cell]) -> dict[Cell, Result]:
    """Run these cases, a few at once."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def run(cell: Cell) -> tuple[Cell, Result]:
        async with turn:
            return cell, judge(cell, await run_case(CASES[cell[0]], cell[1], sides))

    async with NodeProcess.start() as node:
        sides = Peers(node)
        return dict(await asyncio.gather(*map(run, cells)))
