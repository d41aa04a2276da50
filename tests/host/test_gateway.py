"""The gateway as a whole, against fake boards: records become predictions, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fake_board import FIELDS, UNITS, FakeBoard, make_bundle
from wasmote.errors import Busy, UsageFault
from wasmote.gateway.config import GatewayConfig, HttpSettings
from wasmote.gateway.contract import METADATA_KEY, Contract, ContractMismatch
from wasmote.gateway.core import Gateway
from wasmote.gateway.database import StoreFault
from wasmote.gateway.entities import Prediction, StreamKey
from wasmote.gateway.http import listen
from wasmote.gateway.identities import Identities, SameNode
from wasmote.gateway.inference import ModelFault, OnnxModel
from wasmote.gateway.outlet import Outlet
from wasmote.gateway.reader import Gap, Position, Step
from wasmote.gateway.session import SessionState
from wasmote.gateway.sinks import StdoutSink
from wasmote.gateway.store import Store
from wasmote.wire.records import Record

CONTRACT = Contract("features", "f32", (2,), FIELDS, UNITS)


def write_model(path: Path, contract: Contract | None = CONTRACT, width: int = 2) -> Path:
    """A model that adds its inputs."""
    ones = numpy_helper.from_array(np.ones((width, 1), np.float32), "ones")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "ones"], ["sum"])],
        "sum",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n", 1])],
        [ones],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if contract is not None:
        helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    onnx.save(model, path)
    return path


def make_config(folder: Path, boards: tuple[str, ...] = ("one",)) -> GatewayConfig:
    (folder / "flood.bundle").write_bytes(make_bundle().to_bytes())
    return GatewayConfig.model_validate(
        {
            "gateway": {"store": folder / "store.sqlite", "commit_every_s": 0},
            "http": {"port": 0},
            "boards": {name: {"link": f"fake:{name}"} for name in boards},
            "modules": {"flood": {"bundle": folder / "flood.bundle"}},
            "pipelines": {
                "sum": {
                    "source": "flood/features",
                    "model": {"kind": "onnx", "file": write_model(folder / "sum.onnx")},
                }
            },
        }
    )


async def take(predictions: AsyncIterator[Prediction], count: int) -> list[Prediction]:
    return [await anext(predictions) for _ in range(count)]


@pytest.fixture
def board() -> FakeBoard:
    return FakeBoard(ring_size=64, answer_max=16)


async def test_records_become_stored_predictions(tmp_path: Path, board: FakeBoard):
    async with Gateway(make_config(tmp_path), connect=board.connect).running() as gateway:
        await gateway.following("one")
        predictions = gateway.predictions()
        first = asyncio.create_task(take(predictions, 3))
        await asyncio.sleep(0)
        for value in (1.0, 2.0, 3.0):
            board.emit(value, 10.0, time_ms=int(value) * 86_400_000)
        made = await first
        assert [(one.seq, one.values, one.time_ms) for one in made] == [
            (0, (11.0,), 86_400_000),
            (1, (12.0,), 172_800_000),
            (2, (13.0,), 259_200_000),
        ]
        assert made[0].module == make_bundle().manifest.digest[:8]
    assert board.closed


async def test_a_restarted_gateway_predicts_what_it_had_not_and_nothing_twice(
    tmp_path: Path, board: FakeBoard
):
    config = make_config(tmp_path)
    async with Gateway(config, connect=board.connect).running() as gateway:
        await gateway.following("one")
        board.emit(1.0, 1.0)
        await take(gateway.predictions(0), 1)
    async with Store(config.gateway.store) as store:  # a record that was stored, but not predicted
        numbering = await store.numbering(StreamKey("one", 0, "features"))
        assert numbering is not None
        record = Record(1, 5, make_bundle().manifest.digest[:8], np.array([2, 2], np.float32))
        await store.advance(numbering.id, Step(Position(numbering.position.boot_id, 2, 2), (record,)))
    board.emit(0.0, 0.0)
    board.emit(3.0, 3.0)
    async with Gateway(config, connect=board.connect).running() as gateway:
        made = await take(gateway.predictions(0), 3)
        assert [(one.seq, one.values) for one in made] == [(0, (2.0,)), (1, (4.0,)), (2, (6.0,))]
        assert await gateway.store.last_prediction() == 3


async def test_a_nan_is_stored_counted_and_not_fed(tmp_path: Path, board: FakeBoard):
    async with Gateway(make_config(tmp_path), connect=board.connect).running() as gateway:
        await gateway.following("one")
        board.emit(float("nan"), 1.0)
        board.emit(1.0, 1.0)
        withheld, good = await take(gateway.predictions(0), 2)
        assert withheld.values == ()
        assert withheld.withheld == "the record holds a NaN"
        assert withheld.to_json()["value"] is None
        assert good.values == (2.0,)
        [described] = await gateway.describe()
        assert described["streams"][0]["flagged"] == 1  # type: ignore[index]


async def test_an_unknown_module_s_records_are_not_fed(tmp_path: Path, board: FakeBoard):
    await board.install(0, make_bundle(9, fields=("flow", "rain")).to_bytes())
    await board.control(0, board_start())
    async with Gateway(make_config(tmp_path), connect=board.connect).running() as gateway:
        await gateway.following("one")
        board.emit(1.0, 1.0)
        [withheld] = await take(gateway.predictions(0), 1)
        assert "is unknown: its fields cannot be checked" in str(withheld.withheld)


def board_start():
    from wasmote.wire.modules import Control

    return Control.START


async def test_a_swap_keeps_the_numbers_and_a_misfit_is_refused(tmp_path: Path, board: FakeBoard):
    async with Gateway(make_config(tmp_path), connect=board.connect).running() as gateway:
        await gateway.following("one")
        board.emit(1.0, 1.0)
        status = await gateway.deploy("one", make_bundle(2))
        assert status.version == "2.0.0"
        board.emit(2.0, 2.0)
        made = await take(gateway.predictions(0), 2)
        assert [one.seq for one in made] == [0, 1]
        assert made[0].module != made[1].module
        with pytest.raises(ContractMismatch, match="field 0 is 'rain' to the model and 'flow' to the module"):
            await gateway.deploy("one", make_bundle(3, fields=("flow", "rain")))
        assert board.status.version == "2.0.0"


async def test_http_answers(tmp_path: Path, board: FakeBoard):
    async with Gateway(make_config(tmp_path), connect=board.connect).running() as gateway:
        await gateway.following("one")
        for value in range(5):
            board.emit(float(value), 0.0)
        await take(gateway.predictions(0), 5)
        async with httpx.AsyncClient(base_url=gateway.http_url) as client:
            newest = (await client.get("/predictions", params={"limit": 2})).json()
            assert [one["seq"] for one in newest["predictions"]] == [3, 4]
            since = (await client.get("/predictions?since=1&limit=2&board=one")).json()
            assert [one["value"] for one in since["predictions"]] == [1.0, 2.0]
            assert since["next"] == 3
            [described] = (await client.get("/boards")).json()["boards"]
            assert (described["state"], described["lost"]) == ("following", 0)
            assert described["modules"][0]["version"] == "1.0.0"
            health = (await client.get("/healthz")).json()
            assert (health["status"], health["boards"]) == ("ok", {"one": "following"})
            for wrong in ("limit=x", "since=-1", "board=two", f"since={2**70}"):
                assert (await client.get(f"/predictions?{wrong}")).status_code == 400
            assert (await client.get("/nothing")).status_code == 404
            port = gateway.http_url.rpartition(":")[2]
            for name, status in (
                ("localhost", 200),
                ("[::1]", 200),
                ("rebound.example", 403),
                ("127.0.0.1.x", 403),
                ("[x", 403),
            ):
                answer = await client.get("/boards", headers={"Host": f"{name}:{port}"})
                assert answer.status_code == status, name


async def test_a_store_that_takes_nothing_is_not_healthy(tmp_path: Path, board: FakeBoard):
    """SQLite's own word for a full disk, here for a database that may not grow. It heals by itself."""
    async with (
        Gateway(make_config(tmp_path), connect=board.connect).running() as gateway,
        httpx.AsyncClient(base_url=gateway.http_url) as client,
        asyncio.timeout(120),
    ):
        await gateway.following("one")
        assert (await client.get("/healthz")).status_code == 200
        writer = gateway.store.database._writer
        await writer.execute("PRAGMA max_page_count=1")  # as many as there are
        while (health := await client.get("/healthz")).status_code == 200:
            board.emit(1.0, 0.0)
        assert health.status_code == 503
        assert "database or disk is full" in health.json()["error"]
        await writer.execute("PRAGMA max_page_count=1000000")
        while (await client.get("/healthz")).status_code != 200:
            pass
        await take(gateway.predictions(0), board.next_seq)


