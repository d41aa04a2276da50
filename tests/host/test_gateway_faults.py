"""Faults of one part of the gateway are that part's own: each is named and counted, and the rest goes on."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from fake_board import FIELDS, UNITS, FakeBoard, make_bundle
from test_gateway import make_config, take
from test_gateway_session import make_rig
from wasmote.gateway.contract import Contract
from wasmote.gateway.core import Gateway
from wasmote.gateway.inference import ModelFault, OnnxModel
from wasmote.gateway.session import BoardSession, SessionState

MODELS = Path(__file__).parents[1] / "onnx_models"
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
            held.sendall(b"POST /moves HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
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
