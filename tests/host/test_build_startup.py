"""What tool chains run before a program begins: once, before on_start, or the build refuses."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import wasmtime

from native_runtime import NativeModule, build_library
from wasmote.build import build_bundle
from wasmote.build.compilers import tool
from wasmote.build.compilers.c import find_toolchain
from wasmote.build.packer import pack
from wasmote.build.pages import PackRefused
from wasmote.build.wasm import Kind, SectionId, WasmModule
from wasmote.runtime import HostModule
from wasmote.sim import ROOT
from wasmote.wire.bundle import Bundle

TOML = """name = "total"
version = "1"
sequence = 1
source = "{source}"
[[input]]
sensor = "level"
channels = ["height"]
units = ["m"]
[[stream]]
name = "total"
fields = ["sum", "seen"]
"""
STATE = '[state]\nschema = "total/1"\n'

# Each adds up readings, from 100 on, which a constructor puts there.
C = """
#include <wasmote.h>
static struct { float sum; uint32_t seen; } state;
static volatile float first = 100.0f; /* not known when this is compiled */
WASMOTE_BUFFER(64)
WASMOTE_STATE(state)
__attribute__((constructor)) static void begin(void) { state.sum += first; }
void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    state.sum += values[0], state.seen++;
    wasmote_emit_f32(0, (float[]){state.sum, (float)state.seen}, 2);
}
"""
C_OF_ITS_OWN = C + "extern void __wasm_call_ctors(void);\nvoid on_start(void) { __wasm_call_ctors(); }\n"
C_REACTOR = C + "extern void __wasm_call_ctors(void);\nvoid _initialize(void) { __wasm_call_ctors(); }\n"
CPP = """
#include <wasmote.h>
static volatile float first = 100.0f;
struct Total {
    float sum;
    unsigned seen;
    Total() : sum(first), seen(0) {}
};
static Total total;
static unsigned char buffer[64] __attribute__((aligned(8)));
extern "C" void *wasmote_buffer(uint32_t size) { return size <= sizeof buffer ? buffer : nullptr; }
extern "C" void on_sample(int32_t, int64_t, const float *values, uint32_t) {
    total.sum += values[0], total.seen++;
    float record[] = {total.sum, (float)total.seen};
    wasmote_emit_f32(0, record, 2);
}
"""
CPP_REACTOR = (
    CPP
    + """
extern "C" void __wasm_call_ctors();
extern "C" __attribute__((export_name("_initialize"))) void _initialize() { __wasm_call_ctors(); }
"""
)
RUST_REACTOR = """
#![no_std]
use wasmote::Global;
static SUM: Global<f32> = Global::new(0.0);
static SEEN: Global<f32> = Global::new(0.0);
#[no_mangle]
pub extern "C" fn _initialize() { SUM.set(SUM.get() + wasmote::config_get("first", 100.0) as f32) }
wasmote::buffer!(64);
wasmote::on_sample!(on_sample);
fn on_sample(_input: i32, _time_ms: i64, values: &[f32]) {
    SUM.set(SUM.get() + values[0]);
    SEEN.set(SEEN.get() + 1.0);
    wasmote::emit_f32(0, &[SUM.get(), SEEN.get()]);
}
"""
RUST_SECTION = RUST_REACTOR.replace(
    "#[no_mangle]",
    '#[used]\n#[link_section = ".init_array"]\nstatic LIST: [u8; 4] = [1, 0, 0, 0];\n#[no_mangle]',
)
ZIG = """
const wasmote = @import("wasmote");
var sum: f32 = 0;
var seen: f32 = 0;
var first: f32 = 100;
fn begin() callconv(.c) void {
    sum += @as(*volatile f32, &first).*;
}
export const set_up: *const fn () callconv(.c) void linksection(".init_array") = &begin;
comptime {
    wasmote.buffer(64);
    wasmote.on_sample(on_sample);
}
fn on_sample(_: i32, _: i64, values: []const f32) void {
    sum += values[0];
    seen += 1;
    _ = wasmote.emit_f32(0, &.{ sum, seen });
}
"""
ASSEMBLYSCRIPT = """
import { channel, emit_f32, config_get } from "wasmote";
const buffer = memory.data(64, 8);
const record: StaticArray<f32> = [0, 0];
let sum: f32 = 0;
sum += <f32>config_get("first", 100);
export function wasmote_buffer(size: u32): usize { return size <= 64 ? buffer : 0; }
export function on_sample(input: i32, time_ms: i64, values: usize, count: u32): void {
  sum += channel(values, 0);
  record[0] = sum;
  record[1] += 1;
  emit_f32(0, record);
}
"""
AS_REACTOR = ASSEMBLYSCRIPT.replace("sum +=", "export function _initialize(): void { sum +=", 1).replace(
    "100);", "100); }"
)


def of_source(name: str, source: str, toml: str = "") -> Callable[[Path], Bundle]:
    def make(folder: Path) -> Bundle:
        (folder / name).write_text(source)
        (folder / name).with_suffix(".toml").write_text(TOML.format(source=name) + toml)
        return build_bundle(folder / name)

    return make


def recommended_flags() -> list[str]:
    """The linker's flags that the documentation gives for other compilers."""
    text = (ROOT / "host" / "wasmote" / "build" / "README.md").read_text()
    found = re.search(r"^    (--no-entry .*(?:\n    .*)*)", text, re.MULTILINE)
    assert found is not None
    return found[1].split()


