"""Payloads against firmware/SPEC.md: keys, round trips, and errors that name resource and key."""

import contextlib
from dataclasses import replace

import cbor2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_node import INFO
from wasmote.cli.follow import print_record
from wasmote.errors import UsageFault
from wasmote.wire.codec import TIME_MAX_MS, TIME_MIN_MS, PayloadFault, encode
from wasmote.wire.log import LogLevel, LogLine
from wasmote.wire.modules import (
    Candidate,
    Cause,
    Control,
    ControlRequest,
    Failure,
    ModuleState,
    ModuleStatus,
    StreamStatus,
    config_from_cbor,
    config_to_cbor,
)
from wasmote.wire.node import Banks, LinkCounters, NodeInfo, ResetCause
from wasmote.wire.records import OutEntry, Record, RecordFlags, Records
from wasmote.wire.samples import SAMPLES_BYTES_MAX, SAMPLES_MAX, Sample, SensorInfo, Waiting, sample_chunks

NODE = replace(INFO, board="native", cpu="x86_64", uptime_s=12, link=LinkCounters(1, 2, 3))
MODULE = ModuleStatus(
    slot=1,
    state=ModuleState.RUNNING,
    name="flood",
    version="1.0.0",
    sequence=1,
    digest=b"\x02" * 32,
    events=730,
    traps=0,
    time_us=10_000,
    longest_event_us=99,
    arena_bytes=20_000,
    error=None,
    candidate=Candidate("flood", "1.1.0", 2, b"\x03" * 32),
    streams=(StreamStatus("features", 730),),
    state_handed_over=True,
    swap_gap_us=0,
)
WATCHED = replace(
    MODULE,
    probation=12,
    fallback=Candidate("flood", "0.9.0", 0, b"\x05" * 32),
    failure=Failure(Cause.TRAP, b"\x06" * 8),
    restart_in_ms=500,
    traps_in_a_row=1,
)
FLASH = replace(NODE, boots=7, banks=Banks(5, 2, 3, 4), escaped=True)


def record(seq: int, values: list[float], flags: RecordFlags = RecordFlags.NONE) -> Record:
    return Record(seq, -1_000, b"\x04" * 8, np.array(values, dtype=np.float32), flags)


RECORDS = Records(b"boot", 3, 9, (record(7, [1.5, -2.0]), record(8, [float("nan")], RecordFlags.NAN)))
PAYLOADS = [
    NODE,
    FLASH,
    MODULE,
    WATCHED,
    ModuleStatus(0, ModuleState.EMPTY),
    SensorInfo("river", ("rain", "flow"), ("mm", "m3/s"), True, 5),
    SensorInfo("temp", ("temperature",), ("Cel",), False, 5, 1000, 2),
    SensorInfo("temp", ("temperature",), ("Cel",), False, 5, 1000, 2, Waiting(201, 256, 202)),
    Sample(-1_000_000_000_000, (0.5, 2.0)),
    RECORDS,
    OutEntry(0, "features", 12),
    ControlRequest(Control.START, {"features": 12}),
    ControlRequest(Control.SWAP),
    ControlRequest(Control.ROLL_BACK),
    LogLine(4, 99, LogLevel.WARNING, -1, "räin"),
]


@pytest.mark.parametrize("value", PAYLOADS, ids=lambda value: type(value).__name__)
def test_round_trip(value):
    assert type(value).from_cbor(value.to_cbor(), "/test") == value


@pytest.mark.parametrize("value", PAYLOADS, ids=lambda value: type(value).__name__)
def test_every_prefix_is_refused(value):
    whole = value.to_cbor()
    for length in range(len(whole)):
        with pytest.raises(PayloadFault, match="/test"):
            type(value).from_cbor(whole[:length], "/test")


@given(junk=st.binary(max_size=64))
def test_junk_is_a_payload_fault_or_a_value(junk):
    for kind in (NodeInfo, ModuleStatus, Records, Sample, LogLine, ControlRequest):
        with contextlib.suppress(PayloadFault):
            kind.from_cbor(junk, "/test")


def test_keys_are_those_of_the_spec():
    assert NODE.to_item() == {
        0: "native",
        1: "x86_64",
        2: "0.1.0",
        3: 1,
        4: 16384,
        5: 65536,
        6: 2,
        7: 12,
        8: b"\x01" * 12,
        9: b"boot",
        10: 1,
        11: True,
        12: True,
        13: False,
        14: 24576,
        15: [1, 2, 3],
        18: [],
    }
    assert {key: FLASH.to_item()[key] for key in (19, 20, 21)} == {19: 7, 20: [5, 2, 3, 4], 21: True}
    assert {key: WATCHED.to_item()[key] for key in range(19, 24)} == {
        19: 12,
        20: {0: "flood", 1: "0.9.0", 2: 0, 3: b"\x05" * 32},
        21: [1, b"\x06" * 8],
        22: 500,
        23: 1,
    }
    assert ModuleStatus(0, ModuleState.EMPTY).to_item() == {0: 0, 1: 0}
    assert RECORDS.to_item()[3][1] == {
        0: 8,
        1: -1_000,
        2: b"\x04" * 8,
        3: cbor2.CBORTag(85, np.array([np.nan], "<f4").tobytes()),
        4: 1,
    }


