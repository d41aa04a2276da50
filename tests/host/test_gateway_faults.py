"""Faults of one part of the gateway are that part's own: each is named and counted, and the rest goes on."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import random
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from fake_board import FIELDS, UNITS, FakeBoard, make_bundle
from test_gateway import make_config, take, write_model
from test_gateway_session import make_rig
from wasmote.build import build_bundle
from wasmote.cli import main
from wasmote.gateway.config import HttpSettings, load
from wasmote.gateway.contract import Contract, ContractMismatch
from wasmote.gateway.core import Gateway
from wasmote.gateway.http import listen
from wasmote.gateway.inference import ModelFault, OnnxModel
from wasmote.gateway.outlet import Outlet
from wasmote.gateway.session import BoardSession, SessionState
from wasmote.node import Node
from wasmote.runtime.server import serve
from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import Stream
from wasmote.wire.samples import Sample

MODELS = Path(__file__).parents[1] / "onnx_models"
SUMS = build_bundle(Path(__file__).parents[1] / "modules" / "sums_v1.toml")
MOMENTS = 60  # at which the order to end arrives
PATIENCE_S = 20.0  # for what is awaited; nothing is asserted about how long it takes


# ---- the end ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("breaks", ["observation", "request"])
async def test_a_session_ends_when_its_link_is_lost_at_any_moment_of_the_end(tmp_path: Path, breaks: str):
    chance = random.Random(breaks)
    async with make_rig(tmp_path, FakeBoard()) as rig:
        first = rig.session
        await first.until(SessionState.FOLLOWING)
        for _ in range(MOMENTS):
            board = FakeBoard()
            session = _another(first, board)
            running = asyncio.create_task(session.run())
            await session.until(SessionState.FOLLOWING)
            for _ in range(chance.randrange(3)):
                board.emit()
            for _ in range(chance.randrange(40)):
                await asyncio.sleep(0)
            if breaks == "observation":
                board.cut()
            else:
                board.down = True
                session.look()
            for _ in range(chance.randrange(40)):
                await asyncio.sleep(0)
            running.cancel()
            await asyncio.wait({running}, timeout=PATIENCE_S)
            assert running.done(), f"it is {session.state} for ever"
            assert session.state is SessionState.ENDED


def _another(like: BoardSession, board: FakeBoard) -> BoardSession:
    """A session of the same store and clock, with a board of its own."""
    return BoardSession(
        *("other", "fake:", {0: make_bundle()}, like._store),
        stored=lambda: None,
        stale_after_s=like._stale_after_s,
        confirm_after=0,
        clock=like._clock,
        identities=type(like._identities)(),
        moves=like._moves,
        connect=board.connect,
    )


@asynccontextmanager
async def gateway_process(
    folder: Path, text: str, **options: Any
) -> AsyncIterator[tuple[Any, list[str], str]]:
    """A gateway of its own process; yields it, its log up to where it runs, and its HTTP address."""
    config = folder / "gateway.toml"
    config.write_text(text)
    command = (sys.executable, "-m", "wasmote", "gateway", "run", str(config))
    streams = {"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(*command, **(streams | options))
    try:
        log = [await until_said(process.stderr, "gateway runs")]
        yield process, log, json.loads(log[0])["http"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until_said(log: asyncio.StreamReader, event: str) -> str:
    while event not in (line := (await log.readline()).decode()):
        assert line, "the gateway ended by itself"
    return line


async def test_a_second_signal_ends_the_process_whatever_holds_it(tmp_path: Path):
    text = '[http]\nport = 0\n[boards.absent]\nlink = "tcp://127.0.0.1:1"\n'
    async with gateway_process(tmp_path, text) as (process, _, url):
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as held:  # the end waits for the answer to this
            held.sendall(b"POST /moves HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
            process.send_signal(signal.SIGTERM)
            await until_not_caught(process.pid)
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == -signal.SIGTERM


async def until_not_caught(pid: int) -> None:
    """Wait until the process has heard its first SIGTERM, and catches no further one (proc(5), SigCgt)."""
    status = Path(f"/proc/{pid}/status")
    while True:
        lines = (await asyncio.to_thread(status.read_text)).splitlines()
        caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
        if not caught >> (signal.SIGTERM - 1) & 1:
            return


# ---- what fails for one reason or another --------------------------------------------------------------


async def test_what_nobody_foresaw_of_one_board_leaves_the_others_alone(tmp_path: Path):
    good, bad = FakeBoard(), FakeBoard()
    bad.info_now = replace(bad.info_now, unique_id=bytes(12))

    async def odd(*_: object) -> None:
        raise ValueError("nobody foresaw this")

    bad.modules = odd  # type: ignore[assignment]

    async def connect(url: str) -> FakeBoard:
        return await (bad if url.endswith("two") else good).connect(url)

    async with Gateway(make_config(tmp_path, ("one", "two")), connect=connect).running() as gateway:
        await gateway.following("one")
        await gateway.sessions["two"].until(SessionState.BROKEN)
        good.emit(1.0, 1.0)
        [made] = await take(gateway.predictions(0), 1)
        assert made.board == "one"
        assert "unexpected ValueError: nobody foresaw this" in gateway.sessions["two"].fault
        del bad.modules  # type: ignore[method-assign]
        await gateway.following("two")


class _Picky:
    """A model that takes no record that begins with 13."""

    name, digest = "picky", bytes(8)
    contract = Contract("features", "f32", (2,), FIELDS, UNITS)

    def predict(self, values: Any) -> tuple[float, ...]:
        if values[0] == 13:
            raise RuntimeError("thirteen")
        return (float(values.sum()),)


async def test_a_record_that_its_model_fails_at_is_withheld_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("wasmote.gateway.core.load_model", lambda _: _Picky())
    board, config = FakeBoard(), make_config(tmp_path)
    async with Gateway(config, connect=board.connect).running() as gateway:
        await gateway.following("one")
        for value in (12.0, 13.0, 14.0):
            board.emit(value, 1.0)
        made = await take(gateway.predictions(0), 3)
        assert [one.values for one in made] == [(13.0,), (), (15.0,)]
        assert made[1].withheld == "the model fails: thirteen"
        async with httpx.AsyncClient(base_url=gateway.http_url) as client:
            told = (await client.get("/healthz")).json()["pipelines"]
            assert told == {"sum": {"withheld": 1, "failed": 1}}
    async with Gateway(config, connect=board.connect).running() as gateway:  # it is not met again
        await gateway.following("one")
        board.emit(15.0, 1.0)
        assert [one.seq for one in await take(gateway.predictions(2), 2)] == [2, 3]


async def test_a_manifest_that_no_longer_reads_keeps_nothing_from_starting(tmp_path: Path):
    board, config = FakeBoard(), make_config(tmp_path)
    async with Gateway(config, connect=board.connect).running() as gateway:
        await gateway.following("one")
        await gateway.store.database.write(
            lambda db: db.execute("INSERT INTO modules VALUES (x'00', 'old', '1.0.0', 1, x'ff')")
        )
    async with Gateway(config, connect=board.connect).running() as gateway:
        await gateway.following("one")
        board.emit(1.0, 1.0)
        assert [one.values for one in await take(gateway.predictions(0), 1)] == [(2.0,)]


# ---- outputs ---------------------------------------------------------------------------------------------


class Outside:
    """A gateway of its own process, whose board is in this one, so that a test can feed it."""

    def __init__(self, node: Node, client: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._node = node
        self._client = client
        self._fed = 0

    async def feed(self, count: int, value: float = 1.0) -> None:
        """Let so many predictions be made."""
        times = range(self._fed + 1, self._fed + count + 1)
        await self._node.feed("probe", [Sample(1000 * time, (value,)) for time in times])
        self._fed += count

    async def ask(self, path: str) -> dict[str, Any]:
        """GET a resource; while the gateway starts, again."""
        while True:
            assert self.process.returncode is None, "the gateway has ended"
            try:
                return dict((await self._client.get(path)).json())
            except httpx.ConnectError:
                await asyncio.sleep(0)

    async def predicted(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many predictions are stored."""
        while len(made := (await self.ask("/predictions?limit=10000"))["predictions"]) < count:
            pass
        return list(made)

    async def lost(self, output: str, fault: str) -> int:
        """Wait until lines are lost for this reason; return how many."""
        while (told := (await self.ask("/healthz"))["outputs"][output])["fault"] != fault:
            pass
        return int(told["lost"])


