"""wasmote.runtime: the same bytes do the same under wasmtime as in the node's own runtime."""

from __future__ import annotations

import ctypes
import hashlib
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from native_runtime import NativeModule, build_library, embed_wat
from wasmote.build import build_bundle
from wasmote.errors import UsageFault
from wasmote.runtime import GuestTrap, HostModule, ModuleRefused
from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import Input, Manifest, StateSchema, Stream

WAT = Path(__file__).resolve().parents[1] / "c" / "wasm"
PAGES = 3
STATES = {"echo": 16, "start": 4}  # bytes, of those that have one

GUEST = """
#include <wasmote.h>

/* A bit of everything that must not differ by a bit: f32 and f64 arithmetic, division, square roots,
 * conversions that saturate, rounding, 64-bit integers, state in memory. */
static struct { float fast, slow; double sum; uint64_t hash; uint32_t count; } state;
static float out[8];

WASMOTE_BUFFER(64)
WASMOTE_STATE(state)

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count)
{
    const float rain = values[0], flow = values[1];
    const double gain = wasmote_config_get(WASMOTE_TEXT("gain"), 1.0);
    state.fast = state.fast * 0.9f + rain;
    state.slow = state.slow * 0.99f + rain / 3.0f;
    state.sum += (double)flow * gain + 1e-9 * (double)time_ms;
    state.hash = (state.hash ^ (uint64_t)time_ms) * 1099511628211u + (uint64_t)input + count;
    state.count++;
    out[0] = state.fast;
    out[1] = __builtin_sqrtf(__builtin_fabsf(state.slow));
    out[2] = (float)(state.sum / (double)state.count);
    out[3] = (float)(int32_t)(flow * 1e6f);
    out[4] = __builtin_floorf(flow) + __builtin_rintf(rain);
    out[5] = (float)(state.hash >> 11);
    out[6] = rain / (flow - flow + 1.5f) * 1e-38f;
    out[7] = (float)__builtin_sqrt((double)flow * (double)flow + 2.0);
    wasmote_emit_f32(0, out, 8);
}
"""

PROJECT = """
name = "mixed"
version = "1"
sequence = 1
source = "mixed.c"
stack = 2048
c_stack = 1024
capabilities = []
[[input]]
sensor = "river"
channels = ["rain", "flow"]
units = ["mm", "m3/s"]
[[stream]]
name = "features"
fields = ["a", "b", "c", "d", "e", "f", "g", "h"]
units = ["1", "1", "1", "1", "1", "1", "1", "1"]
[config]
gain = 1.25
[state]
schema = "mixed/1"
"""


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    return build_library()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "mixed.c").write_text(GUEST)
    (folder / "mixed.toml").write_text(PROJECT)
    return build_bundle(folder / "mixed.toml")


@pytest.mark.parametrize("package", ["wasmote.runtime", "wasmote.build"])
def test_either_package_can_be_imported_first(package: str):
    subprocess.run([sys.executable, "-c", f"import {package}"], check=True)


def bundle_of(name: str, **changes: object) -> Bundle:
    tools = embed_wat()
    module = tools.mark_pages(tools.assemble(WAT / f"{name}.wat"))
    fields: dict[str, object] = {
        "streams": (Stream("out", (2,)), Stream("more", (1,))),
        "inputs": (Input("s", ("a", "b"), ("1", "1")),),
        "state": StateSchema("s/1", STATES[name]) if name in STATES else None,
        "capabilities": ("log", "random"),
    }
    manifest = Manifest(
        name=name.replace("_", "-"),
        version="1",
        sequence=1,
        digest=hashlib.sha256(module).digest(),
        size=len(module),
        pages=PAGES,
        stack=2048,
        **{**fields, **changes},  # type: ignore[arg-type]
    )
    return Bundle(manifest, module)


def test_emissions_and_state_are_bit_equal(library: ctypes.CDLL, mixed: Bundle) -> None:
    host = HostModule(mixed)
    native = NativeModule(library, mixed.module, mixed.manifest.pages, 8)
    assert native.status == 0, native.why
    native.config = {"gain": 1.25}
    host.start()
    assert native.start() == 0
    random = np.random.default_rng(7)
    samples = np.exp(random.normal(0, 3, (400, 2))).astype(np.float32)
    samples[random.random((400, 2)) < 0.1] = 0
    samples[17] = (-3.5, 1e30)  # beyond what an i32 holds: the conversion saturates
    for step, values in enumerate(samples):
        emitted = host.on_sample(0, step * 86_400_000 - 10**12, values)
        assert native.on_sample(0, step * 86_400_000 - 10**12, values) == 0, native.why
        assert [(e.stream, e.values.tobytes()) for e in emitted] == [("features", native.emitted[-1][1])]
    assert host.state() == native.state() != b""


