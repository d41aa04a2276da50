"""Modules in C, AssemblyScript, Rust and Zig: the same program gives the same bits."""

from __future__ import annotations

import functools
import json
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from wasmote.build import build_bundle
from wasmote.build.compilers import COMPILERS, CompileFailed, assemblyscript, rust, tool, zig
from wasmote.build.pages import PackRefused
from wasmote.build.project import Project
from wasmote.errors import UsageFault
from wasmote.runtime import HostModule
from wasmote.runtime.functions import Float32, LogLine
from wasmote.sim import ROOT
from wasmote.toml_file import TomlFile
from wasmote.wire.bundle import Bundle

EXAMPLES = ROOT / "wasm3-port" / "guest" / "examples"
EVERY_CALL = ROOT / "tests" / "modules" / "every_call"
LANGUAGES = {"c": ".c", "assemblyscript": ".ts", "rust": ".rs", "zig": ".zig"}
every_language = pytest.mark.parametrize("language", LANGUAGES)
SAMPLES = 200


@functools.cache
def smooth(language: str) -> Bundle:
    return build_bundle(EXAMPLES / language / "smooth.toml")


@functools.cache
def samples() -> Float32:
    """Readings over ten decades, of both signs, with zeros of both among them."""
    random = np.random.default_rng(55002)
    readings = random.normal(0, 1, SAMPLES) * 10 ** random.uniform(-5, 5, SAMPLES)
    readings[::17], readings[8::17] = 0.0, -0.0
    return readings.astype(np.float32)


def expected() -> list[bytes]:
    """The records that the program means, in numpy's float32; alpha changes after half of the samples."""
    alpha, level, spread = np.float32(0.25), samples()[0], np.float32(0)
    records = []
    for index, value in enumerate(samples()):
        if index == SAMPLES // 2:
            alpha = np.float32(0.1)
        error = value - level
        level = level + alpha * error
        spread = spread + alpha * (abs(error) - spread)
        records.append(np.array([level, spread, index + 1], "<f4").tobytes())
    return records


def run(module: HostModule, first: int, end: int) -> list[bytes]:
    emitted = (module.on_sample(0, index, samples()[index : index + 1]) for index in range(first, end))
    return [emission.values.tobytes() for emissions in emitted for emission in emissions]


# ---- what the modules do ---------------------------------------------------------------------------------


def test_there_is_an_example_for_every_compiler() -> None:
    assert sorted(LANGUAGES.values()) == sorted(COMPILERS)