@asynccontextmanager
async def outside(folder: Path, **streams: int) -> AsyncIterator[Outside]:
    fields, units = ("sum", "seen"), ("1", "1")
    (folder / "sums.bundle").write_bytes(SUMS.to_bytes())
    write_model(folder / "sum.onnx", Contract("sums", "f32", (2,), fields, units))
    with listen(HttpSettings(port=0)) as taken:
        port = taken.getsockname()[1]
    async with (
        serve("127.0.0.1", 0) as (_, link),
        await Node.connect(link) as node,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client,
    ):
        (folder / "gateway.toml").write_text(
            f"""
            [gateway]
            store = "store.sqlite"
            commit_every_s = 0
            [http]
            port = {port}
            [boards.one]
            link = "{link}"
            [modules.sums]
            bundle = "sums.bundle"
            [pipelines.sums]
            source = "sums/sums"
            model = {{ kind = "onnx", file = "sum.onnx" }}
            sinks = [{{ kind = "stdout" }}]
            """
        )
        command = (sys.executable, "-m", "wasmote", "gateway", "run", str(folder / "gateway.toml"))
        streams = {"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL} | streams
        process = await asyncio.create_subprocess_exec(*command, **streams)  # type: ignore[arg-type]
        try:
            gateway = Outside(node, client, process)
            while (await gateway.ask("/healthz"))["boards"] != {"one": "following"}:
                pass
            yield gateway
            process.terminate()
            assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()


@contextmanager
def output(kind: str) -> Iterator[int]:
    """What a standard stream of a process may be: a pipe without a reader, a full disk, a pipe not read."""
    if kind == "full":
        descriptor = os.open("/dev/full", os.O_WRONLY)
        yield descriptor
        os.close(descriptor)
        return
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
    if kind == "closed":
        os.close(reads)
    yield writes
    os.close(writes)
    if kind != "closed":
        os.close(reads)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [("closed", "Broken pipe"), ("full", "No space left on device")],
    ids=["closed", "full"],
)
@pytest.mark.parametrize("name", ["stdout", "stderr"])
async def test_an_output_that_fails_is_named_and_counted_and_the_gateway_goes_on(
    tmp_path: Path, name: str, kind: str, fault: str
):
    with output(kind) as descriptor:
        async with outside(tmp_path, **{name: descriptor}) as gateway:
            await gateway.feed(5)
            await gateway.predicted(5)
            lost = await gateway.lost("stdout" if name == "stdout" else "log", fault)
            await gateway.feed(5)
            await gateway.predicted(10)
            assert lost > 0


