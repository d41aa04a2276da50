"""The host's check of limits against the node's validator: the same is refused, the same needs are found."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest
import wasmtime
from click.testing import CliRunner, Result

from compare_validators import WM_ENOMEM, WM_OK, Validator, mutants, real_modules
from random_wasm import ModuleMaker
from wasmote import limits
from wasmote.build import build_bundle
from wasmote.build.limit_check import BeyondLimit, Needs, check_limits
from wasmote.build.packer import pack
from wasmote.build.wasm import WasmModule
from wasmote.cli import main
from wasmote.runtime import HostModule, ModuleRefused
from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import Manifest

MODULES = Path(__file__).parents[1] / "modules"
COUNT, SEED = 3000, 11


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator()


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def needs_by_c(validator: Validator, wasm: bytes) -> Needs | None:
    """What the node's validator finds that the module needs; None when it refuses it."""
    verdict = validator(wasm)
    facts = verdict.facts
    if verdict.status != WM_OK:
        return None
    return Needs(
        facts.functions, facts.function_imports, facts.code_bytes,
        facts.locals_max, facts.operands_max, facts.blocks_max,
    )  # fmt: skip


def test_both_find_the_same_needs_in_random_modules(validator: Validator) -> None:
    seen = Counter[int]()
    for wasm in mutants(ModuleMaker(SEED), COUNT, real_modules()):
        expected = needs_by_c(validator, wasm)
        if expected is not None:
            assert check_limits(WasmModule.from_bytes(wasm)) == expected, wasm.hex()
            seen["valid"] += 1
            seen["deep"] += expected.operands > 5 and expected.blocks > 3
    assert seen["valid"] > COUNT / 5
    assert seen["deep"] > 100


def test_both_find_the_same_needs_in_what_compilers_make(validator: Validator) -> None:
    for path in sorted(MODULES.glob("sums_v*.toml")):
        wasm = build_bundle(path).module
        assert check_limits(WasmModule.from_bytes(wasm)) == needs_by_c(validator, wasm)


UNREACHABLE = {
    "br": "(func (block i32.const 1 i32.const 2 br 0 i32.add i32.add i32.const 3 drop drop drop))",
    "select": "(func unreachable select select i32.eqz drop)",
    "br_if": "(func (result i32 i32) (block (result i32 i32) unreachable br_if 0))",
    "br_table": "(func (result i32) (block (result i32) i32.const 1 i32.const 1 br_table 0 0 i32.add))",
    "else": "(func (param i32) local.get 0 (if (result i64) (then return) (else unreachable)) drop)",
    "call": "(func $f (param i32 i32 i32) (result i32 i32) unreachable)"
    "(func unreachable call $f call $f drop drop)",
    "block": "(func unreachable (block (param i32 i32) (result i32) drop) drop)",
}


@pytest.mark.parametrize("text", UNREACHABLE.values(), ids=UNREACHABLE)
def test_both_take_operands_from_nowhere_where_code_is_unreachable(validator: Validator, text: str) -> None:
    wasm = wat(f"(module {text})")
    expected = needs_by_c(validator, wasm)
    assert expected is not None
    assert check_limits(WasmModule.from_bytes(wasm)) == expected


# What is just within a limit, and the same with one more: "{n}" of something.
AT_A_LIMIT = {
    "parameters": (limits.WASM_PARAMS_MAX, lambda n: f"(func (param {'i32 ' * n}))"),
    "results": (limits.WASM_RESULTS_MAX, lambda n: f"(func (result {'i32 ' * n}) unreachable)"),
    "nested blocks": (
        limits.WASM_BLOCKS_MAX,
        lambda n: f"(func {'block ' * (n - 1)} {'end ' * (n - 1)})",
    ),
    "operands at a time": (
        limits.WASM_OPERANDS_MAX,
        lambda n: f"(func {'i32.const 0 ' * n} {'drop ' * n})",
    ),
    "locals, parameters among them,": (
        limits.WASM_LOCALS_MAX,
        lambda n: f"(func (param i64) (local {'i32 ' * (n - 1)}))",
    ),
    "labels of a br_table": (
        limits.WASM_BR_TABLE_MAX,
        lambda n: f"(func i32.const 0 br_table {'0 ' * (n + 1)})",
    ),
    "globals": (limits.WASM_GLOBALS_MAX, lambda n: "(global i32 (i32.const 0))" * n),
    "functions": (limits.WASM_FUNCTIONS_MAX, lambda n: '(import "a" "b" (func))' + "(func)" * (n - 1)),
    "exports": (
        limits.WASM_EXPORTS_MAX,
        lambda n: "(func)" + "".join(f'(export "{i}" (func 0))' for i in range(n)),
    ),
    "bytes of code": (limits.WASM_BODY_MAX, lambda n: f"(func {'nop ' * (n - 2)})"),
    "function types": (
        limits.WASM_TYPES_MAX,
        lambda n: "".join(
            f"(type (func (param {'i32 ' * (i % 12)}) (result {'i32 ' * (i // 12)})))" for i in range(n)
        ),
    ),
}


