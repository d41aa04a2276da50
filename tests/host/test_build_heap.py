"""Modules that allocate, of every language: packed for a node they do what they did with 64 KiB pages."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from native_runtime import NativeModule, build_library
from wasmote.build import build, build_bundle
from wasmote.build.compilers import assemblyscript, compile_source
from wasmote.build.packer import MemoryPlan, Packed, pack
from wasmote.build.pages import PackRefused, to_byte_pages
from wasmote.build.wasm import Limits, WasmModule
from wasmote.runtime import GuestTrap, HostModule

MOST_BIG_PAGES = 4
TOML = 'name = "{0}"\nversion = "1"\nsequence = 1\nsource = "{1}"\n{2}\n'
TABLES = '[[input]]\nsensor = "probe"\nchannels = ["size"]\nunits = ["byte"]\n'
TABLES += '[[stream]]\nname = "told"\nshape = [3]\n'

# Each takes a block of as many bytes as the sample says, writes to both of its ends, and tells where it lies,
# how many pages there are, and what it reads back.
C = """
#include <wasmote.h>
extern unsigned char __heap_base;
static unsigned char *top = &__heap_base;
WASMOTE_BUFFER(64)
static unsigned char *take(uint32_t size) {
    uint32_t place = (uint32_t)top, have = __builtin_wasm_memory_size(0) * 65536u;
    if (place + size > have) {
        uint32_t pages = (place + size - have + 65535) / 65536;
        uint32_t old = __builtin_wasm_memory_grow(0, pages);
        if (old == UINT32_MAX) {
            return 0;
        }
        if (old * 65536u != have) {
            __builtin_trap();
        }
    }
    top += size;
    return (unsigned char *)place;
}
void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    uint32_t size = (uint32_t)values[0];
    volatile unsigned char *block = take(size);
    float sum = -1;
    if (block) {
        sum = block[0] + block[size - 1];
        block[0] = 1, block[size - 1] = 2;
        sum += block[0] + block[size - 1];
    }
    float told[] = {(float)(uint32_t)block, (float)__builtin_wasm_memory_size(0), sum};
    wasmote_emit_f32(0, told, 3);
}
"""
RUST = """
#![no_std]
use core::arch::wasm32::{memory_grow, memory_size};
wasmote::buffer!(64);
wasmote::on_sample!(on_sample);
fn on_sample(_input: i32, _time_ms: i64, values: &[f32]) {
    let size = values[0] as usize;
    let old = memory_grow(0, (size + 65535) / 65536);
    let (mut place, mut sum) = (0, -1.0);
    if old != usize::MAX {
        place = old * 65536;
        unsafe {
            let (first, last) = (place as *mut u8, (place + size - 1) as *mut u8);
            sum = (first.read_volatile() + last.read_volatile()) as f32;
            first.write_volatile(1);
            last.write_volatile(2);
            sum += (first.read_volatile() + last.read_volatile()) as f32;
        }
    }
    wasmote::emit_f32(0, &[place as f32, memory_size(0) as f32, sum]);
}
"""
ZIG = """
const std = @import("std");
const wasmote = @import("wasmote");
comptime {
    wasmote.buffer(64);
    wasmote.on_sample(on_sample);
}
fn on_sample(_: i32, _: i64, values: []const f32) void {
    const size: usize = @intFromFloat(values[0]);
    var told = [3]f32{ 0, 0, -1 };
    if (std.heap.wasm_allocator.alloc(u8, size)) |block| {
        block[0] = 1;
        block[size - 1] = 2;
        told[0] = @floatFromInt(@intFromPtr(block.ptr));
        told[2] = @floatFromInt(block[0] + block[size - 1]);
        if (size % 3 == 0) std.heap.wasm_allocator.free(block);
    } else |_| {}
    told[1] = @floatFromInt(@wasmMemorySize(0));
    _ = wasmote.emit_f32(0, &told);
}
"""
ASSEMBLYSCRIPT = """
import { channel, emit_f32 } from "wasmote";
const buffer = memory.data(64, 8);
const told: StaticArray<f32> = [0, 0, 0];
export function wasmote_buffer(size: u32): usize {
  return size <= 64 ? buffer : 0;
}
export function on_sample(input: i32, time_ms: i64, values: usize, count: u32): void {
  const size = <i32>channel(values, 0);
  const block = new Uint8Array(size);
  told[2] = <f32>(block[0] + block[size - 1]);
  block[0] = 1;
  block[size - 1] = 2;
  told[0] = <f32>changetype<usize>(block);
  told[1] = <f32>PAGES;
  told[2] += <f32>(block[0] + block[size - 1]);
  emit_f32(0, told);
}
"""
COUNTED, UNCOUNTED = (ASSEMBLYSCRIPT.replace("PAGES", pages) for pages in ("memory.size()", "1"))
SOURCES = {"c": C, "rust": RUST, "zig": ZIG, "stub": COUNTED, "minimal": COUNTED}
SUFFIXES = {"c": ".c", "rust": ".rs", "zig": ".zig", "stub": ".ts", "minimal": ".ts"}


@cache
def engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.wasm_custom_page_sizes = True
    return wasmtime.Engine(config)


@cache
def compiled(encoded: bytes) -> wasmtime.Module:
    return wasmtime.Module(engine(), encoded)


class Guest:
    """A module with the memory that its bytes declare; what it emits, and how it traps."""

    def __init__(self, encoded: bytes) -> None:
        self._store = wasmtime.Store(engine())
        self._emitted: list[bytes] = []
        linker = wasmtime.Linker(engine())
        i32 = wasmtime.ValType.i32()
        kind = wasmtime.FuncType([i32, i32, i32], [i32])
        linker.define_func("wasmote", "emit", kind, self._emit, access_caller=True)
        instance = linker.instantiate(self._store, compiled(encoded))
        self._exports = instance.exports(self._store)

    def _emit(self, caller: wasmtime.Caller, _stream: int, address: int, size: int) -> int:
        memory = caller["memory"]
        assert isinstance(memory, wasmtime.Memory)
        self._emitted.append(bytes(memory.read(caller, address, address + size)))
        return 0

    def take(self, size: int) -> bytes | str:
        """Have it allocate: its record, or why it trapped."""
        memory, at = self._exports["memory"], int(self._exports["wasmote_buffer"](self._store, 4))
        memory.write(self._store, struct.pack("<f", size), at)
        try:
            self._exports["on_sample"](self._store, 0, 0, at, 1)
        except wasmtime.Trap as trap:
            return str(trap.trap_code)
        return self._emitted[-1]

    def memory(self) -> bytes:
        """All of its memory."""
        return bytes(self._exports["memory"].read(self._store))


@pytest.fixture(scope="module", params=SOURCES)
def allocating(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A linked module that counts 64 KiB pages and may have four."""
    source = tmp_path_factory.mktemp("heap") / f"heap{SUFFIXES[request.param]}"
    source.write_text(SOURCES[request.param])
    with pytest.MonkeyPatch.context() as patch:
        flags = ("--optimize", "--runtime", request.param, "--use", "abort=")
        patch.setattr(assemblyscript, "CODE_FLAGS", flags)
        module = WasmModule.from_bytes(compile_source(source).wasm)
    return module.with_memory(Limits(module.memories()[0].minimum, MOST_BIG_PAGES)).to_bytes()


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    return build_library()


