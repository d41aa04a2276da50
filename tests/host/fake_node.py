"""A small CoAP node in Python, to test the host against: datagrams in, datagrams out.

It follows firmware/SPEC.md where tests look: CON/NON/ACK/RST, deduplication, Block1, Block2, Observe, the
record ring with `?since=`. Messages are coded by aiocoap; everything above that is written independently.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import cbor2
import numpy as np
from aiocoap import ACK, CON, NON, RST, Code
from aiocoap.message import Message

from wasmote.wire.log import LogLevel, LogLine
from wasmote.wire.modules import Candidate, Control, ControlRequest, ModuleState, ModuleStatus, StreamStatus
from wasmote.wire.node import LinkCounters, NodeInfo, ResetCause
from wasmote.wire.records import OutEntry, Record, RecordFlags, Records
from wasmote.wire.samples import Sample, SensorInfo

Send = Callable[[bytes], None]

INFO = NodeInfo(
    board="fake",
    cpu="none",
    firmware="0.1.0",
    abi=1,
    page_size=16384,
    arena_free=65536,
    slots=2,
    uptime_s=5,
    unique_id=b"\x01" * 12,
    boot_id=b"boot",
    reset_cause=ResetCause.POWER,
    injection=True,
    development=True,
    clock_set=False,
    bundle_max=24576,
    link=LinkCounters(0, 0, 0),
)


class Refusal(Exception):
    """An error response."""

    def __init__(self, code: Code, diagnostic: str) -> None:
        super().__init__(diagnostic)
        self.code = code
        self.diagnostic = diagnostic


@dataclass
class Upload:
    path: str
    tag: tuple[bytes, ...]
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False
    last: tuple[int, bytes] | None = None  # the block taken last, by its start ...
    last_code: Code = Code.CONTINUE  # ... and what it was answered with

    def repeats(self, start: int, payload: bytes) -> bool:
        return self.last == (start, payload)


class FakeNode:
    """The node. `send` is where its datagrams go; None while nobody is connected."""

    def __init__(self, ring_size: int = 64, observers_max: int = 8) -> None:
        self.info = INFO
        self.slots = [ModuleStatus(slot, ModuleState.EMPTY) for slot in range(INFO.slots)]
        self.bundles: dict[int, bytes] = {}
        self.samples: list[Sample] = []
        self.configs: dict[int, dict[str, float]] = {0: {"alpha": 0.5}, 1: {}}
        self.time_ms = 0
        self.ring: deque[Record] = deque(maxlen=ring_size)
        self.next_seq = 0
        self.log: list[LogLine] = []
        self.observers: dict[bytes, str] = {}
        self.observers_max = observers_max
        self.requests: list[tuple[str, str]] = []  # (method, path with query), each executed request
        self.answered: deque[tuple[int, bytes]] = deque(maxlen=16)  # (message id, response): deduplication
        self.block_szx_max = 6
        self.silent = False
        self.listeners: int | None = 1  # running modules that the sensor's readings go to
        self.erases_s = 0.0  # how long the first block of an upload takes; its answer is a separate one then
        self.send: Send | None = None
        self._upload: Upload | None = None
        self.blocks: list[int] = []  # where each block began that came in, repeated ones too
        self._message_id = 0x7000
        self._observe_number = 0
        self._notifications = 0

    # datagrams

    def receive(self, datagram: bytes) -> None:
        message = Message.decode(datagram)
        if self.silent:
            return
        if message.mtype is RST:
            self.observers.clear()  # a single client: every observer is its
        elif message.code.is_request():
            self._answer(message)

    def _answer(self, request: Message) -> None:
        for message_id, response in self.answered:
            if message_id == request.mid:
                self._transmit(response)
                return
        response = self._respond(request)
        response.token = request.token
        if self.erases_s and request.opt.block1 is not None and request.opt.block1.start == 0:
            self._answer_later(request, response)
            return
        response.mtype = ACK if request.mtype is CON else NON
        response.mid = request.mid if request.mtype is CON else self._next_message_id()
        self.answered.append((request.mid, response.encode()))
        self._transmit(response.encode())

    def _answer_later(self, request: Message, response: Message) -> None:
        empty = Message(code=Code.EMPTY)
        empty.mtype, empty.mid, empty.token = ACK, request.mid, b""
        response.mtype, response.mid = CON, self._next_message_id()
        self.answered.append((request.mid, empty.encode()))
        self._transmit(empty.encode())
        asyncio.get_running_loop().call_later(self.erases_s, self._transmit, response.encode())

    def _transmit(self, datagram: bytes) -> None:
        if self.send is not None:
            self.send(datagram)

    def _next_message_id(self) -> int:
        self._message_id = (self._message_id + 1) & 0xFFFF
        return self._message_id

    def _respond(self, request: Message) -> Message:
        path = "/" + "/".join(request.opt.uri_path)
        query = "&".join(request.opt.uri_query)
        try:
            if request.opt.block1 is not None and (repeated := self._repeated(request, path)):
                return Message(code=repeated, block1=self._next_block1(request))
            body = self._body(request, path)
            if body is None:
                return Message(code=Code.CONTINUE, block1=self._next_block1(request))
            self.requests.append((str(request.code), path + (f"?{query}" if query else "")))
            response = self._execute(request.code, path, query, body)
        except Refusal as refusal:
            return Message(code=refusal.code, payload=refusal.diagnostic.encode())
        if self._upload is not None:
            self._upload.last_code = response.code
        self._observe(request, response, path)
        self._slice(request, response)
        if request.opt.block1 is not None:
            response.opt.block1 = self._next_block1(request)
        return response

    def _next_block1(self, request: Message) -> tuple[int, bool, int]:
        block = request.opt.block1
        return block.block_number, block.more, min(block.size_exponent, self.block_szx_max)

    def _repeated(self, request: Message, path: str) -> Code | None:
        """The answer to the block before, when this is it again."""
        self.blocks.append(request.opt.block1.start)
        upload, start = self._upload, request.opt.block1.start
        known = upload is not None and (upload.path, upload.tag) == (path, request.opt.request_tag)
        return upload.last_code if start and known and upload.repeats(start, request.payload) else None

    def _body(self, request: Message, path: str) -> bytes | None:
        """Return the whole body, or None while more blocks are needed."""
        block = request.opt.block1
        if block is None:
            return bytes(request.payload)
        tag = request.opt.request_tag
        if block.block_number == 0:
            self._upload = Upload(path, tag)
        upload = self._upload
        if upload is None or upload.complete or (upload.path, upload.tag) != (path, tag):
            raise Refusal(Code.REQUEST_ENTITY_INCOMPLETE, "no such upload")
        if len(upload.body) != block.start:
            raise Refusal(Code.REQUEST_ENTITY_INCOMPLETE, "block out of order")
        upload.body += request.payload
        if len(upload.body) > self.info.bundle_max:
            raise Refusal(Code.REQUEST_ENTITY_TOO_LARGE, f"larger than {self.info.bundle_max} bytes")
        upload.last, upload.last_code = (block.start, request.payload), Code.CONTINUE
        upload.complete = not block.more
        return bytes(upload.body) if upload.complete else None

    def _observe(self, request: Message, response: Message, path: str) -> None:
        if request.opt.observe == 0 and path.startswith(("/out/", "/log")):
            if request.token in self.observers or len(self.observers) < self.observers_max:
                self.observers[request.token] = path
                response.opt.observe = self._next_observe_number()
        elif request.opt.observe == 1:
            self.observers.pop(request.token, None)

    def _next_observe_number(self) -> int:
        self._observe_number = (self._observe_number + 1) % 2**24
        return self._observe_number

    def _slice(self, request: Message, response: Message) -> None:
        block = request.opt.block2
        szx = min(6 if block is None else block.size_exponent, self.block_szx_max)
        size, number = 16 << szx, 0 if block is None else block.block_number
        if len(response.payload) > size or number:
            whole = response.payload
            response.opt.etag = hashlib.sha256(whole).digest()[:4]
            response.opt.block2 = (number, (number + 1) * size < len(whole), szx)
            response.payload = whole[number * size : (number + 1) * size]

    # resources

    def _execute(self, code: Code, path: str, query: str, body: bytes) -> Message:
        segments = path.strip("/").split("/")
        match code, segments:
            case Code.GET, ["node"]:
                return content(self.info.to_cbor())
            case Code.GET, ["sensors"]:
                return content(cbor2.dumps([self.sensor.to_item()]))
            case Code.PUT, ["sensors", "river"]:
                return self._feed(body)
            case Code.PUT, ["time"]:
                self.time_ms = cbor2.loads(body)
                return Message(code=Code.CHANGED)
            case Code.GET, ["modules"]:
                return content(cbor2.dumps([slot.to_item() for slot in self.slots]))
            case _, ["modules", slot, *rest] if slot in ("0", "1"):
                return self._module(code, int(slot), rest, body)
            case Code.GET, ["out"]:
                return content(cbor2.dumps([OutEntry(0, "features", self.next_seq).to_item()]))
            case Code.GET, ["out", "0", "features"]:
                return content(self._records(query).to_cbor())
            case Code.GET, ["log"]:
                since = query.removeprefix("since=")
                lines = (
                    self.log[int(since) + 1 :] if since.isdigit() else self.log if query else self.log[-1:]
                )
                return content(cbor2.dumps([line.to_item() for line in lines]))
            case Code.GET, [".well-known", "core"]:
                path = query.removeprefix("href=")
                observable = ";obs" if path.startswith(("/out/", "/log")) else ""
                return Message(code=Code.CONTENT, payload=f"<{path}>{observable}".encode(), content_format=40)
            case Code.GET, ["text"]:
                return Message(code=Code.CONTENT, payload=b"plain", content_format=0)
        raise Refusal(Code.NOT_FOUND, f"there is no {path}")

    @property
    def sensor(self) -> SensorInfo:
        newest = self.samples[-1].time_ms if self.samples else None
        river = SensorInfo("river", ("rain", "flow"), ("mm", "m3/s"), True, len(self.samples), newest)
        return replace(river, listeners=self.listeners)

    def _feed(self, body: bytes) -> Message:
        samples = Sample.list_from_cbor(body, "/sensors/river")
        if any(len(sample.values) != 2 for sample in samples):
            raise Refusal(Code.BAD_REQUEST, "river has 2 channels")
        times = [sample.time_ms for sample in self.samples[-1:] + samples]
        if sorted(set(times)) != times:
            raise Refusal(Code.CONFLICT, "not later than the newest reading")
        for sample in samples:
            self.samples.append(sample)
            self.emit(list(sample.values), sample.time_ms)
        return Message(code=Code.CHANGED)

    def _module(self, code: Code, slot: int, rest: list[str], body: bytes) -> Message:
        match code, rest:
            case Code.GET, []:
                return content(self.slots[slot].to_cbor())
            case Code.PUT, []:
                return self._install(slot, body)
            case Code.DELETE, []:
                self.slots[slot] = ModuleStatus(slot, ModuleState.EMPTY)
                return Message(code=Code.DELETED)
            case Code.POST, ["control"]:
                return self._control(slot, ControlRequest.from_cbor(body, "control"))
            case Code.GET, ["config"]:
                return content(cbor2.dumps(self.configs[slot]))
            case Code.PUT, ["config"]:
                self.configs[slot] |= cbor2.loads(body)
                return Message(code=Code.CHANGED)
        raise Refusal(Code.METHOD_NOT_ALLOWED, "not here")

    def _install(self, slot: int, body: bytes) -> Message:
        self.bundles[slot] = body
        candidate = Candidate("fake", "1.0.0", len(self.bundles), hashlib.sha256(body).digest())
        self.slots[slot] = replace(self.slots[slot], candidate=candidate)
        return Message(code=Code.CHANGED)

    def _control(self, slot: int, request: ControlRequest) -> Message:
        status = self.slots[slot]
        if request.operation is Control.STOP:
            self.slots[slot] = replace(status, state=ModuleState.STOPPED)
            return Message(code=Code.CHANGED)
        if status.candidate is None:
            raise Refusal(Code.CONFLICT, "nothing is installed")
        if request.next_seq:
            self.next_seq = request.next_seq["features"]
        new = status.candidate
        self.slots[slot] = ModuleStatus(
            slot,
            ModuleState.RUNNING,
            new.name,
            new.version,
            new.sequence,
            new.digest,
            events=0,
            traps=0,
            streams=(StreamStatus("features", self.next_seq),),
            state_handed_over=True if request.operation is Control.SWAP else None,
            swap_gap_us=120 if request.operation is Control.SWAP else None,
        )
        return Message(code=Code.CHANGED)

    def _records(self, query: str) -> Records:
        kept = list(self.ring)
        lost = 0
        if not query:
            kept = kept[-1:]
        elif query != "since=none":
            since = int(query.removeprefix("since="))
            kept = [record for record in kept if record.seq > since]
            oldest = kept[0].seq if kept else self.next_seq
            lost = max(0, oldest - since - 1)
        return Records(self.info.boot_id, lost, self.next_seq, tuple(kept))

    # what happens on the node

    def emit(self, values: list[float], time_ms: int = 0) -> None:
        array = np.array(values, dtype=np.float32)
        flags = RecordFlags.NAN if np.isnan(array).any() else RecordFlags.NONE
        self.ring.append(Record(self.next_seq, time_ms, b"\x05" * 8, array, flags))
        self.next_seq += 1
        self.notify("/out/0/features")

    def say(self, text: str) -> None:
        self.log.append(LogLine(len(self.log), 0, LogLevel.INFO, -1, text))
        self.notify("/log")

    def notify(self, path: str) -> None:
        for token, observed in list(self.observers.items()):
            if observed == path:
                response = self._execute(Code.GET, path, "", b"")
                response.opt.observe = self._next_observe_number()
                self._slice(Message(code=Code.GET), response)
                self._send_notification(response, token)

    def gone(self, path: str) -> None:
        for token, observed in list(self.observers.items()):
            if observed == path:
                del self.observers[token]
                self._send_notification(Message(code=Code.NOT_FOUND, payload=b"module removed"), token)

    def _send_notification(self, response: Message, token: bytes) -> None:
        self._notifications += 1
        response.mtype = CON if self._notifications % 32 == 0 else NON
        response.mid = self._next_message_id()
        response.token = token
        self._transmit(response.encode())

    def drop_upload(self) -> None:
        self._upload = None

    def reboot(self, boot_id: bytes) -> None:
        self.info = replace(self.info, boot_id=boot_id, uptime_s=0)
        self.ring.clear()
        self.next_seq = 0
        self.observers.clear()
        self.answered.clear()


def content(payload: bytes) -> Message:
    return Message(code=Code.CONTENT, payload=payload, content_format=60)
