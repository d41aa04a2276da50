"""Replay: the right readings, in order, in batches, at the rate asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from aiocoap.message import Message
from click.testing import CliRunner

from fake_line import FakeServer
from fake_node import FakeNode
from wasmote.cli import main
from wasmote.errors import LinkDown, NoAnswer, UsageFault, WasmoteError
from wasmote.node import Node
from wasmote.replay import NodeForgot, Selection, batches, find_sensor, read_samples, replay, samples_of
from wasmote.series import parse_time_ms, read_series
from wasmote.wire.samples import Sample, SensorInfo

RIVER = SensorInfo("river", ("rain", "flow"), ("mm", "m3/s"), True, 0)
TWENTY = [Sample(1000 * second, (0.0, 0.0)) for second in range(20)]


class FakeRiver:
    """A node that only takes samples. `faults` maps the number of an attempt to how it ends."""

    def __init__(self, faults: Mapping[int, WasmoteError] | None = None, *, taken: bool = False) -> None:
        self.batches: list[list[Sample]] = []
        self.faults = dict(faults or {})
        self.taken = taken  # what an attempt that ended with a fault brought has arrived nevertheless
        self.restarted = False  # in the moment of the first fault
        self.attempts = 0
        self.waited = 0

    async def feed(self, sensor: str, samples: Sequence[Sample]) -> None:
        assert sensor == "river"
        fault = self.faults.get(self.attempts)
        self.attempts += 1
        if fault is None or self.taken:
            assert not self.batches or samples[0].time_ms > self.batches[-1][-1].time_ms
            self.batches.append(list(samples))
        if fault is not None:
            raise fault

    async def sensors(self) -> list[SensorInfo]:
        fed = bool(self.batches) and not self.restarted
        return [replace(RIVER, newest_ms=self.batches[-1][-1].time_ms if fed else None)]

    async def wait_up(self) -> None:
        self.waited += 1


async def test_a_node_is_fed_nothing_of_what_cannot_be_sent_whole():
    node = FakeNode()
    samples = [Sample(second, (1.0, 1e39 if second == 39 else 0.0)) for second in range(40)]
    async with FakeServer(node) as server, await Node.connect(server.url) as connected:
        with pytest.raises(UsageFault, match=r"sample at 39 ms: 1e\+39 does not fit"):
            await connected.feed("river", samples)
    assert node.samples == []


class BoardsOwn:
    """A node with a sensor of its own."""

    async def sensors(self) -> list[SensorInfo]:
        return [SensorInfo("temp", ("temp",), ("Cel",), False, 7), RIVER]


@pytest.fixture
def river_csv(tmp_path: Path) -> Path:
    path = tmp_path / "river.csv"
    path.write_text("".join(f"{day:02}-01-2001, {day}.5, {10 * day}\n" for day in range(1, 31)))
    return path


def days(samples: Sequence[Sample]) -> list[int]:
    return [round(sample.values[1] / 10) for sample in samples]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), range(1, 31)),
        (Selection(count=3), range(28, 31)),
        (Selection(parse_time_ms("2001-01-05"), parse_time_ms("07-01-2001")), range(5, 8)),
        (Selection(last_ms=parse_time_ms("2001-01-10"), count=2), range(9, 11)),
        (Selection(first_ms=parse_time_ms("2001-01-29"), count=99), range(29, 31)),
    ],
)
def test_the_selected_days_are_read(river_csv: Path, selection: Selection, expected: range):
    assert days(read_samples(river_csv, RIVER, selection)) == list(expected)


def test_a_time_without_readings_names_what_there_is(river_csv: Path):
    with pytest.raises(UsageFault, match="the file holds 2001-01-01 to 2001-01-30"):
        read_samples(river_csv, RIVER, Selection(first_ms=parse_time_ms("2002-01-01")))


async def test_batches_keep_the_order(river_csv: Path):
    node, seen = FakeRiver(), []
    samples = samples_of(read_series(river_csv, ("rain", "flow")))
    assert await replay(node, "river", samples, batch=8, progress=seen.append) == 30
    assert [len(batch) for batch in node.batches] == [8, 8, 8, 6]
    assert days([sample for batch in node.batches for sample in batch]) == list(range(1, 31))
    assert seen == [8, 16, 24, 30]
    assert node.batches[0][0] == Sample(parse_time_ms("2001-01-01"), (1.5, 10.0))


async def test_a_rate_spreads_the_batches_over_time():
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    await replay(FakeRiver(), "river", TWENTY, batch=5, rate=1e-3, sleep=sleep)
    assert [round(wait / 1000) for wait in waits] == [5, 10, 15]  # from the start; none after the last batch


@pytest.mark.parametrize("fault", [LinkDown("the link broke"), NoAnswer("silence")])
@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("attempt", [0, 2, 3])
async def test_after_a_broken_link_every_sample_is_fed_once(fault: WasmoteError, taken: bool, attempt: int):
    node, told = FakeRiver({attempt: fault}, taken=taken), []
    assert await replay(node, "river", TWENTY, batch=5, interrupted=told.append) == 20
    assert [sample for batch in node.batches for sample in batch] == TWENTY
    assert told == [fault]
    assert node.waited == 1


async def test_a_node_that_was_restarted_is_not_fed_the_rest():
    node, seen = FakeRiver({2: LinkDown("the link broke")}), []
    node.restarted = True
    with pytest.raises(NodeForgot, match="restarted after 10 of 20 samples"):
        await replay(node, "river", TWENTY, batch=5, progress=seen.append)
    assert seen == [5, 10]


async def test_a_node_with_later_readings_is_told_of_before_anything_is_sent(river_csv: Path):
    sensor = replace(RIVER, newest_ms=parse_time_ms("2001-01-10"))
    with pytest.raises(UsageFault, match="has a reading of 2001-01-10 00:00:00 already"):
        read_samples(river_csv, sensor, Selection())
    later = Selection(first_ms=parse_time_ms("2001-01-11"))
    assert days(read_samples(river_csv, sensor, later)) == list(range(11, 31))


def test_a_batch_has_a_size_that_fits_a_put():
    with pytest.raises(UsageFault, match="1 to 32"):
        batches([], 33)


async def test_an_unknown_sensor_is_named_with_those_there_are():
    with pytest.raises(UsageFault, match="no sensor 'rivr'; its sensors: river"):
        await find_sensor(FakeRiver(), "rivr")


# ---- the command -----------------------------------------------------------------------------


async def command(*arguments: str) -> tuple[int, str]:
    """Run the command in a thread of its own, beside the fake node of this loop."""
    result = await asyncio.to_thread(CliRunner().invoke, main, ["replay", *arguments])
    return result.exit_code, result.output


async def test_the_command_feeds_a_node(river_csv: Path):
    node = FakeNode()
    async with FakeServer(node) as server:
        status, output = await command(
            str(river_csv), "--link", server.url, "--sensor", "river", "--last", "20"
        )
    assert status == 0, output
    assert "20 of 20 samples fed to river" in output
    assert days(node.samples) == list(range(11, 31))


@pytest.fixture
def hourly_csv(tmp_path: Path) -> Path:
    path = tmp_path / "hourly.csv"
    rows = (f"2001-01-{day:02},{hour:02}:00,1,2\n" for day in (1, 2, 3) for hour in range(24))
    path.write_text("date,time,rain,flow\n" + "".join(rows))
    return path


@pytest.mark.parametrize(("last", "fed"), [("2001-01-02", 48), ("02-01-2001", 48), ("2001-01-02T05:00", 30)])
async def test_the_last_day_is_fed_whole(hourly_csv: Path, last: str, fed: int):
    node = FakeNode()
    async with FakeServer(node) as server:
        arguments = ("--link", server.url, "--sensor", "river", "--to", last)
        status, output = await command(str(hourly_csv), *arguments)
    assert status == 0, output
    assert len(node.samples) == fed


@pytest.mark.parametrize(("listeners", "expected"), [(None, 0), (0, 1), (2, 0)])
async def test_what_nobody_listens_to_is_not_fed(river_csv: Path, listeners: int | None, expected: int):
    node = FakeNode()
    node.listeners = listeners  # None: older firmware does not tell
    async with FakeServer(node) as server:
        status, output = await command(str(river_csv), "--link", server.url, "--sensor", "river")
    assert status == expected
    assert ("no module that runs listens to river: nothing was fed" in output) is bool(expected)
    assert len(node.samples) == (0 if expected else 30)


async def test_a_module_that_stops_meanwhile_is_told(river_csv: Path):
    class Stopping(FakeNode):
        def _feed(self, body: bytes) -> Message:
            self.listeners = 0
            return super()._feed(body)

    async with FakeServer(Stopping()) as server:
        status, output = await command(str(river_csv), "--link", server.url, "--sensor", "river")
    assert status == 1
    assert "the readings since it was stopped, moved or trapped are lost" in output


async def test_a_sensor_that_the_board_reads_is_not_fed():
    with pytest.raises(UsageFault, match="temp is read by the board"):
        await find_sensor(BoardsOwn(), "temp")


@pytest.fixture
def corrupted_csv(river_csv: Path) -> Path:
    river_csv.write_text(river_csv.read_text().replace("7.5", "7,5x"))
    return river_csv


async def test_a_corrupted_file_names_file_line_and_column(corrupted_csv: Path):
    async with FakeServer(FakeNode()) as server:
        status, output = await command(str(corrupted_csv), "--link", server.url, "--sensor", "river")
    assert status == 2
    assert f"{corrupted_csv}, line 7, column 4" in output


@pytest.mark.parametrize(
    ("content", "message"), [(None, "No such file or directory"), ("", "holds no readings")]
)
async def test_a_wrong_file_is_named_before_a_node_is_asked(
    tmp_path: Path, content: str | None, message: str
):
    file = tmp_path / "recording.csv"
    if content is not None:
        file.write_text(content)
    asked = asyncio.Event()
    async with FakeServer(FakeNode(), on_connect=asked.set) as server:
        status, output = await command(str(file), "--link", server.url, "--sensor", "river")
    assert status == 2
    assert f"{file}: {message}" in output
    assert not asked.is_set()


@pytest.fixture
def beyond_csv(river_csv: Path) -> Path:
    river_csv.write_text(river_csv.read_text().replace("30.5", "1e39"))
    return river_csv


async def test_nothing_is_fed_of_a_file_with_a_value_that_no_board_holds(beyond_csv: Path):
    node = FakeNode()
    async with FakeServer(node) as server:
        status, output = await command(str(beyond_csv), "--link", server.url, "--sensor", "river")
    assert status == 2
    assert f"{beyond_csv}, line 30, column 2 (rain): 1e39 does not fit" in output
    assert node.samples == []


async def test_a_wrong_date_is_a_usage_error(river_csv: Path):
    async with FakeServer(FakeNode()) as server:
        arguments = ("--link", server.url, "--sensor", "river", "--from", "yesterday")
        status, output = await command(str(river_csv), *arguments)
    assert status == 2
    assert "--from yesterday: is no date" in output