def test_state_moves_from_the_node_to_the_host(library: ctypes.CDLL, mixed: Bundle) -> None:
    native = NativeModule(library, mixed.module, mixed.manifest.pages, 8)
    native.config = {"gain": 1.25}
    native.start()
    for step in range(5):
        native.on_sample(0, step, (1.5, 2.5))
    host = HostModule(mixed)
    host.start(state=native.state())
    emitted = host.on_sample(0, 5, (0.5, 0.25))
    native.on_sample(0, 5, (0.5, 0.25))
    assert emitted[0].values.tobytes() == native.emitted[-1][1]
    assert emitted[0].time_ms == 5


@pytest.mark.parametrize("case", range(7))
def test_traps_have_the_same_words(library: ctypes.CDLL, case: int) -> None:
    bundle = bundle_of("traps")
    native = NativeModule(library, bundle.module, PAGES, 8)
    assert native.on_sample(0, 0, (case, 0)) == -10
    host = HostModule(bundle)
    host.start()
    with pytest.raises(GuestTrap) as trap:
        host.on_sample(0, 0, (case, 0))
    assert str(trap.value) == f"module traps: {native.why}"
    with pytest.raises(GuestTrap, match="trapped before"):
        host.on_sample(0, 0, (case, 0))


def test_memory_sizes_are_the_same(library: ctypes.CDLL) -> None:
    bundle = bundle_of("memory", streams=(Stream("out", (6,)),))
    host = HostModule(bundle)
    native = NativeModule(library, bundle.module, PAGES, 8)
    host._services.may_emit = True  # this module emits in on_start, which a node does not allow
    host.start()
    assert native.start() == 0
    assert host._services.emissions[0].values.tobytes() == native.emitted[0][1]
    assert struct.unpack("<6i", native.emitted[0][1]) == (1, -1, 1, 2, -1, 3)
    with pytest.raises(GuestTrap, match="out of bounds memory access in on_tick"):
        host.on_tick(0)


def test_an_endless_loop_is_stopped() -> None:
    host = HostModule(bundle_of("spin"))
    with pytest.raises(GuestTrap, match="time budget exceeded in on_start"):
        host.start()


def test_the_start_function_runs_at_start_and_not_before() -> None:
    host = HostModule(bundle_of("start"))
    assert host.state() == bytes(4)
    host.start()
    assert host.state() == b"\x07\0\0\0"


def test_host_functions_get_and_give_their_types() -> None:
    streams = (Stream("reading", (3,)), Stream("rest", (5,)))
    host = HostModule(bundle_of("host_calls", streams=streams), clock=lambda: -1000)
    host.start()
    assert [(line.level, line.text) for line in host.log_lines] == [
        (1, "refused: it reads input 3, and its manifest has 1"),
        (1, "refused: it emits outside of on_sample and on_tick"),
        (2, "hello"),
    ]
    assert host.refused == 3
    assert host.on_tick(0) == []


def test_nothing_is_emitted_outside_samples_and_ticks() -> None:
    host = HostModule(bundle_of("echo", config={"k": 1.0}))
    host.start()  # its on_config emits: refused
    emitted = host.on_sample(0, 3, (1.0, -0.0))
    assert [e.stream for e in emitted] == ["out"]
    assert emitted[0].values.tobytes() == struct.pack("<2f", 1.0, -0.0)


def test_a_capability_that_is_not_asked_for_is_not_given() -> None:
    with pytest.raises(ModuleRefused, match=r"wasmote\.log, which needs the capability 'log'"):
        HostModule(bundle_of("host_calls", capabilities=()))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("unknown_import", r"imports env\.foo, which a node does not offer"),
        ("no_buffer", "does not export wasmote_buffer"),
        ("wrong_export_type", "exports on_tick, but not as a function"),
        ("small_buffer", "gave no room for 8 bytes"),
        ("data_outside", "cannot be set up"),
        ("bad_body", "is not valid"),
    ],
)
def test_refused_as_by_a_node(library: ctypes.CDLL, name: str, reason: str) -> None:
    bundle = bundle_of(name)
    assert NativeModule(library, bundle.module, PAGES, 8).status < 0
    with pytest.raises(ModuleRefused, match=reason):
        HostModule(bundle)


def test_misuse_is_named(mixed: Bundle) -> None:
    host = HostModule(mixed)
    host.start()
    with pytest.raises(UsageFault, match="no parameter 'gian'"):
        host.set_config({"gian": 2})
    with pytest.raises(UsageFault, match="has 2 channels"):
        host.on_sample(0, 0, (1.0,))
    with pytest.raises(UsageFault, match="no number 1"):
        host.on_sample(1, 0, (1.0, 2.0))
    with pytest.raises(UsageFault, match="whose state has"):
        host.restore(b"short")


def test_config_reaches_the_guest(mixed: Bundle) -> None:
    plain, doubled = HostModule(mixed), HostModule(mixed)
    doubled.set_config({"gain": 2.5})
    plain.start()
    doubled.start()
    assert doubled.on_sample(0, 0, (0, 4))[0].values[2] == 2 * plain.on_sample(0, 0, (0, 4))[0].values[2]