@pytest.mark.parametrize("what", AT_A_LIMIT)
def test_both_refuse_what_is_beyond_a_limit_and_nothing_less(validator: Validator, what: str) -> None:
    most, text = AT_A_LIMIT[what]
    within, beyond = (wat(f"(module {text(count)})") for count in (most, most + 1))
    expected = needs_by_c(validator, within)
    assert expected is not None
    assert check_limits(WasmModule.from_bytes(within)) == expected
    verdict = validator(beyond)
    assert (verdict.status, str(most) in verdict.why) == (WM_ENOMEM, True)
    with pytest.raises(BeyondLimit) as refusal:
        check_limits(WasmModule.from_bytes(beyond))
    assert refusal.value.message.startswith(f"module has {most + 1} {what}")
    assert refusal.value.message.endswith(f": a node takes at most {most}")
    assert refusal.value.hint
    assert ("function 0, " in verdict.why) == (" in function 0:" in refusal.value.message)


def test_a_table_has_a_limit_too() -> None:
    most = limits.WASM_TABLE_MAX
    assert check_limits(WasmModule.from_bytes(wat(f"(module (table {most} funcref))")))
    for size in (most + 1, 2**32 - 1):
        with pytest.raises(BeyondLimit, match=f"{size} table entries: a node takes at most {most}"):
            check_limits(WasmModule.from_bytes(wat(f"(module (table {size} funcref))")))


def test_a_function_is_named_by_its_export_else_by_the_name_section() -> None:
    local = f"(local {'i32 ' * 300})"
    exported = wat(f'(module (func) (func (export "on_sample") {local}))')
    with pytest.raises(BeyondLimit, match=r"300 locals.* in function 1 \(on_sample\): a node"):
        check_limits(WasmModule.from_bytes(exported))
    names = b"\0" + bytes([14, 4]) + b"name" + bytes([1, 7, 1, 0, 4]) + b"deep"
    named = wat(f"(module (func {local}))") + names
    with pytest.raises(BeyondLimit, match=r" in function 0 \(deep\): a node"):
        check_limits(WasmModule.from_bytes(named))


# ---- the same sentence wherever a module comes by --------------------------------------------------------


NODE_MODULE = """(module (memory (export "memory") 1)
  (func (export "wasmote_buffer") (param i32) (result i32) i32.const 16)
  (func (export "on_start") {body}))"""
MANY_LOCALS = NODE_MODULE.format(body=f"(local {'i32 ' * 300})")
LARGE = NODE_MODULE.format(body="nop " * 70_000)
SENTENCES = {
    MANY_LOCALS: "module has 300 locals, parameters among them, in function 1 (on_start): "
    f"a node takes at most {limits.WASM_LOCALS_MAX}",
    LARGE: "module has 70002 bytes of code in function 1 (on_start): "
    f"a node takes at most {limits.WASM_BODY_MAX}",
}


def bundled(text: str, **changed: int) -> Bundle:
    packed = pack(wat(text))
    asked = {"pages": packed.pages, "stack": 2048} | changed
    digest = hashlib.sha256(packed.wasm).digest()
    return Bundle(Manifest("m", "1", 1, digest, len(packed.wasm), **asked), packed.wasm)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize("text", SENTENCES, ids=["locals", "body"])
def test_build_inspect_and_host_refuse_it_with_one_sentence(tmp_path: Path, text: str) -> None:
    source, bundle = tmp_path / "m.wasm", tmp_path / "m.bundle"
    source.write_bytes(wat(text))
    bundle.write_bytes(bundled(text).to_bytes())
    built = run("build", str(source), "-o", str(tmp_path / "out.bundle"))
    inspected = run("inspect", str(bundle))
    with pytest.raises(ModuleRefused) as refusal:
        HostModule(bundled(text))
    for said in (built.stderr, inspected.stderr, str(refusal.value)):
        assert SENTENCES[text] in " ".join(said.split())
        assert "divide the function" in " ".join(said.split())
    assert (built.exit_code, inspected.exit_code) == (1, 1)
    assert not (tmp_path / "out.bundle").exists()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"stack": 8200}, f"stack: 8200 bytes are not between 256 and {limits.MODULE_STACK_MAX}"),
        ({"stack": 248}, f"stack: 248 bytes are not between {limits.WASM_STACK_MIN} and 8192"),
        ({"event_budget_us": 500_001}, "event_budget_us: 500001 us, a node takes at most 500000"),
    ],
)
def test_inspect_and_host_refuse_what_a_manifest_asks_in_vain(
    tmp_path: Path, changed: dict[str, int], reason: str
) -> None:
    bundle = bundled(NODE_MODULE.format(body=""), **changed)
    (tmp_path / "m.bundle").write_bytes(bundle.to_bytes())
    inspected = run("inspect", str(tmp_path / "m.bundle"))
    assert inspected.exit_code == 2
    assert reason in " ".join(inspected.stderr.split())
    with pytest.raises(ModuleRefused, match=reason):
        HostModule(bundle)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("stack = 8200", "stack: Input should be less than or equal to 8192"),
        ("event_budget_us = 500001", "event_budget_us: Input should be less than or equal to 500000"),
    ],
)
def test_build_refuses_it_in_the_project_file(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "m.wasm").write_bytes(wat(NODE_MODULE.format(body="")))
    (tmp_path / "m.toml").write_text(f'name = "m"\nversion = "1"\nsequence = 1\nsource = "m.wasm"\n{line}\n')
    built = run("build", str(tmp_path / "m.toml"), "-o", str(tmp_path / "out.bundle"))
    assert built.exit_code == 2
    assert f"m.toml:5:1: {reason}" in " ".join(built.stderr.split())