def both(linked: bytes) -> tuple[Guest, Guest]:
    return Guest(linked), Guest(to_byte_pages(pack(linked).wasm))


def agree(guests: tuple[Guest, Guest], sizes: Sequence[int]) -> None:
    before, after = guests
    for size in sizes:
        told = before.take(size)
        assert after.take(size) == told
        if isinstance(told, str):
            break  # a module that trapped is not called again
    assert after.memory() == before.memory()


sizes = st.lists(
    st.integers(1, 70) | st.integers(1, 70_000) | st.integers(1, 300_000), min_size=1, max_size=8
)


def test_an_allocating_module_keeps_whole_64_kib(allocating: bytes) -> None:
    packed = pack(allocating)
    assert (packed.start_pages, packed.pages) == (4, 4 * MOST_BIG_PAGES)
    assert packed.use is not None
    assert packed.use.stack + packed.use.data + packed.use.heap == 65536


@given(sizes=sizes)
@settings(max_examples=30, deadline=None)
def test_an_allocating_module_does_the_same_when_it_is_packed(allocating: bytes, sizes: list[int]) -> None:
    agree(both(allocating), sizes)


def test_an_allocating_module_fills_all_of_its_pages_and_no_more(allocating: bytes) -> None:
    guests = both(allocating)
    agree(guests, [30_001] * 10)
    assert len(guests[1].memory()) == MOST_BIG_PAGES * 65536


