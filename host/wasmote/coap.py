"""CoAP to one node: an aiocoap context with one transport, requests, uploads, and errors of ours.

aiocoap is built up by hand here (its own factory opens every transport it knows), so that slipmux and UDP
get the same `TokenManager`: one that can send a second request with a token already in use, which is how
RFC 7641 renews (section 3.3.1) and cancels (section 3.6) an observation.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiocoap import Code, Context, error
from aiocoap.message import Message, UndecidedRemote
from aiocoap.messagemanager import MessageManager
from aiocoap.numbers.constants import TransportTuning
from aiocoap.tokenmanager import TokenManager

from wasmote.errors import (
    CoapError,
    DeviceNotFound,
    LinkDown,
    NoAnswer,
    NothingThere,
    UsageFault,
    WasmoteError,
)
from wasmote.link import trace
from wasmote.link.connection import Connection, LinkState, Opener, Sleeper, backoff
from wasmote.link.ports import open_port
from wasmote.link.transport import LinkBroken, SlipmuxInterface, UdpInterface
from wasmote.link.url import CoapLink, Link, StreamLink, TcpLink, UnixLink
from wasmote.output import OutputFault
from wasmote.upload import Upload
from wasmote.wire.node import NodeInfo

if TYPE_CHECKING:
    from aiocoap.pipe import Pipe

    from wasmote.upload import Progress

MESSAGE_MAX = 1152  # bytes that a node reads (firmware/SPEC.md)
HEADER_MAX = 4 + 8  # with the longest token, RFC 7252 section 3
URI_PART_MAX = 255  # bytes of one Uri-Path or Uri-Query, RFC 7252 section 5.10

_log = logging.getLogger("wasmote.coap")


@dataclass(frozen=True, slots=True)
class Timing:
    """When a request is sent again and when it is given up (RFC 7252 section 4.8)."""

    ack_timeout_s: float  # ACK_TIMEOUT: before the first retransmission, doubling from there
    retransmits: int  # MAX_RETRANSMIT

    def tuning(self) -> TransportTuning:
        """Return aiocoap's form of it."""
        tuning = TransportTuning()
        tuning.ACK_TIMEOUT = self.ack_timeout_s
        tuning.MAX_RETRANSMIT = self.retransmits
        return tuning


@dataclass(frozen=True, slots=True)
class Timings:
    """Timing by purpose. The defaults suit a slow UART and a node that may be erasing flash for 2 s."""

    probe: Timing = Timing(
        0.25, 4
    )  # a board that is just booting answers soon, a silent one is known after 8 to 12 s
    request: Timing = Timing(2.0, 3)
    alive: Timing = Timing(1.0, 3)  # whether a node that has nothing to tell is still there: 15 s or more
    install: Timing = Timing(4.0, 5)  # the first block may erase a flash sector; here, tries of two copies


NO_ECHO = b"\0"  # no node has ever given this value: it is answered with one (RFC 9175 section 2.3)


class NodeBusy(CoapError):
    """The node serves someone else just now (5.03): its exit status is that of `Busy`."""

    exit_code = 4


class SteadyTokens(TokenManager):  # type: ignore[misc] # aiocoap has no types
    """aiocoap's token manager, able to use a token a second time.

    The first one is random over 32 bits: a node may still notify the tokens of our predecessor on this line.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._token = secrets.randbits(32)
        self._fixed: bytes | None = None

    def next_token(self) -> bytes:
        """Return a new token, or the one that `request_with_token` asks for."""
        token: bytes = self._fixed if self._fixed is not None else super().next_token()
        return token

    def request_with_token(self, pipe: Pipe, token: bytes | None) -> None:
        """Send the request in `pipe`, with this token where one is given."""
        self._fixed = token
        try:
            self.request(pipe)  # takes the token before it returns
        finally:
            self._fixed = None


class Exchanges(MessageManager):  # type: ignore[misc]
    """aiocoap's message layer, able to stop repeating a message whose sender has given it up."""

    def abandon(self, message: Message) -> None:
        """Forget a confirmable message, so that the next one can go out (NSTART is 1)."""
        remote = message.remote
        if remote in self._backlogs:
            self._backlogs[remote] = [entry for entry in self._backlogs[remote] if entry[0] is not message]
        _, repetition = (self._active_exchanges or {}).pop((remote, message.mid), (None, None))
        if repetition is not None:
            repetition.cancel()
            if remote in self._backlogs:
                self._continue_backlog(remote)