@pytest.mark.parametrize("name", ["stdout", "stderr"])
async def test_an_output_that_nobody_reads_holds_nothing_up(tmp_path: Path, name: str):
    value = 1.0 if name == "stdout" else 3e38  # sums to infinity: withheld, with a line in the log
    with output("unread") as descriptor:
        async with outside(tmp_path, **{name: descriptor}) as gateway:
            for count in range(1, 9):
                await gateway.feed(16, value)
                await gateway.predicted(16 * count)


async def test_a_closed_standard_output_is_no_other_file(tmp_path: Path):
    command = f'"{sys.executable}" -c "import sys; sys.exit(sys.stdout is not None)" >&-'
    assert await (await asyncio.create_subprocess_shell(command)).wait() == 0
    out = Outlet.of("stdout", None, lambda *_: None)
    out.write("nobody reads this\n")
    out.close()
    assert (out.lost, out.fault) == (1, "Bad file descriptor")


def test_lines_beyond_the_bound_are_dropped_and_the_end_waits_for_nobody():
    told: list[tuple[str, int]] = []
    with output("unread") as descriptor:
        os.write(descriptor, bytes(4096))  # it is full now
        out = Outlet("stdout", descriptor, lambda *one: told.append(one), waiting_max=4)
        for _ in range(100):
            out.write("a line\n")
        out.close()
        out.write("too late\n")
        assert out.lost in (101, 100)  # one line may be in the thread's hands
        assert told == [("nobody reads it", 1)]  # while the pipe is there: then that line fails as well


def test_an_output_that_works_again_says_how_many_lines_were_lost():
    told: list[tuple[str, int]] = []
    news = threading.Event()

    def tell(fault: str, lost: int) -> None:
        told.append((fault, lost))
        news.set()

    reads, writes = os.pipe()
    with output("full") as full:
        descriptor = os.dup(full)
        out = Outlet("stdout", descriptor, tell)
        out.write("lost\n")
        assert news.wait(PATIENCE_S)
        os.dup2(writes, descriptor)
        out.write("kept\n")
        out.close()
        assert os.read(reads, 100) == b"kept\n"
        assert told == [("No space left on device", 1), ("", 1)]
    for one in (reads, writes, descriptor):
        os.close(one)