def test_an_answer_in_two_writes_waits_for_no_acknowledgement():
    with listen(HttpSettings(port=0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_board_that_never_answers_leaves_the_others_alone(tmp_path: Path, board: FakeBoard):
    absent = FakeBoard()
    absent.down = True

    async def connect(url: str) -> FakeBoard:
        return await (board if url.endswith("one") else absent).connect(url)

    config = make_config(tmp_path, ("one", "two"))
    async with Gateway(config, connect=connect).running() as gateway:
        await gateway.following("one")
        board.emit(1.0, 1.0)
        [made] = await take(gateway.predictions(0), 1)
        assert made.board == "one"
        assert list(gateway.nodes) == ["one"]
        states = {one["name"]: one["state"] for one in await gateway.describe()}
        assert states == {"one": "following", "two": "broken"}


async def test_a_node_that_is_two_boards_is_followed_once(tmp_path: Path, board: FakeBoard):
    async with Gateway(make_config(tmp_path, ("one", "two")), connect=board.connect).running() as gateway:
        await gateway.following("one")
        await gateway.sessions["two"].until(SessionState.BROKEN)
        assert "board two is the same node as board one" in gateway.sessions["two"].fault
        assert gateway.sessions["one"].state is SessionState.FOLLOWING


def test_a_board_that_comes_back_on_another_link_is_not_its_old_self():
    identities = Identities()
    identities.claim("one", b"A")
    identities.claim("one", b"B")
    identities.claim("two", b"A")
    with pytest.raises(SameNode, match="board three is the same node as board two: both have the id 41"):
        identities.claim("three", b"A")
    identities.release("two")
    identities.claim("three", b"A")


@pytest.mark.parametrize("content", [None, b"no database" * 100])
async def test_a_store_that_cannot_be_one_is_named(tmp_path: Path, content: bytes | None):
    path = tmp_path / "store"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(StoreFault, match=str(path)) as fault:
        await Store(path).__aenter__()
    assert "name a `store`" in fault.value.hint


async def test_a_model_that_does_not_fit_stops_the_gateway_before_it_starts(tmp_path: Path, board: FakeBoard):
    config = make_config(tmp_path)
    write_model(tmp_path / "sum.onnx", Contract("features", "f32", (2,), FIELDS, ("mm", "l/s")))
    with pytest.raises(
        ContractMismatch, match="unit 1 is 'l/s' to the model and 'm3/s' to the module"
    ) as caught:
        async with Gateway(config, connect=board.connect).running():
            pass
    assert caught.value.exit_code == 6
    assert board.requests == []


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        (Contract("other", "f32", (2,), FIELDS, UNITS), "it reads stream 'other'"),
        (Contract("features", "f64", (2,), FIELDS, UNITS), "it reads f64 values"),
        (Contract("features", "f32", (1, 2), FIELDS, UNITS), r"records of shape \[1, 2\]"),
        (Contract("features", "f32", (2,), ("rain",), UNITS), "it knows 1 fields, the module names 2"),
    ],
)
def test_the_first_difference_is_named(contract: Contract, message: str):
    with pytest.raises(ContractMismatch, match=message):
        contract.check(make_bundle().manifest, "sum.onnx")