class Endpoint:
    """The way to one node: an aiocoap context, the node's address, on a serial link its `Connection`."""

    def __init__(
        self,
        link: Link,
        timings: Timings | None = None,
        on_diagnostic: Callable[[str], None] | None = None,
        *,
        opener: Opener = open_port,
        sleep: Sleeper = asyncio.sleep,
    ) -> None:
        self.link = link
        self.timings = timings or Timings()
        self.log = _log
        self.connection: Connection | None = None
        self.context = Context(loggername=_log.name)
        self.tokens = SteadyTokens(self.context)
        self.at_close: set[Callable[[], Awaitable[None]]] = set()  # what to do while the link is still there
        self._messages = Exchanges(self.tokens)
        self._remote: Any = None
        self._asking = asyncio.Lock()
        self._boot_known: tuple[float, bytes | None] | None = None  # when it was told, and what
        self._echo: bytes | None = None  # what shows the node that we are where we say
        self._on_diagnostic = on_diagnostic
        self._opener = opener
        self.sleep = sleep

    async def open(self) -> None:
        """Open the port or socket; to be closed even if that fails.

        Raises `DeviceNotFound`, `PermissionRefused`, `Busy` or `NoAnswer`.
        """
        if isinstance(self.link, CoapLink):
            await self._open_udp(self.link)
        else:
            await self._open_slipmux(self.link)

    async def _open_udp(self, link: CoapLink) -> None:
        udp = await UdpInterface.create_client_transport_endpoint(
            self._messages, log=_log, loop=self.context.loop
        )
        udp.tap = trace.tap(str(link))
        self._install(udp)
        self._remote = await self._resolve(link)

    async def _open_slipmux(self, link: StreamLink) -> None:
        slipmux = SlipmuxInterface(self._messages, link.name, _log)
        self.connection = Connection(
            link,
            slipmux.received,
            self._on_diagnostic,
            tap=trace.tap(str(link)),
            opener=self._opener,
            sleep=self.sleep,
        )
        self._install(slipmux)
        slipmux.attach(self.connection)
        self._remote = slipmux.address
        await self.connection.open()

    def _install(self, interface: Any) -> None:
        self._messages.message_interface = interface
        self.tokens.token_interface = self._messages
        self.context.request_interfaces.append(self.tokens)

    async def _resolve(self, link: CoapLink) -> Any:
        probe = self.message(Code.GET, "/")
        probe.remote = UndecidedRemote("coap", link.name)
        try:
            await self.context.find_remote_and_interface(probe)
        except (error.NetworkError, OSError) as fault:
            raise DeviceNotFound(
                f"{link}: host not found", "check the name, or give its IP address"
            ) from fault
        return probe.remote

    async def close(self) -> None:
        """End every request with `LinkDown` and let go of the port or socket."""
        for action in list(self.at_close):
            await action()
        if self.context.request_interfaces:
            await self.context.shutdown()
            self.context.request_interfaces.clear()
        if self.connection is not None:
            await self.connection.close()

    async def probe(self) -> None:
        """Make sure that somebody answers, be it with an error. Raises `NoAnswer` soon.

        Over UDP it gets an Echo value of the node on the way: until it has that back, or an answer to a ping,
        a node sends little (SPEC, Proof).
        """
        question = self.message(Code.GET, "/node")
        if isinstance(self.link, CoapLink) and self._echo is None:
            question.opt.echo = NO_ECHO
        question.transport_tuning = self.timings.probe.tuning()
        await self.exchange(question)

    async def ask_boot_id(self, fresh_s: float) -> bytes | None:
        """Make sure that the node is still there; return which start of it this is, where it says so.

        An answer of the last `fresh_s` seconds will do: several observations ask for one and the same node.
        Raises `NoAnswer` or `LinkDown`.
        """
        clock = asyncio.get_running_loop().time
        async with self._asking:
            if self._boot_known is None or clock() > self._boot_known[0] + fresh_s:
                boot_id = await self._get_boot_id()
                self._boot_known = clock(), boot_id
            return self._boot_known[1]

    async def _get_boot_id(self) -> bytes | None:
        question = self.message(Code.GET, "/node")
        question.transport_tuning = self.timings.alive.tuning()
        try:
            answer = await self.exchange(question)
        except RepresentationChanged:  # between its blocks
            return None
        if not answer.code.is_successful():
            return None
        return NodeInfo.from_cbor(answer.payload, "/node").boot_id

    async def wait_up(self) -> None:
        """Wait until a request can be sent again. Raises `LinkDown` once the endpoint is closed."""
        if not self.context.request_interfaces:
            raise LinkDown(f"{self.link}: the link is closed")
        if self.connection is None:
            await self._wait_for_answer()
        elif await self.connection.wait_for(LinkState.UP, LinkState.CLOSED) is LinkState.CLOSED:
            raise self.connection.down()

    async def _wait_for_answer(self) -> None:
        """Ask until somebody answers: UDP has no link that could tell that it is back."""
        for pause in backoff():
            try:
                await self.probe()
            except (LinkDown, NoAnswer):
                if not self.context.request_interfaces:
                    raise
                await self.sleep(pause)
            else:
                return

    def message(
        self, code: Code, path: str, payload: bytes = b"", content_format: int | None = None
    ) -> Message:
        """Build a request for `path`, which may hold a query."""
        path, _, query = path.partition("?")
        message = Message(code=code, payload=payload, transport_tuning=self.timings.request.tuning())
        message.opt.uri_path = tuple(segment for segment in path.split("/") if segment)
        if query:
            message.opt.uri_query = tuple(query.split("&"))
        if content_format is not None:
            message.opt.content_format = content_format
        if self._echo is not None:
            message.opt.echo = self._echo
        message.remote = self._remote
        return message

    async def exchange(self, message: Message, *, blockwise: bool = True) -> Message:
        """Send a request; return the response, whatever its code, put together from its blocks.

        Raises `LinkDown`, `NoAnswer`, or `WasmoteError` for what breaks the protocol.
        """
        response = await self._exchange(message, blockwise)
        if self.takes_echo(response):
            return await self._exchange(self._with_echo(message), blockwise)
        return response

    def _with_echo(self, message: Message) -> Message:
        return message.copy(mid=None, token=b"", echo=self._echo)

    async def _exchange(self, message: Message, blockwise: bool) -> Message:
        if not self.context.request_interfaces:
            raise LinkDown(f"{self.link}: the link is closed")
        require_fit(message)
        try:
            return await self.context.request(message, handle_blockwise=blockwise).response
        except (error.Error, OSError) as fault:
            raise self.explain(fault) from fault

    def takes_echo(self, response: Message) -> bool:
        """Whether the node wants the request once more, with the Echo value that came with this response.

        It has not executed it (RFC 9175 section 2.3). Requests carry the value from then on.
        """
        if response.code is not Code.UNAUTHORIZED or response.opt.echo is None:
            return False
        self._echo = response.opt.echo
        return True

    async def get(self, path: str) -> Message:
        """GET a whole representation. One that changes between its blocks is read again."""
        for _ in range(3):
            try:
                return await self.exchange(self.message(Code.GET, path))
            except RepresentationChanged:
                continue
        return await self.exchange(self.message(Code.GET, path))

    async def attempt(self, message: Message, pause_s: float, within_s: float) -> Message | None:
        """Send a request that may get lost, a second time after a pause; None when no answer came in time.

        Unlike `exchange`, silence is no error that ends everything else on this link. Raises `LinkDown`, or
        `WasmoteError` for what breaks the protocol.
        """
        tuning = Timing(pause_s, retransmits=2).tuning()
        tuning.ACK_RANDOM_FACTOR = 1.0
        message.transport_tuning = tuning
        try:
            async with asyncio.timeout(within_s):
                response = await self._exchange(message, blockwise=False)
                if self.takes_echo(response):
                    message = self._with_echo(message)
                    response = await self._exchange(message, blockwise=False)
                return response
        except (TimeoutError, NoAnswer):  # NoAnswer: to another request, but aiocoap tells all of them
            return None
        finally:
            self._messages.abandon(message)

    async def upload(
        self, code: Code, path: str, body: bytes, content_format: int | None, progress: Progress | None
    ) -> Message:
        """Send a body block by block; return the whole response to the last one. See `Upload.run`.

        `progress` gets (bytes taken by the node, all bytes).
        """
        return await Upload(
            self, lambda: self.message(code, path, content_format=content_format), body, progress
        ).run()

    async def complete(self, first: Message, make: Callable[[], Message]) -> Message:
        """Fetch the later blocks of the answer to an upload, with requests from `make` (RFC 7959, 3.3).

        Raises `RepresentationChanged`, and what `exchange` does.
        """
        whole, last = first.payload, first
        while last.opt.block2 is not None and last.opt.block2.more:
            message = make()
            size_exponent = last.opt.block2.size_exponent
            message.opt.block2 = (len(whole) >> (4 + size_exponent), False, size_exponent)
            last = await self.exchange(message, blockwise=False)
            if not last.code.is_successful():
                return last
            if last.opt.etag != first.opt.etag:
                raise RepresentationChanged(f"{self.link}: the answer changed while it was being read")
            whole += last.payload
        first.payload = whole
        return first

    def explain(self, fault: BaseException) -> WasmoteError:
        """Turn an error of aiocoap into one of ours. Raises `OutputFault`, which is none of the link."""
        match fault:
            case OutputFault():  # of the trace
                raise fault
            case LinkBroken():
                return LinkDown(fault.message, "it is re-opened as soon as the port is back")
            case error.LibraryShutdown():
                return LinkDown(f"{self.link}: the link is closed")
            case error.ConRetransmitsExceeded() | error.TimeoutError():
                return NoAnswer(f"{self.link}: the node does not answer", _silence_hint(self.link))
            case error.ResourceChanged():
                return RepresentationChanged(f"{self.link}: the answer changed while it was being read")
            case error.MessageError():
                return WasmoteError(f"{self.link}: the node rejected the message (RST)")
            case error.NetworkError() | OSError():
                if isinstance(fault.__cause__, ConnectionRefusedError):
                    return NothingThere(f"{self.link}: nothing answers there", _silence_hint(self.link))
                return LinkDown(f"{self.link}: cannot be reached: {fault.__cause__ or fault}")
        return WasmoteError(
            f"{self.link}: {type(fault).__name__}: {fault}", "is the firmware of the version of this package?"
        )