def test_an_allocating_module_does_the_same_on_a_node(library: ctypes.CDLL, allocating: bytes) -> None:
    packed = pack(allocating, MemoryPlan(pages=8))
    host, node = Guest(to_byte_pages(packed.wasm)), NativeModule(library, packed.wasm, packed.pages, 4)
    assert node.status == 0, node.why
    assert node.start() == 0
    for size in (1000, 40_000, 60_000, 60_000):
        told = host.take(size)
        status = node.on_sample(0, 0, (size,))
        assert (status == 0) == isinstance(told, bytes), node.why
        if status != 0:
            break
        assert node.emitted[-1] == (0, told)


def test_an_allocating_module_is_not_trimmed_and_takes_no_declared_heap(allocating: bytes) -> None:
    with pytest.raises(PackRefused, match=r"calls memory\.grow.*cannot grow") as refusal:
        pack(allocating, MemoryPlan(trim=True))
    assert "leave trim out" in refusal.value.hint
    with pytest.raises(PackRefused, match=r"heap from memory\.grow") as refusal:
        pack(allocating, MemoryPlan(heap=100))
    assert "pages = N" in refusal.value.hint


def test_growing_by_64_kib_wants_pages_in_fours(allocating: bytes) -> None:
    with pytest.raises(PackRefused, match="never have all of pages = 6") as refusal:
        pack(allocating, MemoryPlan(pages=6))
    assert "page_bytes = 16384" in refusal.value.hint
    assert pack(allocating, MemoryPlan(pages=8)).pages == 8


# ---- the heap of AssemblyScript modules ------------------------------------------------------------------


def told(module: HostModule, size: int) -> list[float]:
    (emission,) = module.on_sample(0, 0, [size])
    return [float(value) for value in emission.values]


def fill(module: HostModule, size: int, done: list[list[float]]) -> None:
    """Allocate until it traps, and keep what went well."""
    while len(done) < 1000:
        done.append(told(module, size))


def project(folder: Path, text: str, suffix: str, keys: str = "") -> Path:
    (folder / f"heap{suffix}").write_text(text)
    (folder / "heap.toml").write_text(TOML.format("heap", f"heap{suffix}", keys) + TABLES)
    return folder / "heap.toml"


def test_assemblyscript_allocates_in_its_one_page_up_to_the_last_byte(tmp_path: Path) -> None:
    bundle = build_bundle(project(tmp_path, UNCOUNTED, ".ts"))
    assert bundle.manifest.pages == 1
    module = HostModule(bundle)
    module.start()
    places = [told(module, size) for size in (1, 50, 1000)]
    assert [sum_ for _, _, sum_ in places] == [4 if size == 1 else 3 for size in (1, 50, 1000)]
    addresses = [place for place, _, _ in places]
    assert addresses == sorted(set(addresses))
    assert bundle.manifest.memory_use is not None
    blocks = bundle.manifest.memory_use.heap // (1024 + 32)  # of the array, and of the view on it
    done: list[list[float]] = []
    with pytest.raises(GuestTrap, match="out of bounds"):
        fill(module, 1000, done)
    assert blocks - 2 <= len(done) <= blocks - 1


def test_a_declared_heap_is_all_there_is_when_memory_is_trimmed(tmp_path: Path) -> None:
    trimmed = build_bundle(project(tmp_path, UNCOUNTED, ".ts", "heap = 512\ntrim = true"))
    use = trimmed.manifest.memory_use
    assert use is not None
    assert 512 <= use.heap < 520
    assert trimmed.manifest.held_bytes == use.stack + use.data + use.heap
    module = HostModule(trimmed)
    module.start()
    assert told(module, 300)[2] == 3
    with pytest.raises(GuestTrap, match="out of bounds"):
        told(module, 300)


def test_arrays_and_strings_of_assemblyscript_grow_and_keep_their_values(tmp_path: Path) -> None:
    source = (
        ASSEMBLYSCRIPT.split("const size")[0]
        + """
      const list = new Array<f32>(), other = new Array<f32>();
      for (let i = 0; i < 40; i++) {
        list.push(<f32>i);
        other.push(<f32>-i);
      }
      let sum: f32 = 0;
      for (let i = 0; i < 40; i++) sum += list[i] * other[i];
      const text = "n" + list.length.toString() + "/" + sum.toString();
      told[0] = sum;
      told[1] = <f32>text.length;
      told[2] = <f32>text.charCodeAt(1);
      emit_f32(0, told);
    }
    """
    )
    module = HostModule(build_bundle(project(tmp_path, source, ".ts", "heap = 3000")))
    module.start()
    squares = sum(i * i for i in range(40))
    assert told(module, 0) == [-squares, len(f"n40/-{squares}.0"), ord("4")]