def test_unknown_keys_are_ignored():
    item = NODE.to_item() | {99: "from the future"}
    assert NodeInfo.from_cbor(cbor2.dumps(item), "/node") == NODE


def test_faults_name_resource_and_key():
    item = NODE.to_item()
    del item[6]
    with pytest.raises(PayloadFault, match="/node key 6: missing"):
        NodeInfo.from_cbor(cbor2.dumps(item), "/node")
    item[6] = "two"
    with pytest.raises(PayloadFault, match="/node key 6: expected an integer, found str 'two'"):
        NodeInfo.from_cbor(cbor2.dumps(item), "/node")
    with pytest.raises(PayloadFault, match="2 bytes after"):
        NodeInfo.from_cbor(NODE.to_cbor() + b"\x00\x00", "/node")
    broken = RECORDS.to_item()
    broken[3][1][3] = cbor2.CBORTag(85, b"abc")
    with pytest.raises(PayloadFault, match=r"/out/0/f record 1 key 3: 3 bytes are not a whole number"):
        Records.from_cbor(cbor2.dumps(broken), "/out/0/f")


def test_a_reset_cause_of_the_future_is_unknown():
    assert NodeInfo.from_item(NODE.to_item() | {10: 77}).reset_cause is ResetCause.UNKNOWN


def test_config():
    assert config_from_cbor(config_to_cbor({"alpha": 0.25, "n": 3}), "/c") == {"alpha": 0.25, "n": 3}
    with pytest.raises(PayloadFault, match="/c 'alpha': expected a number"):
        config_from_cbor(cbor2.dumps({"alpha": "x"}), "/c")


def test_list_faults_name_the_entry():
    with pytest.raises(PayloadFault, match=r"/modules\[1\] key 1: 9 is no module state"):
        ModuleStatus.list_from_cbor(cbor2.dumps([{0: 0, 1: 0}, {0: 1, 1: 9}]), "/modules")


@given(
    st.lists(
        st.builds(
            Sample,
            st.integers(TIME_MIN_MS, TIME_MAX_MS),
            st.lists(st.floats(width=32), min_size=1, max_size=8).map(tuple),
        ),
        max_size=80,
    )
)
def test_chunks_hold_every_sample_once_and_fit(samples):
    chunks = list(sample_chunks(samples))
    assert all(len(chunk) <= SAMPLES_BYTES_MAX for chunk in chunks)
    decoded = [Sample.list_from_cbor(chunk, "/sensors/x") for chunk in chunks]
    assert all(0 < len(chunk) <= SAMPLES_MAX for chunk in decoded)
    flat = [sample for chunk in decoded for sample in chunk]
    assert [s.time_ms for s in flat] == [s.time_ms for s in samples]
    for got, wanted in zip(flat, samples, strict=True):
        np.testing.assert_array_equal(got.values, wanted.values)


@pytest.mark.parametrize("time_ms", [TIME_MIN_MS - 1, TIME_MAX_MS + 1, 2**63, 1.0, True])
def test_a_time_is_a_whole_number_of_the_years_1_to_9999(time_ms):
    with pytest.raises(PayloadFault, match=r"/sensors/x\[0\]"):
        Sample.list_from_cbor(encode([[time_ms, [0.0]]]), "/sensors/x")


@pytest.mark.parametrize(
    ("time_ms", "shown"),
    [
        (1500, "+1.500s"),
        (TIME_MAX_MS, "9999-12-31T23:59:59+00:00"),
        (TIME_MAX_MS + 1, "253402300800000 ms"),
        (-(2**63), "-9223372036854775808 ms"),
    ],
)
def test_any_time_can_be_printed(time_ms, shown, capsys):
    print_record("out", Record(0, time_ms, bytes(8), np.zeros(1, np.float32)), as_json=False)
    assert capsys.readouterr().out == f"out 0 {shown}  0\n"


def test_values_are_rounded_to_binary32_before_they_travel():
    (chunk,) = sample_chunks([Sample(0, (0.1,))])
    assert Sample.list_from_cbor(chunk, "/s")[0].values == (float(np.float32(0.1)),)
    with pytest.raises(UsageFault, match="does not fit a binary32"):
        list(sample_chunks([Sample(0, (1e39,))]))
