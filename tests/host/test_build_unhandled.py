"""What a module announces and nobody in it does is told when it is built."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

from wasmote.build import build
from wasmote.build.pages import PackRefused
from wasmote.build.unhandled import nearest
from wasmote.runtime import host_api
from wasmote.wire import manifest

HEAD = 'name = "demo"\nversion = "1"\nsequence = 1\nsource = "{0}"\n'
INPUT = '[[input]]\nsensor = "level"\nchannels = ["height"]\nunits = ["m"]\n'
STREAM = '[[stream]]\nname = "out"\nfields = ["x"]\n'
BUFFER = "#include <wasmote.h>\nWASMOTE_BUFFER(64)\n"
EMITTING = "{ (void)i, (void)t, (void)n; wasmote_emit_f32(0, v, 1); }\n"
PARAMETERS = "(int32_t i, int64_t t, const float *v, uint32_t n)"
ON_SAMPLE = f"void on_sample{PARAMETERS} {EMITTING}"
IDLE_SAMPLE = f"void on_sample{PARAMETERS} {{ (void)i, (void)t, (void)v, (void)n; }}\n"
ON_TICK = "void on_tick(int64_t now) { wasmote_emit_f32(0, (float[]){(float)now}, 1); }\n"
POLLING = """void on_tick(int64_t now) {
    (void)now;
    float value[1];
    if (wasmote_sensor_read(0, value, 1) == 1) {
        wasmote_emit_f32(0, value, 1);
    }
}
"""

RUST = """
#![no_std]
wasmote::buffer!(64);
#[no_mangle]
pub extern "C" fn on_sampel(_i: i32, _t: i64, _v: *const f32, _n: usize) { wasmote::emit_f32(0, &[1.0]); }
"""
ZIG = """
const wasmote = @import("wasmote");
comptime {
    wasmote.buffer(64);
}
export fn onsample(_: i32, _: i64, _: [*]const f32, _: usize) void {
    _ = wasmote.emit_f32(0, &.{1});
}
"""
ASSEMBLYSCRIPT = """
import { emit_f32 } from "wasmote";
const buffer = memory.data(64, 8);
const record: StaticArray<f32> = [1];
export function wasmote_buffer(size: u32): usize { return size <= 64 ? buffer : 0; }
export function on_smaple(input: i32, time_ms: i64, values: usize, count: u32): void { emit_f32(0, record); }
"""
WAT_CPP = """(module (import "wasmote" "emit" (func (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "wasmote_buffer") (param i32) (result i32) i32.const 16)
    (func (export "_Z9on_sampleixPfj") (param i32 i64 i32 i32)))"""


def warnings(folder: Path, source: str | bytes, toml: str, name: str = "demo.c") -> str:
    """What a build warns of; PackRefused when it refuses."""
    (folder / name).write_bytes(source.encode() if isinstance(source, str) else source)
    project = (folder / name).with_suffix(".toml")
    project.write_text(HEAD.format(name) + toml)
    return build(project).warnings


@pytest.mark.parametrize(
    ("name", "source", "found", "cure"),
    [
        ("demo.c", BUFFER + f"void on_samples{PARAMETERS} {EMITTING}", "on_samples", "call it on_sample"),
        ("demo.c", BUFFER + ON_TICK.replace("on_tick", "on_simple"), "on_simple", "call it on_sample"),
        ("demo.rs", RUST, "on_sampel", "call it on_sample"),
        ("demo.zig", ZIG, "onsample", "call it on_sample"),
        ("demo.ts", ASSEMBLYSCRIPT, "on_smaple", "call it on_sample"),
        ("demo.wasm", bytes(wasmtime.wat2wasm(WAT_CPP)), "_Z9on_sampleixPfj", 'extern "C" before on_sample'),
    ],
)
def test_an_input_without_a_handler_is_refused_and_the_nearest_function_named(
    name: str, source: str | bytes, found: str, cure: str, tmp_path: Path
) -> None:
    with pytest.raises(PackRefused) as caught:
        warnings(tmp_path, source, INPUT + STREAM, name)
    assert f"nobody handles input level: module exports no on_sample, but has {found}" in caught.value.message
    assert cure in caught.value.hint


def test_where_nothing_is_near_the_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        PackRefused, match=r"exports no on_sample \(write on_sample, or drop \[\[input\]\] from"
    ):
        warnings(tmp_path, BUFFER + ON_TICK, INPUT + STREAM)


def test_a_stream_that_no_event_can_reach_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackRefused, match=r"nothing can emit to stream out: .*no on_tick, but has on_tock"):
        warnings(tmp_path, BUFFER + ON_TICK.replace("on_tick", "on_tock"), STREAM)


@pytest.mark.parametrize(
    ("source", "toml"),
    [
        (BUFFER + ON_SAMPLE, INPUT + STREAM),
        (BUFFER + POLLING, INPUT + STREAM),
        (BUFFER + ON_TICK, STREAM),
        (BUFFER, ""),
        (BUFFER + ON_TICK + "static void on_tock(void) {}\nvoid *keep = (void *)on_tock;\n", STREAM),
    ],
)
def test_what_is_handled_builds_without_a_word(source: str, toml: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, source, toml) == ""


@pytest.mark.parametrize(
    ("source", "toml", "warning"),
    [
        (BUFFER + IDLE_SAMPLE, INPUT + STREAM, "no emit is reached from on_sample or on_tick: stream out"),
        (
            BUFFER + IDLE_SAMPLE + "void on_start(void) { wasmote_emit_f32(0, (float[]){1}, 1); }\n",
            INPUT + STREAM,
            "no emit is reached from on_sample or on_tick: stream out",
        ),
        (BUFFER + ON_SAMPLE, INPUT + STREAM + "[config]\ngain = 1\n", "nothing reads the config: gain"),
        (
            BUFFER + ON_SAMPLE + "void on_confg(const void *p, uint32_t n) { (void)p, (void)n; }\n",
            INPUT + STREAM,
            "nobody calls on_confg: is it meant to be on_config?",
        ),
    ],
)
def test_what_is_likely_meant_otherwise_is_warned_of(
    source: str, toml: str, warning: str, tmp_path: Path
) -> None:
    assert warning in warnings(tmp_path, source, toml)


def test_an_emit_behind_calls_is_reached(tmp_path: Path) -> None:
    code = """static void tell(float value) { wasmote_emit_f32(0, &value, 1); }
static void (*volatile told)(float) = tell;
void on_tick(int64_t now) { told((float)now); }
"""
    assert warnings(tmp_path, BUFFER + code, STREAM) == ""


def test_a_helper_that_is_no_event_is_none() -> None:
    assert nearest("on_sample", ["average", "sample_rate", "reset_state"]) is None


def test_a_capability_is_asked_for_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_api, "IMPORTS", {**host_api.IMPORTS, "now_ms": "clock"})
    monkeypatch.setattr(manifest, "CAPABILITIES", (*manifest.CAPABILITIES, "clock"))
    code = (
        BUFFER
        + "void on_tick(int64_t t) { wasmote_emit_f32(0, (float[]){(float)wasmote_now_ms() - t}, 1); }\n"
    )
    with pytest.raises(
        PackRefused, match=r'calls now_ms, without the capability clock.*\["random", "clock"\]'
    ):
        warnings(tmp_path, code, 'capabilities = ["random"]\n' + STREAM)
    assert warnings(tmp_path, code, 'capabilities = ["clock"]\n' + STREAM) == ""


def test_manifests_name_the_capabilities_of_the_host_api() -> None:
    assert set(manifest.CAPABILITIES) == set(host_api.IMPORTS.values()) - {None}