@every_language
def test_the_examples_give_the_same_bits(language: str) -> None:
    module = HostModule(smooth(language))
    module.start()
    records = run(module, 0, SAMPLES // 2)
    module.set_config({"alpha": 0.1})
    assert records + run(module, SAMPLES // 2, SAMPLES) == expected()


def test_state_goes_from_language_to_language() -> None:
    languages = [*LANGUAGES, *reversed(LANGUAGES)]
    step = SAMPLES // len(languages)
    records: list[bytes] = []
    state: bytes | None = None
    for index, language in enumerate(languages):
        module = HostModule(smooth(language))
        module.set_config({"alpha": 0.25 if index < len(languages) // 2 else 0.1})
        module.start(state)
        records += run(module, index * step, (index + 1) * step)
        state = module.state()
    assert records == expected()


@every_language
def test_the_examples_need_one_page_and_announce_the_same(language: str) -> None:
    project, in_c = (TomlFile(EXAMPLES / one / "smooth.toml").parse(Project) for one in (language, "c"))
    assert project == in_c.model_copy(update={"source": f"smooth{LANGUAGES[language]}"})
    assert smooth(language).manifest.pages == 1


def behaviour_in(suffix: str, folder: Path) -> tuple[object, ...]:
    """Everything that the module which calls every function does to its host."""
    source = folder / f"every_call{suffix}"
    shutil.copy(EVERY_CALL / source.name, source)
    project = 'name = "every-call"\nversion = "1"\nsequence = 1\ncapabilities = ["log", "random"]\n'
    project += '[[input]]\nsensor = "probe"\nchannels = ["a", "b"]\nunits = ["1", "1"]\n'
    project += '[[stream]]\nname = "noise"\nshape = [4]\n[[stream]]\nname = "told"\nshape = [4]\n'
    source.with_suffix(".toml").write_text(f'source = "{source.name}"\n{project}[config]\nunused = 0.5\n')
    module = HostModule(build_bundle(source), clock=lambda: 1250)
    module.start()
    emitted = [*module.on_tick(1000), *module.on_sample(0, 1100, (1.5, 2.5)), *module.on_tick(2000)]
    assert [emission.stream for emission in emitted] == ["told", "noise", "told", "told"]
    return (*module.log_lines, *(emission.values.tobytes() for emission in emitted))


@every_language
def test_every_function_can_be_called(language: str, tmp_path: Path) -> None:
    log, before, noise, sample, after = behaviour_in(LANGUAGES[language], tmp_path)
    assert log == LogLine(2, "started: 20 °C")
    assert before == np.array([-2, 0, 0, 250], "<f4").tobytes()
    assert isinstance(noise, bytes)
    bytes_of_config = 1 + 7 + 3  # map of one, "unused", a half-precision 0.5
    assert sample == np.array([2.5, sum(noise), bytes_of_config, -1.5], "<f4").tobytes()
    assert after == np.array([2, 1.5, 2.5, -750], "<f4").tobytes()


# ---- how they are built ----------------------------------------------------------------------------------


@every_language
def test_a_build_depends_on_nothing_but_the_source(language: str, tmp_path: Path) -> None:
    copied = shutil.copytree(EXAMPLES / language, tmp_path / "elsewhere" / "copy")
    assert build_bundle(copied / f"smooth{LANGUAGES[language]}") == smooth(language)


@every_language
def test_a_source_with_an_error_is_refused_with_its_place(language: str, tmp_path: Path) -> None:
    source = tmp_path / f"broken{LANGUAGES[language]}"
    good = (EXAMPLES / language / f"smooth{source.suffix}").read_text()
    source.write_text(f"{good}a$$ha\n")
    with pytest.raises(CompileFailed, match=rf"broken\{source.suffix}\W+\d+"):
        build_bundle(source)


def test_globals_of_assemblyscript_are_not_taken_for_a_c_stack(tmp_path: Path) -> None:
    source = tmp_path / "large.ts"
    text = (EXAMPLES / "assemblyscript" / "smooth.ts").read_text()
    text = text.replace("let alpha: f32 = 0;", "let alpha: f32 = 0;\nlet far: i32 = 1_000_000;")
    source.write_text(text.replace("state.seen += 1;", "state.seen += 1;\n  far += 1;"))
    source.with_suffix(".toml").write_text(
        (EXAMPLES / "assemblyscript" / "smooth.toml").read_text().replace("smooth.ts", "large.ts")
    )
    assert build_bundle(source).manifest.pages == 1


NAMESAKES = {
    ".c": """
#include <wasmote.h>
char __heap_base[100]; /* the linker's then lies here, below what follows */
static char more[5000];
WASMOTE_BUFFER(64)
void on_tick(int64_t now) { more[now & 4095]++, __heap_base[now & 31]++; }
""",
    ".zig": """
const wasmote = @import("wasmote");
export var __heap_base: [100]u8 = @splat(0);
var more: [5000]u8 = @splat(0);
comptime {
    wasmote.buffer(64);
    wasmote.on_tick(on_tick);
}
fn on_tick(now: i64) void {
    more[@intCast(now & 4095)] +%= 1;
    __heap_base[@intCast(now & 31)] +%= 1;
}
""",
    ".rs": """
#![no_std]
use core::sync::atomic::{AtomicU8, Ordering};
const ZERO: AtomicU8 = AtomicU8::new(0);
#[no_mangle]
pub static __heap_base: [AtomicU8; 100] = [ZERO; 100];
static MORE: [AtomicU8; 5000] = [ZERO; 5000];
wasmote::buffer!(64);
wasmote::on_tick!(on_tick);
fn on_tick(now: i64) {
    MORE[now as usize & 4095].fetch_add(1, Ordering::Relaxed);
    __heap_base[now as usize & 31].fetch_add(1, Ordering::Relaxed);
}
""",
    ".ts": """
const buffer = memory.data(64, 8);
export const wasmote_memory_end: i32 = 16;
export function wasmote_buffer(size: u32): usize { return size <= 64 ? buffer : 0; }
export function on_tick(now: i64): void { store<i64>(buffer, now); }
""",
}


@pytest.mark.parametrize("suffix", NAMESAKES)
def test_a_namesake_of_the_linkers_heap_base_does_not_cut_memory(suffix: str, tmp_path: Path) -> None:
    source = tmp_path / f"namesake{suffix}"
    source.write_text(NAMESAKES[suffix])
    with pytest.raises(PackRefused, match=r"but its data ends at \d+: no linker has made this"):
        build_bundle(source)


def test_every_place_pins_the_same_compilers() -> None:
    pins = ROOT / "tools" / "languages"
    assert json.loads((pins / "package.json").read_text())["dependencies"] == {
        "assemblyscript": assemblyscript.VERSION
    }
    locked = json.loads((pins / "package-lock.json").read_text())["packages"]
    assert locked["node_modules/assemblyscript"]["version"] == assemblyscript.VERSION
    assert f"ziglang=={zig.VERSION} " in (pins / "zig.lock").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["zig"] == [f"ziglang == {zig.VERSION}"]


def test_zig_is_written_as_zig_formats_it() -> None:
    ours = ("wasm3-port/**/*.zig", "host/**/*.zig")
    sources = (*(path for folder in ours for path in ROOT.glob(folder)), *EVERY_CALL.glob("*.zig"))
    assert tool.checked([zig.find_zig(), "fmt", "--check", *map(str, sources)]) == ""


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A PATH and a Python environment without compilers."""
    rust.find_rustc.cache_clear()
    monkeypatch.setattr(zig, "_packaged_zig", lambda: None)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in ("WASMOTE_ASC", "WASMOTE_RUSTC", "WASMOTE_ZIG"):
        monkeypatch.delenv(variable, raising=False)
    yield tmp_path
    rust.find_rustc.cache_clear()


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("assemblyscript", "asc is not installed.*npm install --global assemblyscript@"),
        ("rust", "rustc is not installed.*sudo apt install rustc libstd-rust-dev-wasm32"),
        ("zig", "zig is not installed.*pip install ziglang=="),
    ],
)
def test_a_missing_compiler_names_the_command_that_installs_it(language: str, words: str) -> None:
    with pytest.raises(UsageFault, match=words):
        build_bundle(EXAMPLES / language / "smooth.toml")


def test_a_rustc_that_lacks_webassembly_is_passed_over(
    nothing_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, libraries in (("first", nothing_installed / "none"), ("second", nothing_installed)):
        (nothing_installed / name).mkdir()
        script = nothing_installed / name / "rustc"
        script.write_text(f"#!/bin/sh\necho {libraries}\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(nothing_installed / "first"))
    with pytest.raises(UsageFault, match="first/rustc has no core library"):
        rust.find_rustc()
    monkeypatch.setenv("PATH", f"{nothing_installed / 'first'}:{nothing_installed / 'second'}")
    assert rust.find_rustc() == str(nothing_installed / "second" / "rustc")


@pytest.mark.usefixtures("nothing_installed")
def test_a_named_compiler_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMOTE_ZIG", "/nowhere/zig")
    with pytest.raises(UsageFault, match=r"/nowhere/zig \(from WASMOTE_ZIG\) is no program"):
        zig.find_zig()