# ---- counting a node's pages -----------------------------------------------------------------------------


def test_a_module_that_counts_16_kib_grows_by_16_kib(tmp_path: Path) -> None:
    text = C.replace("65536", "16384").replace("65535", "16383")
    bundle = build_bundle(project(tmp_path, text, ".c", "page_bytes = 16384\npages = 3"))
    assert WasmModule.from_bytes(bundle.module).memories() == [Limits(1, 3, 14)]
    module = HostModule(bundle)
    module.start()
    assert [told(module, 14_000)[1:] for _ in range(4)] == [[1, 3], [2, 3], [3, 3], [3, -1]]


def test_growing_that_always_fails_is_told(tmp_path: Path) -> None:
    stuck = build(project(tmp_path, C, ".c"))
    assert "memory.grow will always fail" in stuck.warnings
    assert stuck.bundle.manifest.pages == 4
    assert build(project(tmp_path, C, ".c", "pages = 8")).warnings == ""


# ---- the end of a trimmed memory -------------------------------------------------------------------------

HELD = 20_000
WIDTHS = {
    "(i32.load8_u (local.get $at))": 1,
    "(i32.load16_u (local.get $at))": 2,
    "(i32.load (local.get $at))": 4,
    "(i32.wrap_i64 (i64.load (local.get $at)))": 8,
    "(i32.load offset=4 (local.get $at))": 8,
    "(i32.store8 (local.get $at) (i32.const 7)) (i32.const 1)": 1,
    "(i32.store (local.get $at) (i32.const 7)) (i32.const 4)": 4,
    "(i64.store (local.get $at) (i64.const 7)) (i32.const 8)": 8,
    "(f64.store (local.get $at) (f64.const 7)) (i32.const 8)": 8,
    "(memory.size)": 0,
    "(memory.grow (i32.const 0))": 0,
    "(memory.grow (i32.const 1))": 0,
    "(memory.fill (local.get $at) (i32.const 1) (i32.const 6)) (i32.const 6)": 6,
    "(memory.copy (i32.const 256) (local.get $at) (i32.const 6)) (i32.const 6)": 6,
}


def at_an_address(code: str) -> bytes:
    """A module of two 16 KiB pages that does `code` at the address that it is given, and emits the result."""
    text = f"""(module (import "wasmote" "emit" (func $emit (param i32 i32 i32) (result i32)))
        (memory (export "memory") 2 3)
        (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 64))
        (func (export "on_sample") (param i32 i64 i32 i32) (local $at i32)
            (local.set $at (i32.trunc_f32_s (f32.load (i32.const 64))))
            {code}
            (local.set $at)
            (i32.store (i32.const 128) (local.get $at))
            (drop (call $emit (i32.const 0) (i32.const 128) (i32.const 4)))))"""
    module = WasmModule.from_bytes(bytes(wasmtime.wat2wasm(text)))
    return module.with_memory(Limits(2, 3, 14)).to_bytes()


@pytest.mark.parametrize("code", WIDTHS)
def test_a_trimmed_memory_ends_at_the_same_byte_on_node_and_host(library: ctypes.CDLL, code: str) -> None:
    module = at_an_address(code)
    for address in range(HELD - 9, HELD + 2):
        node = NativeModule(library, module, 2, 4, HELD)
        assert node.status == 0, node.why
        assert node.start() == 0
        status = node.on_sample(0, 0, (address,))
        result = Guest(to_byte_pages(module, HELD)).take(address)
        inside = address + WIDTHS[code] <= HELD or WIDTHS[code] == 0
        assert (status == 0, isinstance(result, bytes)) == (inside, inside), (address, node.why, result)
        if inside:
            assert node.emitted[-1] == (0, result)


def test_packing_tells_what_it_made() -> None:
    source = """(module (memory 2) (global (mut i32) (i32.const 512)) (data (i32.const 512) "x")
        (global (export "__global_base") i32 (i32.const 512))
        (global (export "__heap_base") i32 (i32.const 700)))"""
    packed = pack(bytes(wasmtime.wat2wasm(source)), MemoryPlan(heap=90, trim=True))
    assert isinstance(packed, Packed)
    assert (packed.start_pages, packed.pages, packed.memory_bytes) == (1, 1, 792)
    assert packed.use is not None
    assert (packed.use.stack, packed.use.data, packed.use.heap) == (512, 188, 92)
    assert len(WasmModule.from_bytes(packed.wasm).globals()) == 1