# ---- models of others ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("zipmap", "the model's output 'p' is a list, not a tensor of numbers"),
        ("textlabel", "the model's output 'label' is text, not a tensor of numbers"),
        ("fails", "the model fails: .*cannot be reshaped"),
        ("noout", "the model's answer holds no value"),
        ("batch16", r"its input takes \[16, 2\], its contract has shape \[2\]"),
    ],
)
def test_a_model_that_answers_no_record_is_refused_with_the_reason(name: str, reason: str):
    with pytest.raises(ModelFault, match=f"{name}.onnx: {reason}"):
        OnnxModel(MODELS / f"{name}.onnx")


@pytest.mark.parametrize("name", ["plain", "freedim"])
def test_a_model_that_takes_one_record_runs(name: str):
    import numpy as np

    answer = OnnxModel(MODELS / f"{name}.onnx").predict(np.array([0, np.log(3)], np.float32))
    assert answer == pytest.approx((0.25, 0.75))


def write_duo(folder: Path, source: str, model: str = "plain") -> Path:
    """A configuration with a module that emits a quantity in two units, and a model for the one in m."""
    streams = (
        Stream("alarm", (2,), ("mean", "raw"), ("m", "m")),
        Stream("alarm_mm", (2,), ("mean", "raw"), ("mm", "mm")),
    )
    bundle = make_bundle(name="duo")
    changed = replace(bundle.manifest, streams=streams)
    (folder / "duo.bundle").write_bytes(Bundle(changed, bundle.module).to_bytes())
    config = folder / "gateway.toml"
    config.write_text(
        f"""
        [http]
        port = 0
        [boards.absent]
        link = "tcp://127.0.0.1:1"
        [modules.duo]
        bundle = "duo.bundle"
        [pipelines.duo]
        source = "{source}"
        model = {{ kind = "onnx", file = "{MODELS / model}.onnx" }}
        """
    )
    return config


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("duo/nosuch", "it reads stream 'alarm', and is fed stream 'nosuch'"),
        ("duo/alarm_mm", "it reads stream 'alarm', and is fed stream 'alarm_mm'"),
    ],
)
async def test_a_model_is_not_fed_a_stream_that_it_was_not_made_for(tmp_path: Path, source: str, reason: str):
    path = write_duo(tmp_path, source)
    told = f"pipelines.duo: model plain.onnx does not fit module duo 1.0.0: {reason}"
    result = await asyncio.to_thread(CliRunner().invoke, main, ["gateway", "check", str(path)])
    assert (result.exit_code, told in result.output) == (6, True)
    with pytest.raises(ContractMismatch, match=told):
        async with Gateway(load(path)).running():
            pass


@pytest.mark.parametrize(
    ("model", "status"),
    [
        *(("plain", 0), ("freedim", 0), ("batch16", 2)),
        *(("zipmap", 2), ("textlabel", 2), ("fails", 2), ("noout", 2)),
    ],
)
def test_a_check_runs_the_model_once(tmp_path: Path, model: str, status: int):
    result = CliRunner().invoke(main, ["gateway", "check", str(write_duo(tmp_path, "duo/alarm", model))])
    assert result.exit_code == status, result.output
    assert ("all fit" in result.output) is (status == 0)


def test_a_unit_of_the_stream_that_is_fed_is_compared():
    streams = (Stream("alarm", (2,), ("mean", "raw"), ("mm", "mm")),)
    manifest = replace(make_bundle().manifest, streams=streams)
    model = OnnxModel(MODELS / "plain.onnx")
    with pytest.raises(ContractMismatch, match="unit 0 is 'm' to the model and 'mm' to the module"):
        model.contract.check(manifest, "plain.onnx", "alarm")
    with pytest.raises(ContractMismatch, match="it reads stream 'alarm', the module's streams are: features"):
        model.contract.check(make_bundle().manifest, "plain.onnx", "alarm")


async def test_a_release_whose_stream_has_another_unit_is_not_deployed(tmp_path: Path):
    board = FakeBoard()
    async with Gateway(make_config(tmp_path), connect=board.connect).running() as gateway:
        await gateway.following("one")
        released = make_bundle(2)
        [stream] = released.manifest.streams
        changed = replace(released.manifest, streams=(replace(stream, units=("mm", "l/s")),))
        with pytest.raises(ContractMismatch, match="unit 1 is 'm3/s' to the model and 'l/s' to the module"):
            await gateway.deploy("one", Bundle(changed, released.module))
        assert board.requests.count("install") == 1
