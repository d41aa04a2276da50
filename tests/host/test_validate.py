"""The validator of wasm3-port against wasmtime: the same verdict on thousands of modules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import wasmtime

from compare_validators import (
    WM_EINVAL,
    WM_ENOMEM,
    WM_ENOTSUP,
    WM_OK,
    Validator,
    compare,
    disagreement,
    engine,
    objection,
    real_modules,
    sources,
)
from stack_depth import CallGraph

COUNT, SEED = 4000, 20
STACK_BYTES = 512  # of a Cortex-M4; wasm3-port/README.md gives the figure


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator()


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def test_random_modules_and_mutants_get_the_same_verdict(validator: Validator) -> None:
    result = compare(validator, COUNT, SEED, real_modules())
    assert [words for _, words in result.disagreements] == []
    # Both sides of every comparison were seen often: modules that are valid, and modules that are not.
    assert result.statuses[WM_OK] > COUNT / 5
    assert result.statuses[WM_EINVAL] > COUNT / 5


def test_every_prefix_of_a_module_gets_the_same_verdict(validator: Validator) -> None:
    judge = engine()
    for wasm in real_modules():
        if len(wasm) < 2000:
            for end in range(len(wasm)):
                part = wasm[:end]
                assert disagreement(validator(part), objection(judge, part)) is None


OTHER_FEATURES = [
    ("SIMD", "(func (drop (v128.const i32x4 0 0 0 0)))"),
    ("SIMD", "(func (param v128))"),
    ("reference types", "(func (drop (ref.null func)))"),
    ("reference types", "(func (param externref))"),
    ("reference types", "(func (drop (select (result i32) (i32.const 0) (i32.const 0) (i32.const 0))))"),
    ("reference types", "(table 1 externref)"),
    ("reference types", "(table 1 funcref) (table 1 funcref)"),
    ("passive segments", '(memory 1) (data "x")'),
    ("passive segments", "(func) (elem func 0)"),
    ("passive segments", '(memory 1) (data "x") (func (data.drop 0))'),
    ("threads", "(memory 1 2 shared)"),
    ("threads", "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))"),
    ("tail calls", "(func $f (return_call $f))"),
    ("memory64", "(memory i64 1)"),
    ("multi-memory", "(memory 1) (memory 1)"),
    ("exceptions", "(tag)"),
    ("extended constant expressions", "(global i32 (i32.add (i32.const 1) (i32.const 2)))"),
    ("GC", "(type (struct))"),
]


@pytest.mark.parametrize(("feature", "text"), OTHER_FEATURES)
def test_a_feature_that_the_engine_lacks_is_named(validator: Validator, feature: str, text: str) -> None:
    verdict = validator(wat(f"(module {text})"))
    assert verdict.status == WM_ENOTSUP
    assert verdict.why.startswith("needs what the engine lacks: ")
    assert feature in verdict.why


def test_a_refusal_names_function_offset_and_cause(validator: Validator) -> None:
    good = wat("(module (func) (func) (func) (func (param f32) (drop (i32.eqz (i32.const 7)))))")
    assert validator(good).status == WM_OK
    bad = good.replace(b"\x41\x07\x45", b"\x20\x00\x45")  # local.get 0 in the constant's place
    verdict = validator(bad)
    assert verdict.status == WM_EINVAL
    offset = bad.index(b"\x20\x00\x45") + 2
    assert verdict.why == f"does not validate: function 3, offset {offset:#x}: i32.eqz needs i32, found f32"


def test_a_limit_is_named_with_both_numbers(validator: Validator) -> None:
    texts = {
        "65 parameters, but at most 64": f"(func (param {'i32 ' * 65}))",
        "17 results, but at most 16": f"(func (result {'i32 ' * 17}) unreachable)",
        "129 nested blocks, but at most 128": f"(func {'block ' * 128} {'end ' * 128})",
        "257 operands, but at most 256": f"(func {'i32.const 0 ' * 257} {'drop ' * 257})",
        "more locals than 256": f"(func (local {'i32 ' * 257}))",
        "1025 labels of br_table, but at most 1024": f"(func i32.const 0 br_table {'0 ' * 1026})",
        "129 globals, but at most 128": "(global i32 (i32.const 0))" * 129,
        "513 functions, but at most 512": "(func)" * 513,
        "513 exports, but at most 512": "(func)" + "".join(f'(export "{i}" (func 0))' for i in range(513)),
        "65537 bytes of code, but at most 65535": f"(func {'nop ' * 65535})",
    }
    for sentence, text in texts.items():
        verdict = validator(wat(f"(module {text})"))
        assert (verdict.status, verdict.why.split(": ")[-1]) == (WM_ENOMEM, sentence)
        assert re.match(r"is beyond a limit: (function \d+|\w+ section), offset 0x[0-9a-f]+: ", verdict.why)


def test_what_is_just_within_a_limit_is_taken(validator: Validator) -> None:
    texts = (
        f"(func (param {'i32 ' * 64}))",
        f"(func (result {'i32 ' * 16}) unreachable)",
        f"(func {'block ' * 127} {'end ' * 127})",
        f"(func {'i32.const 0 ' * 256} {'drop ' * 256})",
        f"(func (param i32) (local {'i32 ' * 255}))",
        f"(func i32.const 0 br_table {'0 ' * 1025})",
        "(global i32 (i32.const 0))" * 128,
        "(func)" * 512,
        "(func)" + "".join(f'(export "{i}" (func 0))' for i in range(512)),
        f"(func {'nop ' * 65533})",
        "".join(
            f"(type (func (param {'i32 ' * (i % 12)}) (result {'i32 ' * (i // 12)})))" for i in range(128)
        ),
    )
    for text in texts:
        assert validator(wat(f"(module {text})")).why == ""


def test_facts_are_those_of_the_function_that_needs_most(validator: Validator) -> None:
    facts = validator(
        wat("""(module (import "m" "f" (func)) (memory 1)
        (func (param i64 i64) (local f32) block loop end end)
        (func (drop (i32.add (i32.const 1) (i32.add (i32.const 2) (memory.grow (i32.const 3)))))))""")
    ).facts
    assert (facts.functions, facts.function_imports) == (3, 1)
    assert (facts.locals_max, facts.operands_max, facts.blocks_max) == (3, 3, 3)
    assert facts.grows_memory
    assert not facts.asks_memory_size


def test_the_first_repeated_export_is_named(validator: Validator) -> None:
    names = [f"n{i * 7919 % 512:03}" for i in range(500)]
    exports = "".join(f'(export "{name}" (func 0))' for name in names)
    good = wat(f"(module (func){exports})")
    assert validator(good).status == WM_OK
    bad = good.replace(b"n" + names[300][1:].encode(), b"n" + names[200][1:].encode())
    bad = bad.replace(b"n" + names[499][1:].encode(), b"n" + names[100][1:].encode())
    offset = bad.rindex(b"n" + names[200][1:].encode()) - 1
    verdict = validator(bad)
    assert verdict.status == WM_EINVAL
    assert (
        verdict.why == f"does not validate: export section, offset {offset:#x}: two exports of the same name"
    )


def test_a_call_indirect_as_newer_llvm_writes_it_is_taken(validator: Validator) -> None:
    text = "(module (table 1 funcref) (type (func)) (func (call_indirect (type 0) (i32.const 0))))"
    plain = wat(text)
    body = b"\x41\x00\x11\x00\x00\x0b"
    assert body in plain
    longer = b"\x41\x00\x11\x00\x80\x80\x80\x80\x00\x0b"
    padded = plain.replace(b"\x0a\x09\x01\x07\x00" + body, b"\x0a\x0d\x01\x0b\x00" + longer)
    assert len(padded) == len(plain) + 4
    assert validator(padded).status == WM_OK
    other = padded.replace(b"\x80\x80\x80\x80\x00\x0b", b"\x81\x80\x80\x80\x00\x0b")
    assert validator(other).status == WM_ENOTSUP


def test_the_header_comes_first(validator: Validator) -> None:
    assert validator(b"").status == WM_EINVAL
    assert validator(b"\0asm\x01\0\0\0").status == WM_OK
    assert validator(b"\0asm\x0d\0\x01\0").status == WM_EINVAL


def test_the_native_stack_is_bounded_and_small(tmp_path: Path) -> None:
    graph = CallGraph(sources(), tmp_path)
    entries = {name for name in graph.bytes if name.startswith(("check_", "add_"))}
    graph.calls["validate_section"] |= entries - {"check_sections", "check_counts"}  # by way of a table
    assert 200 < graph.depth("validate_module") <= STACK_BYTES
