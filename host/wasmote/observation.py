"""One observation of one resource (RFC 7641), from registration to deregistration.

aiocoap's own `request.observation` keeps one notification at most, tells nothing to the server when it is
dropped, and is not renewed. This one drives aiocoap's `Pipe` itself: it queues, renews the registration when
Max-Age has passed without news, and deregisters with Observe=1.

A node that has nothing to tell and one that has died are equally quiet, over UDP and behind a serial adapter
alike: after a while of silence it is asked whether it is there, and still the one that it was.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from aiocoap import Code, error
from aiocoap.pipe import Pipe

from wasmote.coap import check, require_fit
from wasmote.errors import Busy, LinkDown, NoAnswer, WasmoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiocoap.message import Message

    from wasmote.coap import Endpoint

REGISTER = 0  # values of the Observe option in a request, RFC 7641 section 2
DEREGISTER = 1
MAX_AGE_DEFAULT_S = 60.0  # RFC 7252 section 5.10.5
MAX_AGE_MIN_S = 1.0  # a Max-Age of 0 must not make us ask without a pause
SILENCE_S = 10.0  # without news before the node is asked whether it is there
QUEUE_MAX = 256  # notifications that wait for a slow reader; beyond it the oldest are skipped
ORDER_RESET_S = 128.0  # RFC 7641 section 3.4: after so long any notification is newer

# A node whose table is full finds out by a confirmable notification who is dead: at once on a serial line, by
# its time-out of at most 93 s over UDP, and it asks nobody again who answered within 30 s (SPEC, Observe).
ROOM_WITHIN_S = 150.0
ROOM_PAUSE_MIN_S = 0.25
ROOM_PAUSE_MAX_S = 8.0

_OBSERVABLE = re.compile(rb";obs(?=[;,=]|$)")  # RFC 7641 section 6


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


class _ProofWanted(Exception):
    """The node wants the registration once more, with an Echo value (RFC 9175 section 2.3)."""


def pauses_for_room() -> Iterator[float]:
    """Yield the pauses, s, before a node is asked once more for a place, until that is no use."""
    pause, waited = ROOM_PAUSE_MIN_S, 0.0
    while waited < ROOM_WITHIN_S:
        yield pause
        waited += pause
        pause = min(2 * pause, ROOM_PAUSE_MAX_S)


class Observation:
    """Registers when it is entered, deregisters when it is left; `next()` waits for a representation.

    A node that has no room for another observer says so by leaving out the Observe option: then it is asked
    again for a while, since it finds out meanwhile which of the others are dead.
    """

    def __init__(self, endpoint: Endpoint, path: str, on_full: Callable[[], None] = lambda: None) -> None:
        self._endpoint = endpoint
        self._on_full = on_full  # told once when a place has to be waited for
        self._path = path
        self._line = f"observe {path}"
        self._token: bytes | None = None
        self._stop: Callable[[], None] = lambda: None
        self._queue: asyncio.Queue[Message | BaseException] = asyncio.Queue()
        self._freshness = Freshness()
        self._max_age_s = MAX_AGE_DEFAULT_S
        self._notifying = False  # the node has us in its list
        self._room: Iterator[float] | None = None  # it had no place for us, and is asked again
        self._shown = b""  # the representation that was returned last
        self._heard_s = 0.0  # when the last news came, by the loop's clock
        self._boot_id: bytes | None = None  # of the node that we are registered at, once it was asked

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

        Raises `CoapError` when the node refuses, `NotObserved` when the resource cannot be observed or no
        place became free, `LinkDown` when the link breaks, the node ends the observation, does not answer
        any more or was restarted.
        """
        while True:
            try:
                async with asyncio.timeout(min(SILENCE_S, self._max_age_s)):
                    event = await self._queue.get()
            except TimeoutError:
                await self._bear_silence()
                continue
            if isinstance(event, _ProofWanted):
                await self._register()  # with what it wants
            elif isinstance(event, NotObserved):
                await self._wait_for_room(event)
            elif isinstance(event, BaseException):
                self._notifying = False
                raise self._explain(event) from event
            elif not self._is_shown(check(event, self._line)):
                return await self._complete(event)

    def _is_shown(self, message: Message) -> bool:
        """Whether this is only the answer to another try, with the same content as before."""
        again = self._room is not None and message.payload == self._shown
        if self._notifying:
            self._room = None
        self._shown = message.payload
        return again

    async def _wait_for_room(self, refusal: NotObserved) -> None:
        """Register again after a pause. Raises `refusal` when that is no use."""
        if self._room is None:
            if not await self._is_observable():
                raise refusal
            self._room = pauses_for_room()
            self._on_full()
        pause = next(self._room, None)
        if pause is None:
            raise refusal
        await self._endpoint.sleep(pause)
        await self._register()

    async def _is_observable(self) -> bool:
        """Ask the node's list: it answers a registration the same way when it will never notify."""
        response = await self._endpoint.get(f"/.well-known/core?href={self._path}")
        return response.code.is_successful() and _OBSERVABLE.search(response.payload) is not None

    async def _bear_silence(self) -> None:
        """Ask the node whether it is there; register again where what it told is stale.

        Only its first answer tells which start of the node it is: it may have been reset just before, and
        know nothing of us any more. The registration that is due after Max-Age mends that.
        """
        try:
            boot_id = await self._endpoint.ask_boot_id(SILENCE_S / 2)
        except NoAnswer as fault:  # for an observer, a silent node and a broken link are the same
            raise LinkDown(fault.message, fault.hint) from fault
        if None not in (self._boot_id, boot_id) and self._boot_id != boot_id:
            raise LinkDown(f"{self._line}: the node was restarted")
        self._boot_id = boot_id or self._boot_id
        if asyncio.get_running_loop().time() >= self._heard_s + self._max_age_s:
            await self._register()

    async def _register(self) -> None:
        self._stop()
        self._heard_s = asyncio.get_running_loop().time()
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
        require_fit(pipe.request)
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
        if self._endpoint.takes_echo(message):
            self._put(_ProofWanted())
            return False
        if event.is_last:
            self._take_last(message)
            return False
        self._notifying = True
        self._heard_s = asyncio.get_running_loop().time()
        if self._freshness.is_newer(message.opt.observe, self._heard_s):
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
                "it is not observable, or its eight observers are all alive; try again when one has ended",
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