def test_a_model_without_contract_or_of_another_width_is_refused(tmp_path: Path):
    with pytest.raises(ModelFault, match=r"has no wasmote\.contract"):
        OnnxModel(write_model(tmp_path / "a.onnx", None))
    with pytest.raises(ModelFault, match=r"its input takes \[1, 3\], its contract has shape \[2\]"):
        OnnxModel(write_model(tmp_path / "b.onnx", width=3))
    (tmp_path / "c.onnx").write_bytes(b"no model")
    with pytest.raises(ModelFault, match="is no model that onnxruntime loads"):
        OnnxModel(tmp_path / "c.onnx")
    with pytest.raises(ContractMismatch, match="cannot be read"):
        Contract.from_json('{"stream": 1}', "model")


async def test_a_second_gateway_is_kept_from_the_same_store(tmp_path: Path):
    async with Store(tmp_path / "store.sqlite"):
        with pytest.raises(Busy, match="another gateway uses"):
            async with Store(tmp_path / "store.sqlite"):
                pass
    async with Store(tmp_path / "store.sqlite"):
        pass


async def test_a_file_of_someone_else_is_left_alone(tmp_path: Path):
    (tmp_path / "store.sqlite").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreFault, match="file is not a database"):
        async with Store(tmp_path / "store.sqlite"):
            pass