def of_cpp(source: str, *without: str) -> Callable[[Path], Bundle]:
    """A build of C++ as it is documented for other languages: compiled elsewhere, and given as a .wasm."""

    def make(folder: Path) -> Bundle:
        tools = find_toolchain()
        code, made, linked = (folder / f"total.{suffix}" for suffix in ("cpp", "o", "wasm"))
        code.write_text(source)
        flags = ["-mcpu=mvp", "-mmutable-globals", "-msign-ext", "-mnontrapping-fptoint", "-fno-exceptions"]
        command = [
            tools.clang,
            "-x",
            "c++",
            "--target=wasm32",
            "-O2",
            *flags,
            f"-I{tool.GUEST}",
            "-nostdlibinc",
        ]
        tool.checked([*command, "-c", str(code), "-o", str(made)])
        link = [flag for flag in recommended_flags() if flag not in without]
        tool.checked([tools.linker, *link, str(made), "-o", str(linked)])
        (folder / "total.toml").write_text(TOML.format(source="total.wasm"))
        return build_bundle(linked)

    return make


RIGHT = {
    "c": of_source("total.c", C, STATE),
    "c-calls-them-itself": of_source("total.c", C_OF_ITS_OWN, STATE),
    "c-reactor": of_source("total.c", C_REACTOR, STATE),
    "cpp": of_cpp(CPP),
    "cpp-reactor": of_cpp(CPP_REACTOR),
    "rust-reactor": of_source("total.rs", RUST_REACTOR),
    "zig": of_source("total.zig", ZIG),
    "assemblyscript": of_source("total.ts", ASSEMBLYSCRIPT),
    "assemblyscript-reactor": of_source("total.ts", AS_REACTOR),
}


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    return build_library()


@pytest.mark.parametrize("make", RIGHT.values(), ids=RIGHT)
def test_constructors_run_once_before_the_first_event(
    make: Callable[[Path], Bundle], tmp_path: Path, library: ctypes.CDLL
) -> None:
    """Under wasmtime and in a node's engine."""
    bundle = make(tmp_path)
    module = HostModule(bundle)
    module.start()
    records = [
        emission.values.tolist() for at in range(3) for emission in module.on_sample(0, at, [at + 1.0])
    ]
    assert records == [[101, 1], [103, 2], [106, 3]]
    node = NativeModule(library, bundle.module, bundle.manifest.pages, 4)
    assert [node.start(), *(node.on_sample(0, at, [at + 1.0]) for at in range(3))] == [0, 0, 0, 0], node.why
    assert [np.frombuffer(values, "<f4").tolist() for _, values in node.emitted] == records
    node.unload()
    assert not {entry.name for entry in WasmModule.from_bytes(bundle.module).exports()} & {
        "_initialize",
        "__wasm_call_ctors",
    }


def test_a_snapshot_is_gone_on_from_without_them(tmp_path: Path) -> None:
    bundle = of_source("total.c", C, STATE)(tmp_path)
    first, second = HostModule(bundle), HostModule(bundle)
    first.start()
    first.on_sample(0, 1, [1.0])
    second.resume(first.snapshot())
    (record,) = second.on_sample(0, 2, [2.0])
    assert record.values.tolist() == [103, 2]


def test_a_state_is_handed_over_behind_them(tmp_path: Path) -> None:
    bundle = of_source("total.c", C, STATE)(tmp_path)
    first, second = HostModule(bundle), HostModule(bundle)
    first.start()
    first.on_sample(0, 1, [1.0])
    second.start(first.state())
    (record,) = second.on_sample(0, 2, [2.0])
    assert record.values.tolist() == [103, 2]


