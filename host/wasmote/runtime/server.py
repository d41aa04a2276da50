"""This machine as a node: the resources of firmware/SPEC.md over UDP, modules under wasmtime.

The gateway follows it, `wasmote push` installs on it, and `wasmote move` brings modules to it and back. It is
not all that a board is: its sensors are all fed from outside, it trusts no keys, keeps nothing when it ends,
takes no orders to restart, and its limits are those of this machine.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version

from aiocoap import Code, Context, resource
from aiocoap.message import Message

from wasmote.errors import UsageFault, WasmoteError
from wasmote.runtime import host_api
from wasmote.runtime.log import HostLog
from wasmote.runtime.slots import Conflict, HostSlot, Unfit
from wasmote.runtime.status import status_of
from wasmote.runtime.trace import HostTrace, replay_events
from wasmote.wire.bundle import Bundle, HeadTooLong
from wasmote.wire.codec import PayloadFault, decode, encode, integer, settable_time_ms
from wasmote.wire.manifest import PAGE_BYTES
from wasmote.wire.modules import ControlRequest, ModuleState, config_from_cbor, config_to_cbor
from wasmote.wire.node import LinkCounters, NodeInfo, ResetCause
from wasmote.wire.records import OutEntry
from wasmote.wire.samples import SensorInfo, samples_from_cbor
from wasmote.wire.state import STATE_CONTENT_FORMAT, Snapshot

SLOTS = 2
BUNDLE_MAX = 1 << 20
RECORDS_MAX = 64  # in one answer
FORMAT_CBOR = 60
TICK_S = 1.0


@dataclass(slots=True)
class Sensor:
    """An injected sensor."""

    info: SensorInfo
    readings: int = 0
    newest_ms: int | None = None


class Refusal(Exception):
    """An error response."""

    def __init__(self, code: Code, diagnostic: str) -> None:
        super().__init__(diagnostic)
        self.code = code


class HostNode:
    """The state of the node, and what its resources do with it. Nodes are told apart by `name`."""

    def __init__(self, name: str) -> None:
        self.boot_id = secrets.token_bytes(4)
        self._unique_id = hashlib.sha256(name.encode()).digest()[:12]
        self.site = resource.Site()
        self._began = time.monotonic()
        self._sensors: dict[str, Sensor] = {}
        self._streams: dict[tuple[int, str], _Stream] = {}
        clock = asyncio.get_running_loop()
        self._traces: dict[int, _Trace] = {}
        self.trace = HostTrace(lambda slot: self._traces[slot].updated_state())
        log_resource = _Log(self)
        self.log = HostLog(_now_ms, log_resource.updated_state)
        self.slots = [
            HostSlot(index, self._emitted, clock, self.trace.take, self.log.add) for index in range(SLOTS)
        ]
        self.site.add_resource(["node"], _Simple(get=lambda _: self._info().to_cbor()))
        self.site.add_resource(["time"], _Simple(get=lambda _: encode(_now_ms()), put=_check_time))
        self.site.add_resource(["log"], log_resource)
        self.site.add_resource(["sensors"], _Simple(get=lambda _: self._sensor_list()))
        self.site.add_resource(["sensors"], _Sensors(self))
        self.site.add_resource(
            ["modules"], _Simple(get=lambda _: encode([status_of(s).to_item() for s in self.slots]))
        )
        self.site.add_resource(["out"], _Simple(get=lambda _: encode(self._out())))
        for slot in self.slots:
            self._add_slot(slot)

    def _add_slot(self, slot: HostSlot) -> None:
        path = ["modules", str(slot.index)]
        self.site.add_resource(
            path,
            _Simple(
                get=lambda _: status_of(slot).to_cbor(),
                put=lambda body: slot.install(Bundle.from_bytes(body)),
                delete=lambda: self._changed(slot.remove),
            ),
        )
        self.site.add_resource([*path, "control"], _Simple(post=lambda body: self._control(slot, body)))
        self.site.add_resource(
            [*path, "config"],
            _Simple(
                get=lambda _: config_to_cbor(slot.config),
                put=lambda body: self._configure(slot, config_from_cbor(body, "config")),
            ),
        )
        self.site.add_resource(
            [*path, "state"],
            _Simple(
                get=lambda _: slot.snapshot(),
                put=lambda body: self._changed(lambda: slot.restore(Snapshot.from_bytes(body)), slot),
                content_format=STATE_CONTENT_FORMAT,
            ),
        )
        self.site.add_resource(["out", str(slot.index)], _Simple(get=lambda _: encode(self._out_of(slot))))
        self._traces[slot.index] = _Trace(self, slot.index)
        self.site.add_resource([*path, "trace"], self._traces[slot.index])
        self.site.add_resource([*path, "event"], _Simple(post=lambda body: replay_events(slot, body)))

    # ---- what is asked --------------------------------------------------------------------------------

    def _info(self) -> NodeInfo:
        return NodeInfo(
            board="host",
            cpu="wasmtime",
            firmware=version("wasmote"),
            abi=host_api.ABI_VERSION,
            page_size=PAGE_BYTES,
            arena_free=1 << 30,
            slots=SLOTS,
            uptime_s=int(time.monotonic() - self._began),
            unique_id=self._unique_id,
            boot_id=self.boot_id,
            reset_cause=ResetCause.SOFTWARE,
            injection=True,
            development=True,
            clock_set=True,
            bundle_max=BUNDLE_MAX,
            link=LinkCounters(0, 0, 0),
        )

    def _out(self) -> list[object]:
        return [
            OutEntry(slot.index, name, ring.next_seq).to_item()
            for slot in self.slots
            for name, ring in slot.rings.items()
        ]

    def _out_of(self, slot: HostSlot) -> list[object]:
        streams = slot.active.manifest.streams if slot.active else ()
        fields = {stream.name: stream.fields for stream in streams}
        return [
            OutEntry(slot.index, name, ring.next_seq, fields.get(name, ())).to_item()
            for name, ring in slot.rings.items()
        ]

    def _sensor_list(self) -> bytes:
        return encode(
            [
                replace(
                    s.info, readings=s.readings, newest_ms=s.newest_ms, listeners=self._listeners(s.info.name)
                ).to_item()
                for s in self._sensors.values()
            ]
        )

    def _listeners(self, sensor: str) -> int:
        running = (slot for slot in self.slots if slot.state is ModuleState.RUNNING)
        return sum(_listens(slot, sensor) for slot in running)

    def feed(self, name: str, body: bytes) -> None:
        """`PUT /sensors/NAME`: all samples, or none."""
        sensor = self._sensors.get(name)
        if sensor is None:
            raise Refusal(Code.NOT_FOUND, f"no sensor {name}: a module declares them")
        samples = samples_from_cbor(body, f"/sensors/{name}", len(sensor.info.channels))
        times = [*([] if sensor.newest_ms is None else [sensor.newest_ms]), *(s.time_ms for s in samples)]
        if sorted(set(times)) != times:
            raise Refusal(Code.CONFLICT, "a sample is not later than the reading before it")
        if any(slot.state is ModuleState.PAUSED and _listens(slot, name) for slot in self.slots):
            raise Refusal(Code.SERVICE_UNAVAILABLE, f"a module that listens to {name} is paused")
        for sample in samples:
            sensor.readings += 1
            sensor.newest_ms = sample.time_ms
            for slot in self.slots:
                slot.feed(name, sample)
        self._settle()

    def _control(self, slot: HostSlot, body: bytes) -> None:
        request = ControlRequest.from_cbor(body, "control")
        beside = request.beside
        if beside is None:
            self._changed(lambda: slot.control(request.operation, request.next_seq or {}))
        else:
            other = self.slots[beside] if beside < SLOTS else None
            self._changed(lambda: slot.start_beside(other, request.next_seq or {}))

    def _configure(self, slot: HostSlot, config: dict[str, float]) -> None:
        try:
            slot.configure(config)
        finally:
            self._settle()

    # ---- what follows from a change -------------------------------------------------------------------

    def _changed(self, change: Callable[[], None], restored: HostSlot | None = None) -> None:
        change()
        self._settle()
        if restored is not None and restored.module is not None:
            for name, time_ms in restored.module.reading_times().items():
                self._sensors[name].newest_ms = time_ms

    def _settle(self) -> None:
        """Have the sensors and streams that the modules declare which are there now."""
        self._settle_sensors()
        wanted = {(slot.index, name) for slot in self.slots for name in slot.rings}
        for key in self._streams.keys() - wanted:
            self.site.remove_resource(["out", str(key[0]), key[1]])
            del self._streams[key]
        for key in wanted - self._streams.keys():
            self._streams[key] = _Stream(self, *key)
            self.site.add_resource(["out", str(key[0]), key[1]], self._streams[key])

    def _settle_sensors(self) -> None:
        needed = {
            one.sensor: one for slot in self.slots if slot.active for one in slot.active.manifest.inputs
        }
        self._sensors = {
            name: self._sensors.get(name)
            or Sensor(SensorInfo(name, tuple(one.channels), tuple(one.units), True, 0))
            for name, one in needed.items()
        }

    def _emitted(self, slot: int, stream: str) -> None:
        if (slot, stream) in self._streams:
            self._streams[slot, stream].updated_state()

    async def tick(self) -> None:
        """Give every module its seconds, until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            for slot in self.slots:
                slot.tick(_now_ms())
            self._settle()


