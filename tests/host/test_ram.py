"""The host's sum of what a module takes of a board's RAM, against the node's own."""

from __future__ import annotations

import ctypes
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from compare_validators import WM_OK, Facts, Validator
from native_runtime import STACK_BYTES, NativeModule, build_library, embed_wat
from random_wasm import ModuleMaker
from wasmote.build import build_bundle
from wasmote.build.limit_check import check_limits
from wasmote.build.ram import NARROW, WIDE, Arena, Ram, predict, ram_of, read_arenas
from wasmote.build.wasm import WasmModule
from wasmote.cli import main
from wasmote.sim import ROOT

MODULES = Path(__file__).parents[1] / "modules"
FLOOD = ROOT / "models" / "flood" / "flood.toml"
COUNT, SEED = 2000, 5
PAGES = 4


class _ModuleFacts(ctypes.Structure):
    """`struct module_facts`, as far as the sum reads it, and room for the rest."""

    _fields_ = (
        ("memory_pages", ctypes.c_uint32),
        ("table_size", ctypes.c_uint32),
        ("rest", ctypes.c_uint32 * 64),
    )


class _Limits(ctypes.Structure):
    """`struct runtime_limits`."""

    _fields_ = tuple(
        (name, ctypes.c_uint32)
        for name in ("memory_pages", "memory_bytes", "stack_bytes", "budget_us", "sample_bytes")
    )


class _Needs(ctypes.Structure):
    """`struct runtime_needs`."""

    _fields_ = tuple(
        (f"{name}_bytes", ctypes.c_uint32) for name in ("memory", "stack", "code", "other", "total")
    )


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    return build_library()


def sum_by_c(
    library: ctypes.CDLL, wasm: bytes, facts: Facts, module: WasmModule, stack: int, held: int
) -> Ram:
    """What runtime_needs_of() says, on this machine's 64 bits."""
    call = library.runtime_needs_of
    call.restype = _Needs
    pages = sum(memory.minimum for memory in module.memories())
    needs = call(
        wasm,
        ctypes.c_size_t(len(wasm)),
        ctypes.byref(_Limits(pages, held, stack, 1, 0)),
        ctypes.byref(facts),
        ctypes.byref(_ModuleFacts(pages, module.table_size())),
    )
    ram = Ram(needs.memory_bytes, needs.stack_bytes, needs.code_bytes, needs.other_bytes)
    assert ram.total == needs.total_bytes
    return ram


def test_both_come_to_the_same_sum_over_random_modules(library: ctypes.CDLL) -> None:
    maker, validator = ModuleMaker(SEED), Validator()
    seen = set()
    for number in range(COUNT):
        wasm = maker.make()
        verdict = validator(wasm)
        if verdict.status != WM_OK:
            continue
        module = WasmModule.from_bytes(wasm)
        stack, held = 256 + 8 * (number % 900), (0, 5000)[number % 2]
        ram = predict(module, check_limits(module), stack, held or None, WIDE)
        assert ram == sum_by_c(library, wasm, verdict.facts, module, stack, held), wasm.hex()
        seen |= {section.id.name for section in module.sections}
    assert len(seen) > 9  # every kind of section took part


def test_a_loaded_module_was_expected_as_computed(library: ctypes.CDLL) -> None:
    loaded = 0
    tools = embed_wat()
    for path in sorted((ROOT / "tests" / "c" / "wasm").glob("*.wat")):
        wasm = tools.mark_pages(tools.assemble(path))
        native = NativeModule(library, wasm, PAGES, 8)
        if native.status == 0:
            loaded += 1
            module = WasmModule.from_bytes(wasm)
            expected = native.usage()[1]
            assert predict(module, check_limits(module), STACK_BYTES, None, WIDE).total == expected
        native.unload()
    assert loaded > 10


def test_a_compiled_module_was_expected_as_computed_and_holds_no_more(library: ctypes.CDLL) -> None:
    for path in (FLOOD, *sorted(MODULES.glob("sums_v*.toml"))):
        bundle = build_bundle(path)
        bundle = replace(bundle, manifest=replace(bundle.manifest, stack=STACK_BYTES))
        native = NativeModule(library, bundle.module, PAGES, 8, bundle.manifest.memory_bytes or 0)
        assert native.status == 0, native.why
        held, expected = native.usage()
        assert ram_of(bundle, WIDE).total == expected >= held
        native.unload()


def test_on_32_bits_a_module_takes_less() -> None:
    bundle = build_bundle(FLOOD)
    narrow, wide = ram_of(bundle, NARROW), ram_of(bundle, WIDE)
    assert narrow.stack == wide.stack == bundle.manifest.stack + 48
    assert (narrow.code - 16) * 2 == wide.code - 16
    assert narrow.other < wide.other


def test_arenas_are_the_boards() -> None:
    arenas = {arena.board: arena for arena in read_arenas()}
    assert arenas["netduinoplus2"] == Arena("netduinoplus2", (65536, 20480), NARROW)
    assert arenas["netduino2"].bytes == 53248
    assert arenas["native"].word == WIDE


def test_a_memory_lies_in_one_part_of_an_arena() -> None:
    arena = Arena("b", (65536, 20480), NARROW)
    assert arena.has_room(Ram(memory=60000, stack=4000, code=10000, other=2000))
    assert not arena.has_room(Ram(memory=70000, stack=1000, code=1000, other=1000))
    assert not arena.has_room(Ram(memory=60000, stack=4000, code=20000, other=2017))


# ---- what the commands say ---------------------------------------------------------------------------------


def run(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def test_build_and_inspect_print_the_nodes_number_and_who_has_room(tmp_path: Path) -> None:
    output = tmp_path / "flood.bundle"
    built = run("build", FLOOD, "-o", output)
    ram = ram_of(build_bundle(FLOOD))
    for said in (built, run("inspect", output)):
        assert f"RAM {ram.total:,} bytes of a board's arena: memory {ram.memory:,}, stack" in said
        assert "alone, it fits every board" in said
    said = json.loads(run("inspect", output, "--json"))["manifest"]
    assert said["ram_bytes"] == ram.total == sum(said["ram"].values())
    assert "netduino2" in said["fits"]


def test_build_names_the_boards_that_are_too_small(tmp_path: Path) -> None:
    project = tmp_path / "counter.toml"
    text = (MODULES / "counter.toml").read_text().replace("counter.c", str(MODULES / "counter.c"))
    project.write_text(text)
    said = run("build", project, "--heap", 40_000, "-o", tmp_path / "x.bundle")
    assert "too large for" in said
    assert "b-l475e-iot01a" in said.split("too large for")[1]
    assert "netduinoplus2" in said.split("fits ")[1].split(";")[0]
    assert "fits no board" in run("build", project, "--heap", 900_000, "-o", tmp_path / "x.bundle")
