"""The node's resources as SPEC.md has them, over the real link."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import cbor2
import pytest
from aiocoap import Code

from board_toml import read_board
from on_board import outputs, probe, run_module
from wasmote.errors import CoapError
from wasmote.node import FORMAT_BUNDLE, FORMAT_CBOR, FORMAT_SENML_CBOR, Node
from wasmote.sim import ROOT, Simulator
from wasmote.wire.modules import Control

pytestmark = pytest.mark.cores


async def refused(node: Node, method: str, path: str, *body: object) -> CoapError:
    with pytest.raises(CoapError) as caught:
        await node.request(method, path, *body)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.siblings
async def test_node_tells_what_it_is(node: Node, board: str) -> None:
    info = await node.info()
    assert info.board == board
    described = read_board(ROOT / "boards" / board / "board.toml")
    assert info.cpu == described.cpu
    assert info.page_size == 16384
    limits = described.limits
    assert info.slots == limits.get("MODULE_SLOTS", 2)
    assert info.injection
    assert info.development
    assert len(info.boot_id) == 4
    arena = limits.get("MODULE_ARENA_BYTES", 64 * 1024) + limits.get("MODULE_ARENA_MORE_BYTES", 0)
    assert info.arena_free == arena
    assert info.bundle_max == limits["MODULE_BANK_BYTES"]


async def test_well_known_core_lists_what_exists(node: Node) -> None:
    async def links() -> str:
        return (await node.request("GET", "/.well-known/core")).payload.decode()

    before = await links()
    for path in ("node", "sensors", "modules", "modules/0", "modules/1/control", "out", "log", "time"):
        assert f"</{path}>;" in before
    assert re.search(r'</log>;rt="wasmote\.log";ct=60;obs', before)
    assert "</sensors/temp>;" in before
    assert "</out/0/count>" not in before
    await run_module(node, "counter")
    after = await links()
    assert "</sensors/probe>;" in after
    assert re.search(r'</out/0/count>;rt="wasmote\.stream";ct=60;obs', after)


async def test_unknown_path_and_wrong_method(node: Node) -> None:
    fault = await refused(node, "GET", "/nowhere")
    assert fault.code is Code.NOT_FOUND
    assert "nowhere" in fault.diagnostic
    assert (await refused(node, "DELETE", "/node")).code is Code.METHOD_NOT_ALLOWED
    assert (await refused(node, "GET", "/modules/7")).code is Code.NOT_FOUND
    assert (await refused(node, "GET", "/out/0/none")).code is Code.NOT_FOUND
    assert (await refused(node, "GET", "/log?since=yesterday")).code is Code.BAD_REQUEST


async def test_oversized_upload_is_refused_with_the_limit(node: Node) -> None:
    limit = (await node.info()).bundle_max
    fault = await refused(node, "PUT", "/modules/0", bytes(limit + 1), FORMAT_BUNDLE)
    assert fault.code is Code.REQUEST_ENTITY_TOO_LARGE
    assert str(limit) in fault.diagnostic


async def test_board_sensor_is_senml_and_cannot_be_fed(node: Node) -> None:
    reply = await node.request("GET", "/sensors/temp")
    assert reply.content_format == FORMAT_SENML_CBOR
    (record,) = cbor2.loads(reply.payload)
    assert record[-2].endswith("/temp/")
    assert record[0] == "temperature"
    assert record[1] == "Cel"
    assert -40 < record[2] < 125
    assert -5 <= record[-3] <= 0  # no wall clock yet: relative to now
    body = cbor2.dumps([[1000, [20.0]]])
    assert (await refused(node, "PUT", "/sensors/temp", body, FORMAT_CBOR)).code is Code.FORBIDDEN


async def test_wall_clock_makes_senml_absolute(node: Node) -> None:
    at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    await node.set_time(at)
    (record,) = cbor2.loads((await node.request("GET", "/sensors/temp")).payload)
    assert 0 <= record[-3] - at.timestamp() < 60
    assert (await node.info()).clock_set


async def test_a_clock_that_would_leave_its_range_is_not_set(node: Node) -> None:
    last_of_9999, latest = 253_402_300_799_999, 250_246_627_199_999  # the end of year 9899
    await node.set_time(datetime(2026, 3, 1, tzinfo=UTC))
    for late in (last_of_9999, latest + 1):
        fault = await refused(node, "PUT", "/time", cbor2.dumps(late), FORMAT_CBOR)
        assert fault.code is Code.BAD_REQUEST
    assert cbor2.loads((await node.request("GET", "/time")).payload) < last_of_9999 // 100
    await node.request("PUT", "/time", cbor2.dumps(latest), FORMAT_CBOR)
    assert cbor2.loads((await node.request("GET", "/time")).payload) >= latest


async def test_injected_samples_are_all_or_nothing(node: Node) -> None:
    assert (await refused(node, "GET", "/sensors/probe")).code is Code.NOT_FOUND
    await run_module(node, "counter")
    await node.feed("probe", probe(1.0, 2.0))
    for body, code in (
        ([[5000, [1.0]], [4000, [2.0]]], Code.CONFLICT),  # goes back within the request
        ([[2000, [1.0]]], Code.CONFLICT),  # not later than the newest
        ([[5000, [1.0, 2.0]]], Code.BAD_REQUEST),  # two values, one channel
        ([[5000, ["x"]]], Code.BAD_REQUEST),
        ([[5000, [1e39]]], Code.BAD_REQUEST),  # beyond binary32, in which it is kept
        ([], Code.BAD_REQUEST),
        ([[5000 + i, [0.0]] for i in range(33)], Code.BAD_REQUEST),
    ):
        fault = await refused(node, "PUT", "/sensors/probe", cbor2.dumps(body), FORMAT_CBOR)
        assert fault.code is code, fault.diagnostic
    assert await outputs(node, "count") == [1.0, 2.0]
    (sensor,) = [one for one in await node.sensors() if one.name == "probe"]
    assert sensor.injected
    assert sensor.readings == 2
    assert sensor.newest_ms == 2000
    assert sensor.listeners == 1
    await node.control(0, Control.STOP)
    (sensor,) = [one for one in await node.sensors() if one.name == "probe"]
    assert sensor.listeners == 0


async def test_log_tells_what_happened(node: Node, board: str) -> None:
    await run_module(node, "counter")
    lines = cbor2.loads((await node.request("GET", "/log?since=none")).payload)
    texts = [line[4] for line in lines]
    assert any(board in text for text in texts)
    assert texts[-1] == "running counter 1.0.0"
    assert [line[0] for line in lines] == list(range(lines[0][0], lines[0][0] + len(lines)))
    (newest,) = cbor2.loads((await node.request("GET", "/log")).payload)
    assert newest == lines[-1]


async def test_diagnostics_come_along_on_the_serial_link(simulator: Simulator) -> None:
    lines: list[str] = []
    url = getattr(simulator, "serial_url", None) or simulator.url
    async with await Node.connect(url, on_diagnostic=lines.append) as node:
        await run_module(node, "counter")
    assert "info: module 0: running counter 1.0.0" in lines