async def test_a_batch_is_one_commit_and_a_record_taken_twice_is_stored_once(tmp_path: Path):
    record = Record(0, 0, bytes(8), np.zeros(2, np.float32))
    position = Position(b"boot", 1, 1)
    async with Store(tmp_path / "store.sqlite", commit_every_s=60) as store:
        opening = asyncio.create_task(store.open_numbering(StreamKey("one", 0, "features"), position))
        await asyncio.sleep(0)
        waiting = [store.advance(1, Step(position, (record,), (Gap(5, 6),))) for _ in range(3)]
        assert not any(future.done() for future in waiting)
        assert await store.database.rows("SELECT * FROM records") == []
    assert (await opening).id == 1
    assert all(future.done() for future in waiting)  # closing committed what waited
    async with Store(tmp_path / "store.sqlite") as store:
        assert len(await store.database.rows("SELECT * FROM records")) == 1
        assert await store.gaps(StreamKey("one", 0, "features")) == [(5, 6)]


async def test_a_failed_write_is_told_to_everyone_in_its_batch(tmp_path: Path):
    async with Store(tmp_path / "store.sqlite", commit_every_s=60) as store:
        good = store.database.write(lambda db: db.execute("SELECT 1"))
        bad = store.database.write(lambda db: db.execute("INSERT INTO nowhere VALUES (1)"))
    for future in (good, bad):
        with pytest.raises(StoreFault, match="no such table"):
            await future


async def test_a_roll_back_that_fails_ends_no_later_write(tmp_path: Path):
    async with Store(tmp_path / "store.sqlite", commit_every_s=0) as store:
        writer = store.database._writer
        execute = writer.execute

        async def failing(statement: str, *values: object) -> object:
            if statement == "ROLLBACK":
                await execute(statement)
                raise sqlite3.OperationalError("disk I/O error")
            return await execute(statement, *values)

        writer.execute = failing  # type: ignore[method-assign, assignment]
        with pytest.raises(StoreFault, match="no such table"):
            await store.database.write(lambda db: db.execute("INSERT INTO nowhere VALUES (1)"))
        await store.database.write(lambda db: db.execute("SELECT 1"))


async def test_lines_on_standard_output(tmp_path: Path):
    reads, writes = os.pipe()
    out = Outlet("stdout", writes, lambda *_: None)
    made = Prediction("p", "one", 0, "features", 1, 7, 1000, bytes(8), bytes(8), (1.5,), id=3)
    await StdoutSink(out).send(made)
    out.close()
    os.close(writes)
    line = json.loads(os.read(reads, 1000))
    os.close(reads)
    assert (line["board"], line["seq"], line["time_ms"], line["value"]) == ("one", 7, 1000, 1.5)
    assert "withheld" not in line


def test_an_address_that_is_taken_is_busy(tmp_path: Path):
    with listen(HttpSettings(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Busy, match=f"127.0.0.1:{port}"), listen(HttpSettings(port=port)):
            pass
    with (
        pytest.raises(UsageFault, match="name an address of this machine"),
        listen(HttpSettings.model_construct(host="no.invalid", port=0)),
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_command_cleanly(tmp_path: Path, number: signal.Signals):
    config = tmp_path / "gateway.toml"
    config.write_text('[http]\nport = 0\n[boards.absent]\nlink = "tcp://127.0.0.1:1"\n')
    code = "from wasmote.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, "gateway", "run", str(config)), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    while b"gateway runs" not in (line := await process.stderr.readline()):
        assert line, "the gateway ended by itself"
    process.send_signal(number)
    rest = await process.stderr.read()
    assert await process.wait() == 0, rest.decode()
    assert b"gateway ended" in rest
    assert b"Traceback" not in rest