@asynccontextmanager
async def serve(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[tuple[HostNode, str]]:
    """Run a node on a UDP address, port 0 for a free one; yields it and its link.

    Raises UsageFault for an address that cannot be had.
    """
    port = _own_port(host, port)
    node = HostNode(f"{socket.gethostname()}:{port}")
    context = await Context.create_server_context(node.site, bind=(host, port), transports=["udp6"])
    ticking = asyncio.create_task(node.tick(), name="ticks of the host node")
    try:
        yield node, f"coap://{host}:{port}"
    finally:
        ticking.cancel()
        for slot in node.slots:
            slot.remove()
        await context.shutdown()


# ---- resources -------------------------------------------------------------------------------------------


class _Simple(resource.Resource):  # type: ignore[misc]
    """GET gives a body, the other methods take one."""

    def __init__(
        self,
        *,
        get: Callable[[str], bytes] | None = None,
        put: Callable[[bytes], None] | None = None,
        post: Callable[[bytes], None] | None = None,
        delete: Callable[[], None] | None = None,
        content_format: int = FORMAT_CBOR,
    ) -> None:
        super().__init__()
        self._format = content_format
        if get:
            self.render_get = _answering(lambda request: self._content(get(_query(request))))
        if put:
            self.render_put = _answering(lambda request: _done(Code.CHANGED, put(request.payload)))
        if post:
            self.render_post = _answering(lambda request: _done(Code.CHANGED, post(request.payload)))
        if delete:
            self.render_delete = _answering(lambda _: _done(Code.DELETED, delete()))

    def _content(self, body: bytes) -> Message:
        return Message(code=Code.CONTENT, payload=body, content_format=self._format)


class _Sensors(resource.Resource, resource.PathCapable):  # type: ignore[misc]
    """What is below /sensors."""

    def __init__(self, node: HostNode) -> None:
        super().__init__()
        self.render_put = _answering(lambda request: self._feed(node, request))

    @staticmethod
    def _feed(node: HostNode, request: Message) -> Message:
        node.feed("/".join(request.opt.uri_path), request.payload)
        return Message(code=Code.CHANGED)


class _Stream(resource.ObservableResource):  # type: ignore[misc]
    """/out/N/STREAM."""

    def __init__(self, node: HostNode, slot: int, name: str) -> None:
        super().__init__()
        self._node, self._slot, self._name = node, slot, name
        self.render_get = _answering(self._records)

    def _records(self, request: Message) -> Message:
        ring = self._node.slots[self._slot].rings[self._name]
        query = _query(request)
        if query.startswith("since="):
            text = query.removeprefix("since=")
            since = None if text == "none" else integer(decode(encode(int(text)), "since"), "since")
            found = ring.after(self._node.boot_id, since, RECORDS_MAX)
        else:
            found = ring.newest(self._node.boot_id)
        return Message(code=Code.CONTENT, payload=found.to_cbor(), content_format=FORMAT_CBOR)


class _Log(resource.ObservableResource):  # type: ignore[misc]
    """/log."""

    def __init__(self, node: HostNode) -> None:
        super().__init__()
        self.render_get = _answering(
            lambda request: Message(
                code=Code.CONTENT, payload=node.log.answer(_query(request)), content_format=FORMAT_CBOR
            )
        )


class _Trace(resource.ObservableResource):  # type: ignore[misc]
    """/modules/N/trace."""

    def __init__(self, node: HostNode, slot: int) -> None:
        super().__init__()
        trace = node.trace
        self.render_get = _answering(
            lambda request: Message(
                code=Code.CONTENT,
                payload=trace.answer(slot, node.boot_id, _query(request)),
                content_format=FORMAT_CBOR,
            )
        )
        self.render_put = _answering(lambda request: self._switch(trace, slot, request.payload))

    @staticmethod
    def _switch(trace: HostTrace, slot: int, body: bytes) -> Message:
        trace.switch(slot, body)
        return Message(code=Code.CHANGED)


def _answering(handle: Callable[[Message], Message]) -> Callable[[Message], object]:
    """A handler whose faults become the codes that a node answers with."""

    async def answer(request: Message) -> Message:
        try:
            return handle(request)
        except Refusal as fault:
            return _refusal(fault.code, str(fault))
        except Conflict as fault:
            return _refusal(Code.CONFLICT, fault.message)
        except Unfit as fault:
            return _refusal(Code.UNPROCESSABLE_ENTITY, fault.message)
        except HeadTooLong as fault:
            return _refusal(Code.REQUEST_ENTITY_TOO_LARGE, fault.message)
        except (PayloadFault, UsageFault, WasmoteError, ValueError) as fault:
            return _refusal(Code.BAD_REQUEST, str(fault))

    return answer


def _refusal(code: Code, diagnostic: str) -> Message:
    return Message(code=code, payload=diagnostic.encode())


def _done(code: Code, _: None) -> Message:
    return Message(code=code)


def _query(request: Message) -> str:
    return "&".join(request.opt.uri_query)


def _listens(slot: HostSlot, sensor: str) -> bool:
    return slot.active is not None and any(one.sensor == sensor for one in slot.active.manifest.inputs)


def _check_time(body: bytes) -> None:
    """Take a time as a node does; this machine keeps its own clock, which is set already."""
    settable_time_ms(decode(body, "time"), "time")


def _now_ms() -> int:
    return round(time.time() * 1000)


def _own_port(host: str, port: int) -> int:
    """Return a port that nobody has: aiocoap would share it (SO_REUSEPORT)."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError as fault:
            raise UsageFault(
                f"UDP port {port} of {host} cannot be had: {fault.strerror}",
                "another process may have it: name another --port, or none for a free one",
            ) from fault
        own: int = probe.getsockname()[1]
        return own
