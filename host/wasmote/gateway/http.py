"""The HTTP face: what is stored and how the boards are, as JSON.

`/predictions` pages by prediction id: `since=ID` gives those after it, oldest first, and `next` is what to
ask for then; without `since` it gives the newest. `/events` tells what was rolled back and what moved; POST
to `/moves` moves a module.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from wasmote.errors import Busy, UsageFault, WasmoteError
from wasmote.gateway.config import LOOPBACK

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.datastructures import Headers
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route
except ImportError as fault:  # pragma: no cover - depends on the environment
    raise WasmoteError(
        f"the gateway needs {fault.name}, which is not installed", "pip install 'wasmote[gateway]'"
    ) from fault

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from wasmote.gateway.config import HttpSettings
    from wasmote.gateway.core import Gateway

LIMIT_DEFAULT = 100
LIMIT_MAX = 10_000
GRACE_S = 5
_SQLITE_INTEGER_MAX = 2**63 - 1


def make_app(gateway: Gateway) -> Starlette:
    """The application that tells of a gateway, and moves its modules."""
    store = gateway.store

    async def predictions(request: Request) -> JSONResponse:
        board = request.query_params.get("board")
        if board is not None and board not in gateway.sessions:
            raise UsageFault(f"there is no board {board!r}", f"boards are: {', '.join(gateway.sessions)}")
        limit = _number(request, "limit", LIMIT_DEFAULT, LIMIT_MAX)
        if "since" in request.query_params:
            since = _number(request, "since", 0, _SQLITE_INTEGER_MAX)
            found = await store.predictions_after(since, board, limit)
        else:
            since = 0
            found = await store.newest_predictions(board, limit)
        newest = found[-1].id if found else since
        return JSONResponse({"predictions": [one.to_json() for one in found], "next": newest})

    async def all_boards(_: Request) -> JSONResponse:
        return JSONResponse({"boards": await gateway.describe()})

    async def events(request: Request) -> JSONResponse:
        found = await store.events(_number(request, "limit", LIMIT_DEFAULT, LIMIT_MAX))
        return JSONResponse({"events": [event.to_json() for event in found]})

    async def moves(request: Request) -> JSONResponse:
        _only_from_here(request)
        asked = _move_of(await request.body())
        return JSONResponse(asdict(await gateway.move(**asked)))

    async def healthz(_: Request) -> JSONResponse:
        if fault := store.database.fault:
            return JSONResponse({"status": "failing", "error": str(fault)}, status_code=503)
        await store.last_prediction()  # the store answers
        states = {board["name"]: board["state"] for board in await gateway.describe()}
        return JSONResponse({"status": "ok", "boards": states, **gateway.describe_parts()})

    routes = [
        Route("/predictions", predictions),
        Route("/boards", all_boards),
        Route("/events", events),
        Route("/moves", moves, methods=["POST"]),
        Route("/healthz", healthz),
    ]
    faults = {Forbidden: _forbidden, UsageFault: _bad_request, WasmoteError: _failed}
    return Starlette(routes=routes, exception_handlers=faults, middleware=[Middleware(_OwnNames)])


class Forbidden(WasmoteError):
    """This request is not taken from there."""


class _OwnNames:
    """Answers only to names of this machine itself.

    A page in a browser here reaches this address too, under a name of its own that it has had resolved to
    127.0.0.1 (DNS rebinding): its requests say that name in Host. The port is not looked at: a tunnel has
    another one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or answer 403."""
        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else ""
        if host and _parts(f"//{host}").hostname not in LOOPBACK:
            answer = JSONResponse({"error": f"the gateway is not called {host[:80]}"}, status_code=403)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)


@contextlib.contextmanager
def listen(settings: HttpSettings) -> Iterator[socket.socket]:
    """Take the configured address. Raises Busy when it is taken, UsageFault when it is not ours."""
    address = f"{settings.host}:{settings.port}"
    try:
        family, *_, place = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(place, family=family)
    except socket.gaierror as fault:
        raise UsageFault(f"http: {address}: {fault.strerror}", "name an address of this machine") from fault
    except PermissionError as fault:
        raise UsageFault(f"http: {address}: {fault.strerror}", "take a `port` above 1023") from fault
    except OSError as fault:
        raise Busy(
            f"http: {address}: {os.strerror(fault.errno or 0)}", "stop what listens there, or change `port`"
        ) from fault
    with listener:
        # What is accepted inherits it. asyncio sets it only where the protocol is named, and create_server
        # names none: an answer in two writes, head and body, would wait 40 ms for a delayed ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


async def serve(app: Starlette, listener: socket.socket) -> None:
    """Serve until cancelled; requests under way are answered first, for at most `GRACE_S`."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=GRACE_S
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]), name="uvicorn")
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """Leaves the signals to the gateway, which ends everything in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) > most:
        raise UsageFault(f"{name}={text[:40]} is not a number from 0 to {most}")
    return int(text)


def _parts(url: str) -> SplitResult:
    """Split an address of a header; one that is none has no parts."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _only_from_here(request: Request) -> None:
    """Refuse what comes from pages in a browser on this machine."""
    origin = request.headers.get("origin")
    if origin is not None and _parts(origin).netloc != request.headers.get("host"):
        raise Forbidden(f"pages of {origin[:80]} do not move modules")
    if request.headers.get("content-type") != "application/json":  # another origin's page must ask first
        raise Forbidden("the request has no content type application/json")


def _move_of(body: bytes) -> dict[str, Any]:
    """What a request to move says: module, source, target, and slot where one is asked for."""
    try:
        asked = json.loads(body)
    except ValueError as fault:
        raise UsageFault(f"the body is no JSON: {fault}") from fault
    kinds = {"module": str, "source": str, "target": str, "slot": int}
    if not isinstance(asked, dict) or not {"module", "source", "target"} <= asked.keys() <= kinds.keys():
        raise UsageFault(
            'expected {"module": …, "source": …, "target": …}, and "slot" where one is asked for'
        )
    wrong = [name for name, value in asked.items() if type(value) is not kinds[name]]
    if wrong:
        raise UsageFault(f"{wrong[0]} is no {kinds[wrong[0]].__name__}")
    return asked


async def _forbidden(_: Request, fault: Any) -> JSONResponse:
    return JSONResponse({"error": str(fault)}, status_code=403)


async def _bad_request(_: Request, fault: Any) -> JSONResponse:
    return JSONResponse({"error": str(fault)}, status_code=400)


async def _failed(_: Request, fault: Any) -> JSONResponse:
    return JSONResponse({"error": str(fault)}, status_code=503)
