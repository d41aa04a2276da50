"""How many requests a second the gateway serves and makes, beside an empty aiocoap echo in the same run.

aiocoap_ratio: what a running gateway daemon serves over HTTP, in proportion to what an empty aiocoap server
serves to aiocoap's own client. The gateway follows a native board that runs the flood module, a request is
GET /predictions?limit=1, which reads its database. Both are processes of their own on this machine, have one
client, which keeps its connection and asks again when it has the answer.
gateway_session_ratio: likewise for what a gateway asks itself: GETs of /time that its session with the native
board makes over UDP.

The three take turns; the figures are medians of the rounds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from aiocoap import Code, Context
from aiocoap.message import Message

from bench_boards import DAY_MS, FLOOD
from wasmote.gateway.config import GatewayConfig
from wasmote.gateway.core import Gateway
from wasmote.gateway.logs import log_to_stderr
from wasmote.node import Node
from wasmote.sim import Simulator
from wasmote.wire.samples import Sample

BOARD = "board"
COUNT = 400
ROUNDS = 5
DAYS = 60  # fed to the module, so that there are predictions to serve

RATIO_IS = (
    "gateway_http_requests_per_s / aiocoap_echo_requests_per_s: GET /predictions?limit=1 of a gateway daemon "
    "that follows a board / GET of one byte from an empty aiocoap server by aiocoap's client; in turns"
)

CONFIG = """
[gateway]
store = "{store}"

[http]
port = 0

[boards.{board}]
link = "{link}"

[modules.flood]
project = "{flood}/flood.toml"

[pipelines.flood]
source = "flood/features"
model = {{ kind = "onnx", file = "{flood}/model.onnx" }}
sinks = [{{ kind = "stdout" }}]
"""


@contextlib.asynccontextmanager
async def running(*command: str, stderr: int | None = None) -> AsyncIterator[Process]:
    """Run a Python program until the block is left."""
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=PIPE, stderr=stderr)
    try:
        yield process
    finally:
        process.terminate()
        await process.communicate()


@contextlib.asynccontextmanager
async def echo() -> AsyncIterator[str]:
    """Run the empty server; yields its link."""
    async with running(str(Path(__file__).with_name("bench_echo.py"))) as process:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()


@contextlib.asynccontextmanager
async def daemon(folder: Path, link: str) -> AsyncIterator[str]:
    """Run a gateway that has made a prediction; yields the address of its HTTP face."""
    config = folder / "gateway.toml"
    config.write_text(CONFIG.format(store="daemon.sqlite", board=BOARD, link=link, flood=FLOOD))
    command = ("-m", "wasmote", "gateway", "run", str(config))
    async with running(*command, stderr=PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = ""
        async for line in process.stderr:
            entry = json.loads(line)
            url = entry.get("http", url)
            if entry["event"] == "following":
                break
        await feed(link)
        await process.stdout.readline()
        drains = [asyncio.create_task(pipe.read()) for pipe in (process.stdout, process.stderr)]
        yield url
        for drain in drains:
            drain.cancel()


async def feed(link: str) -> None:
    """Give the module what it makes features of."""
    async with await Node.connect(link) as node:
        for first in range(0, DAYS, 20):
            days = range(first, first + 20)
            await node.feed("river", [Sample(day * DAY_MS, (3.0, 50.0)) for day in days])


async def rate(ask: Callable[[], Awaitable[object]]) -> float:
    """Ask again and again; return how often a second."""
    begun = time.perf_counter()
    for _ in range(COUNT):
        await ask()
    return COUNT / (time.perf_counter() - begun)


def http_rate(connection: HTTPConnection) -> float:
    """The same over HTTP; blocks."""
    begun = time.perf_counter()
    for _ in range(COUNT):
        connection.request("GET", "/predictions?limit=1")
        answer = connection.getresponse()
        found = json.loads(answer.read())["predictions"]
        assert (answer.status, len(found)) == (200, 1)
    return COUNT / (time.perf_counter() - begun)


async def measure(folder: Path) -> dict[str, list[float]]:
    """Let the three take turns; return the rates of each."""
    rates: dict[str, list[float]] = {"gateway_http": [], "gateway_session": [], "aiocoap_echo": []}
    async with await Simulator.start("native") as served, await Simulator.start("native") as asked:
        own = {
            "gateway": {"store": folder / "session.sqlite"},
            "http": {"port": 0},
            "boards": {BOARD: {"link": asked.url}},
        }
        async with (
            daemon(folder, served.url) as address,
            Gateway(GatewayConfig.model_validate(own)).running() as gateway,
            echo() as link,
        ):
            await gateway.following(BOARD)
            node, client = gateway.nodes[BOARD], await Context.create_client_context(transports=["udp6"])
            connection = HTTPConnection(urlsplit(address).netloc)

            async def get() -> None:
                answer = await client.request(Message(code=Code.GET, uri=f"{link}/time")).response
                assert answer.code is Code.CONTENT

            for _ in range(ROUNDS):
                rates["gateway_http"].append(await asyncio.to_thread(http_rate, connection))
                rates["gateway_session"].append(await rate(lambda: node.request("GET", "/time")))
                rates["aiocoap_echo"].append(await rate(get))
            connection.close()
            await client.shutdown()
    return rates


async def beside_aiocoap() -> dict[str, object]:
    """The rates and their ratios to that of the empty echo."""
    log_to_stderr("warning")
    with tempfile.TemporaryDirectory() as folder:
        rates = await measure(Path(folder))
    medians = {name: statistics.median(measured) for name, measured in rates.items()}
    return {
        "aiocoap_ratio": round(medians["gateway_http"] / medians["aiocoap_echo"], 3),
        "aiocoap_ratio_is": RATIO_IS,
        "gateway_session_ratio": round(medians["gateway_session"] / medians["aiocoap_echo"], 3),
        **{f"{name}_requests_per_s": round(median, 1) for name, median in medians.items()},
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(beside_aiocoap()), indent=2))
