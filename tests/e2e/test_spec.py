"""What SPEC.md says in CDDL, held against the payloads of a running node and of our own tools.

The validator, pycddl, has wheels for 64-bit Intel and AMD only; elsewhere it would have to be built.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cbor2
import pytest
from aiocoap import Code

from on_board import bundle, probe, run_module, swap_module
from wasmote.errors import CoapError
from wasmote.keys import Key, new_key
from wasmote.node import FORMAT_BUNDLE, FORMAT_CBOR, FORMAT_LINK, FORMAT_SENML_CBOR, Node
from wasmote.record import Recorder
from wasmote.signing import sign_bundle, sign_change
from wasmote.sim import ROOT, Simulator
from wasmote.wire.bundle import Bundle
from wasmote.wire.keys import KeyChange
from wasmote.wire.modules import Control
from wasmote.wire.samples import sample_chunks
from wasmote.wire.trace import EventKind, events_to_cbor

pycddl = pytest.importorskip("pycddl", reason="pycddl has no wheel for this machine")

SPEC = (ROOT / "firmware" / "SPEC.md").read_text()
CDDL = "\n".join(re.findall(r"^```cddl\n(.*?)^```", SPEC, re.DOTALL | re.MULTILINE))


def validate(rule: str, payload: bytes) -> None:
    """Fails where the payload is not what the rule says; the first rule of a schema is its root."""
    pycddl.Schema(f"root = {rule}\n{CDDL}").validate_cbor(payload)


async def get(node: Node, path: str, rule: str, content_format: int = FORMAT_CBOR) -> object:
    reply = await node.request("GET", path)
    assert reply.content_format == content_format, path
    validate(rule, reply.payload)
    item: object = cbor2.loads(reply.payload)
    return item


async def refused(node: Node, method: str, path: str, item: object) -> Code:
    with pytest.raises(CoapError) as caught:
        await node.request(method, path, cbor2.dumps(item), FORMAT_CBOR)
    assert caught.value.diagnostic, path
    return caught.value.code


@pytest.mark.parametrize(
    ("rule", "item"),
    [
        ("node", {0: "board"}),
        ("record", {0: 1, 1: 2, 2: b"7 bytes", 3: cbor2.CBORTag(85, b"1234")}),
        ("record", {0: 1, 1: 2, 2: b"8 bytes.", 3: b"1234"}),
        ("control", {0: 99}),
        ("config", {"gain": "high"}),
        ("event-record", {0: 1, 1: 1, 2: 0, 6: [[4, 1]]}),
        ("log-line", [0, 0, 4, -1, "no such level"]),
        ("sample", [1, []]),
        ("module", {0: 0, 1: 2, 99: "no such key"}),
    ],
)
def test_the_rules_refuse(rule: str, item: object) -> None:
    with pytest.raises(pycddl.ValidationError):
        validate(rule, cbor2.dumps(item))


async def test_an_empty_node(node: Node) -> None:
    await get(node, "/node", "node")
    await get(node, "/time", "time-ms")
    await get(node, "/log", "[log-line]")
    await get(node, "/log?since=none", "[* log-line]")
    slots = (await node.info()).slots
    assert await get(node, "/modules", "[* module]") == [{0: slot, 1: 0} for slot in range(slots)]
    assert await get(node, "/modules/0/config", "config") == {}
    assert await get(node, "/out", "[* out-entry]") == []
    await get(node, "/sensors", "sensor-list")
    await get(node, "/sensors/temp", "senml", FORMAT_SENML_CBOR)
    assert (await node.request("GET", "/.well-known/core")).content_format == FORMAT_LINK


async def test_a_busy_node(node: Node) -> None:
    await node.set_time(datetime(2026, 3, 1, tzinfo=UTC))
    await run_module(node, "mean_v1")
    await run_module(node, "scale", slot=1)
    await node.feed("probe", probe(1.0, float("nan"), -(2.0**80)))
    await swap_module(node, "mean_v2")
    await node.install(0, bundle("mean_v1").to_bytes())
    for path in ("/modules/0", "/modules/1"):
        await get(node, path, "module")
    await get(node, "/modules", "[* module]")
    await get(node, "/modules/1/config", "config")
    await get(node, "/sensors", "sensor-list")
    await get(node, "/sensors/probe", "senml", FORMAT_SENML_CBOR)
    await get(node, "/sensors/temp", "senml", FORMAT_SENML_CBOR)
    await get(node, "/out", "[* out-entry]")
    await get(node, "/out/1", "[* out-entry]")
    for query in ("", "?since=none", "?since=0", "?since=4294967295", "?since=7"):
        await get(node, f"/out/1/scaled{query}", "records")
    await get(node, "/log?since=none", "[* log-line]")


async def test_a_trace_and_a_recording(node: Node) -> None:
    await run_module(node, "asks")
    await get(node, "/modules/0/trace", "trace")
    async with Recorder(node, await node.module(0)) as recorder:
        await node.feed("probe", probe(1.0, float("nan")))
        await node.set_config(0, {"gain": 2.0})
        await node.feed("probe", probe(-200.0, start=3))
    for query in ("", "?since=none", "?since=0", "?since=4294967295", "?since=99"):
        await get(node, f"/modules/0/trace{query}", "trace")
        await get(node, f"/modules/1/trace{query}", "trace")
    recording = recorder.recording(bundle("asks"))
    validate("recording", recording.to_bytes())
    validate("recording", replace(recording, lost_events=1, lost_records={"told": 1}).to_bytes())
    kinds = {event.kind for event in recording.events}
    assert kinds >= {EventKind.SAMPLE, EventKind.CONFIG}
    validate("events", events_to_cbor(recording.events))
    assert await refused(node, "POST", "/modules/0/event", [recording.events[0].to_item()]) is Code.CONFLICT
    assert await refused(node, "PUT", "/modules/0/trace", {0: 1}) is Code.BAD_REQUEST
    assert await refused(node, "POST", "/modules/1/control", {0: 0, 2: 0}) is Code.CONFLICT
    assert await refused(node, "POST", "/modules/1/control", {0: 1, 2: 0}) is Code.BAD_REQUEST


async def test_a_trapped_module(node: Node) -> None:
    await run_module(node, "trap")
    await node.feed("probe", probe(1.0, 2.0, 3.0, 4.0, 5.0))
    status = await get(node, "/modules/0", "module")
    assert isinstance(status, dict)
    assert status[1] == 3
    assert status[11]


@pytest.mark.parametrize("name", ["counter", "mean_v2", "scale", "../../models/flood/flood_v2"])
def test_a_bundle_that_we_build(name: str) -> None:
    encoded = bundle(name).to_bytes()
    assert Bundle.from_bytes(encoded).to_bytes() == encoded
    manifest = cbor2.loads(encoded)  # the first of the two byte strings
    validate("manifest", manifest)


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Key:
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path))
    return new_key("release")


def validate_sign1(rule: str, encoded: bytes, payload: str) -> None:
    validate(rule, encoded)
    parts = cbor2.loads(encoded).value
    validate("protected-header", parts[0])
    validate(payload, parts[2])
    assert len(parts[3]) == 64


def test_a_bundle_that_we_sign(key: Key) -> None:
    encoded = sign_bundle(bundle("counter"), key).to_bytes()
    module = cbor2.dumps(bundle("counter").module)
    assert encoded.endswith(module)
    validate_sign1("signed-manifest", encoded.removesuffix(module), "manifest")


async def test_keys(node: Node, emulated: Simulator | None, key: Key) -> None:
    await get(node, "/node/keys", "keys")
    put = KeyChange(1, 3, key.public)
    validate("key-change", put.to_cbor())
    validate("key-change", KeyChange(2, 0, None).to_cbor())
    validate_sign1("signed-key-change", sign_change(put, key), "key-change")
    if emulated is not None:  # a board of a rig would keep the key
        await node.change_keys(put)
        await get(node, "/node/keys", "keys")
        await get(node, "/node", "node")


def test_requests_that_we_make() -> None:
    for chunk in sample_chunks(probe(1.0, -2.5, float("inf"))):
        validate("samples", chunk)


async def test_sequence_numbers_and_since(node: Node) -> None:
    await run_module(node, "counter")
    await node.feed("probe", probe(1.0, 2.0))

    async def numbers(query: str) -> list[int]:
        answer = await get(node, f"/out/0/count{query}", "records")
        assert isinstance(answer, dict)
        assert (answer[1], answer[2]) == (0, 2)
        return [record[0] for record in answer[3]]

    assert await numbers("") == [1]
    assert await numbers("?since=none") == [0, 1]
    assert await numbers("?since=4294967295") == [0, 1]
    assert await numbers("?since=0") == [1]
    assert await numbers("?since=9") == []


async def test_what_is_there_when(node: Node) -> None:
    """Streams and injected sensors come with the first start and stay until the module goes."""
    fed = "/sensors/probe"
    assert (await node.request("PUT", "/modules/0", bundle("counter").to_bytes(), FORMAT_BUNDLE)).code is (
        Code.CREATED
    )
    assert await refused(node, "PUT", fed, [[1, [1.0]]]) is Code.NOT_FOUND
    assert await get(node, "/out", "[* out-entry]") == []
    await node.control(0, Control.START)
    await node.feed("probe", probe(1.0))
    await node.control(0, Control.STOP)
    assert await get(node, "/out", "[* out-entry]") == [{0: 0, 1: "count", 2: 1}]
    await node.feed("probe", probe(2.0, start=9))
    assert (await node.request("PUT", "/modules/0", bundle("counter").to_bytes(), FORMAT_BUNDLE)).code is (
        Code.CHANGED
    )
    await node.remove(0)
    await node.remove(0)
    assert await refused(node, "PUT", fed, [[99000, [1.0]]]) is Code.NOT_FOUND


async def test_control_says_409_where_the_table_does(node: Node) -> None:
    control = "/modules/0/control"
    assert [await refused(node, "POST", control, {0: what}) for what in (0, 1, 2)] == [Code.CONFLICT] * 3
    await run_module(node, "counter")
    assert [await refused(node, "POST", control, {0: what}) for what in (0, 2)] == [Code.CONFLICT] * 2
    assert await refused(node, "POST", control, {0: 1, 2: "unknown"}) is Code.BAD_REQUEST
    await node.control(0, Control.STOP)
    assert [await refused(node, "POST", control, {0: what}) for what in (1, 2)] == [Code.CONFLICT] * 2


async def test_any_order_any_width_and_one_item(node: Node) -> None:
    wide = bytes.fromhex("a1 1800 1a 00000000")  # {0: 0}, both integers longer than they need
    await node.install(0, bundle("counter").to_bytes())
    await node.request("POST", "/modules/0/control", wide, FORMAT_CBOR)
    for halves in ("81 82 01 81 f93c00", "81 82 1b0000000000000002 81 fb3ff0000000000000"):
        await node.request("PUT", "/sensors/probe", bytes.fromhex(halves), FORMAT_CBOR)
    with pytest.raises(CoapError) as caught:
        await node.request("PUT", "/time", bytes.fromhex("01 01"), FORMAT_CBOR)
    assert caught.value.code is Code.BAD_REQUEST