def test_a_module_without_constructors_keeps_its_bytes(tmp_path: Path) -> None:
    plain = C.replace("__attribute__((constructor))", "__attribute__((unused))")
    module = WasmModule.from_bytes(of_source("total.c", plain, STATE)(tmp_path).module)
    assert SectionId.START not in {section.id for section in module.sections}
    assert len(module.bodies()) == 4  # buffer, state, its size, on_sample


# ---- refused ---------------------------------------------------------------------------------------------


def test_wrapped_exports_are_refused_with_the_flag(tmp_path: Path) -> None:
    with pytest.raises(PackRefused, match=r"before every event.*--export=__wasm_call_ctors"):
        of_cpp(CPP, "--export=__wasm_call_ctors")(tmp_path)


def test_constructors_in_a_custom_section_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PackRefused, match=r"custom section \.init_array: nothing would ever run them"):
        of_source("total.rs", RUST_SECTION)(tmp_path)


def wat(body: str) -> bytes:
    return bytes(
        wasmtime.wat2wasm(f"""(module (memory (export "memory") 1) (global $n (mut i32) (i32.const 0))
        (func (export "wasmote_buffer") (param i32) (result i32) i32.const 16)
        (func $bump (global.set $n (i32.add (global.get $n) (i32.const 1))))
        {body})""")
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('(export "_start" (func $bump))', "exports _start: it is a command"),
        ('(func (export "_initialize") (param i32))', r"export _initialize is no function \(\) -> \(\)"),
        ('(export "_initialize" (global $n))', r"export _initialize is no function \(\) -> \(\)"),
        (
            '(func (export "_initialize") call $bump)\n(func (export "on_tick") (param i64) call 2)',
            "calls _initialize itself, and not only from on_start",
        ),
    ],
)
def test_what_could_not_run_once_is_refused(body: str, reason: str) -> None:
    with pytest.raises(PackRefused, match=reason):
        pack(wat(body))


def test_a_state_that_each_call_sets_up_anew_is_refused(tmp_path: Path) -> None:
    """As an optimiser leaves it, which has dissolved the wrappers around the exports."""
    (tmp_path / "total.wasm").write_bytes(
        wat("""(func $state (i32.store (i32.const 64) (i32.const 7)))
        (func (export "wasmote_state") (result i32) call $state i32.const 64)
        (func (export "wasmote_state_size") (result i32) i32.const 4)
        (func (export "on_sample") (param i32 i64 i32 i32))""")
    )
    (tmp_path / "total.toml").write_text(TOML.format(source="total.wasm") + STATE)
    with pytest.raises(PackRefused, match="changes its state whenever it is asked for it"):
        build_bundle(tmp_path / "total.toml")


# ---- by hand ---------------------------------------------------------------------------------------------


def starts_with(encoded: bytes) -> int:
    """How often `$bump` is called when the packed module starts."""
    module = WasmModule.from_bytes(pack(encoded).wasm)
    engine = wasmtime.Engine()
    plain = module.with_memory(module.memories()[0].__class__(1)).to_bytes()
    store = wasmtime.Store(engine)
    found = wasmtime.Instance(store, wasmtime.Module(engine, plain), []).exports(store)["n"]
    assert isinstance(found, wasmtime.Global)
    return int(found.value(store))


@pytest.mark.parametrize(
    ("body", "calls"),
    [
        ("", 0),
        ('(export "_initialize" (func $bump))', 1),
        ('(export "__wasm_call_ctors" (func $bump))', 1),
        ('(start $bump) (export "_initialize" (func $bump))', 2),
        ('(export "__wasm_call_ctors" (func $bump)) (func (export "_initialize") call $bump)', 1),
        ('(export "__wasm_call_ctors" (func $bump)) (func (export "_initialize"))', 1),
        ('(export "__wasm_call_ctors" (func $bump)) (func (export "_initialize") nop)', 1),
        ('(export "__wasm_call_ctors" (func $bump)) (func (export "on_start") call $bump)', 0),
        ('(func (export "_initialize"))', 0),
    ],
)
def test_each_is_called_once_and_by_one(body: str, calls: int) -> None:
    assert starts_with(wat(f'(export "n" (global $n)) {body}')) == calls


def test_functions_that_only_look_like_wrappers_stay() -> None:
    """One begins with another function than the rest."""
    body = """(func $one (param i64)) (func $other)
    (func (export "on_tick") (param i64) call $bump local.get 0 call $one)
    (func (export "on_start") call $other call $other)"""
    exports = {
        e.name for e in WasmModule.from_bytes(pack(wat(body)).wasm).exports() if e.kind == Kind.FUNCTION
    }
    assert exports == {"wasmote_buffer", "on_tick", "on_start"}
