"""One observation of one resource (RFC 7641), from registration to deregistration.

aiocoap's own `request.observation` keeps one notification at most, tells nothing to the server when it is
dropped, and is not renewed. This one drives aiocoap's `Pipe` itself: it queues, renews the registration when
Max-Age has passed without news, and deregisters with Observe=1.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiocoap import Code, error
from aiocoap.pipe import Pipe

from wasmote.coap import check
from wasmote.errors import Busy, LinkDown, NoAnswer, WasmoteError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocoap.message import Message

    from wasmote.coap import Endpoint

REGISTER = 0  # values of the Observe option in a request, RFC 7641 section 2
DEREGISTER = 1
MAX_AGE_DEFAULT_S = 60.0  # RFC 7252 section 5.10.5
MAX_AGE_MIN_S = 1.0  # a Max-Age of 0 must not make us ask without a pause
QUEUE_MAX = 256  # notifications that wait for a slow reader; beyond it the oldest are skipped
ORDER_RESET_S = 128.0  # RFC 7641 section 3.4: after so long any notification is newer


class NotObserved(Busy):
    """The node answered, but will not notify."""


class Freshness:
    """Tells notifications that were overtaken on the way (RFC 7641 section 3.4)."""

    def __init__(self) -> None:
        self._last: tuple[int, float] | None = None

    def is_newer(self, number: int, now: float) -> bool:
        """Whether a notification with this Observe value, arriving at `now` (s), is newer than all before."""
        if self._last is not None:
            last, then = self._last
            ahead = (number - last) % 2**24
            if not (0 < ahead < 2**23 or now > then + ORDER_RESET_S):
                return False
        self._last = (number, now)
        return True


class Observation:
    """Registers when it is entered, deregisters when it is left; `next()` waits for a representation."""

    def __init__(self, endpoint: Endpoint, path: str) -> None:
        self._endpoint = endpoint
        self._path = path
        self._line = f"observe {path}"
        self._token: bytes | None = None
        self._stop: Callable[[], None] = lambda: None
        self._queue: asyncio.Queue[Message | BaseException] = asyncio.Queue()
        self._freshness = Freshness()
        self._max_age_s = MAX_AGE_DEFAULT_S
        self._notifying = False  # the node has us in its list

    async def __aenter__(self) -> Observation:
        self._endpoint.at_close.add(self.end)
        await self._register()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._endpoint.at_close.discard(self.end)
        await self.end()

    async def end(self) -> None:
        """Deregister; whoever waits in `next()` gets `LinkDown`."""
        self._stop()
        self._put(LinkDown(f"{self._line}: the link is closed"))
        if self._notifying:
            self._notifying = False
            await self._deregister()

    async def next(self) -> Message:
        """Return the next representation, the present one first.

        Raises `CoapError` when the node refuses, `NotObserved` when it does not notify, `LinkDown` when the
        link breaks or the node ends the observation.
        """
        while True:
            try:
                async with asyncio.timeout(self._max_age_s):
                    event = await self._queue.get()
            except TimeoutError:
                await self._register()  # the node may have been reset, and know nothing of us any more
                continue
            if isinstance(event, BaseException):
                self._notifying = False
                raise self._explain(event) from event
            return await self._complete(check(event, self._line))

    async def _register(self) -> None:
        self._stop()
        self._freshness = Freshness()  # a node that was reset counts from the beginning
        message = self._endpoint.message(Code.GET, self._path)
        message.opt.observe = REGISTER
        pipe = Pipe(message, self._endpoint.log)
        self._stop = pipe.on_event(self._take)
        await self._send(pipe)
        self._token = message.token

    async def _deregister(self) -> None:
        """Tell the node, without waiting for its answer: we may be on the way out."""
        message = self._endpoint.message(Code.GET, self._path)
        message.opt.observe = DEREGISTER
        pipe = Pipe(message, self._endpoint.log)
        pipe.on_event(lambda _: False)
        try:
            await self._send(pipe)
        except WasmoteError:
            return  # no link, no observation

    async def _send(self, pipe: Pipe) -> None:
        endpoint = self._endpoint
        if not endpoint.context.request_interfaces:
            raise LinkDown(f"{endpoint.link}: the link is closed")
        try:
            await endpoint.context.find_remote_and_interface(pipe.request)
        except (error.Error, OSError) as fault:
            raise endpoint.explain(fault) from fault
        endpoint.tokens.request_with_token(pipe, self._token)

    def _take(self, event: Pipe.Event) -> bool:
        """Take an event from aiocoap; the result says whether more are wanted."""
        if event.exception is not None:
            # RST arrives as the class (tokenmanager.py of aiocoap 0.4.17), everything else as an instance
            self._put(event.exception() if isinstance(event.exception, type) else event.exception)
            return False
        message = event.message
        if event.is_last:
            self._take_last(message)
            return False
        self._notifying = True
        if self._freshness.is_newer(message.opt.observe, asyncio.get_running_loop().time()):
            max_age = MAX_AGE_DEFAULT_S if message.opt.max_age is None else float(message.opt.max_age)
            self._max_age_s = max(max_age, MAX_AGE_MIN_S)
            self._put(message)
        return True

    def _take_last(self, message: Message) -> None:
        was_notifying, self._notifying = self._notifying, False
        self._put(message)  # next() raises what it says when it is an error
        if message.code.is_successful():
            ended = LinkDown(f"{self._line}: the node ended the observation", "observe again")
            refused = NotObserved(
                f"{self._line}: the node answers, but does not notify",
                "it is not observable, or the node's eight observers are taken; try again later",
            )
            self._put(ended if was_notifying else refused)

    def _put(self, event: Message | BaseException) -> None:
        if self._queue.qsize() >= QUEUE_MAX:
            self._queue.get_nowait()
        self._queue.put_nowait(event)

    async def _complete(self, message: Message) -> Message:
        """Fetch the whole of a representation that does not fit one notification (RFC 7641 section 5.1)."""
        if message.opt.block2 is None or not message.opt.block2.more:
            return message
        return check(await self._endpoint.get(self._path), self._line)

    def _explain(self, fault: BaseException) -> WasmoteError:
        if isinstance(fault, WasmoteError):
            return fault
        explained = self._endpoint.explain(fault)
        if isinstance(explained, NoAnswer):  # for an observer, a silent node and a broken link are the same
            return LinkDown(explained.message, explained.hint)
        return explained