class RepresentationChanged(WasmoteError):
    """The blocks of one answer are of different representations (RFC 7959 section 2.4)."""


def require_fit(request: Message) -> None:
    """Raise `UsageFault` for a request that no node would read: too long a one is dropped unanswered."""
    path, query = "/".join(request.opt.uri_path), "&".join(request.opt.uri_query)
    for what, parts in (("a part of the path", request.opt.uri_path), ("the query", request.opt.uri_query)):
        longest = max((len(part.encode()) for part in parts), default=0)
        if longest > URI_PART_MAX:
            raise UsageFault(f"{what} has {longest} bytes", f"CoAP allows {URI_PART_MAX} (RFC 7252)")
    size = HEADER_MAX + len(request.opt.encode()) + len(request.payload) + bool(request.payload)
    if size > MESSAGE_MAX:
        raise UsageFault(
            f"a request of {size} bytes, {len(path) + len(query)} of them path and query",
            f"a node reads messages of up to {MESSAGE_MAX} bytes",
        )


def check(response: Message, request_line: str) -> Message:
    """Return a successful response. Raises `CoapError` with the node's own words for any other."""
    if response.code.is_successful():
        return response
    diagnostic = response.payload.decode(errors="replace") if response.opt.content_format is None else ""
    reason = f": {diagnostic}" if diagnostic else ""
    kind = NodeBusy if response.code is Code.SERVICE_UNAVAILABLE else CoapError
    raise kind(f"{request_line}: {response.code}{reason}", response.code, diagnostic, _hint(response.code))


def _hint(code: Code) -> str:
    match code:
        case Code.NOT_FOUND:
            return "`wasmote get /.well-known/core` lists what the node has"
        case Code.SERVICE_UNAVAILABLE:
            return "try again when the other upload has ended, at the latest after a minute"
    return ""


def _silence_hint(link: Link) -> str:
    match link:
        case CoapLink():
            return "is the node running, and does UDP get through to it?"
        case TcpLink() | UnixLink():
            return (
                "is another program connected to this emulator? It serves one at a time. Else: does it run?"
            )
    return "does the board run the wasmote firmware, at this speed (?baud=), and is it out of reset?"
