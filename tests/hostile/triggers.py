"""Modules that broke wasm3 0.5.0, each with what the node must do with it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "c"))
from embed_wat import mark_pages  # noqa: E402 - a neighbour's module

HEADER = b"\0asm\x01\0\0\0"


@dataclass(frozen=True)
class Trigger:
    """A module that exports `run`; what our engine says begins with `answer`."""

    name: str
    what: str
    text: str
    answer: str
    extra: bytes = b""  # sections behind those of the text

    def assemble(self) -> bytes:
        """The module, with a memory of 16 KiB pages if it has one."""
        if not self.text:
            return HEADER + self.extra
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "a.wat"), Path(folder, "a.wasm")
            source.write_text(self.text)
            command = ["wat2wasm", "--no-check", str(source), "-o", str(target)]
            subprocess.run(command, check=True)
            return mark_pages(target.read_bytes()) + self.extra


def body(code: str, *, result: str = "", around: str = "") -> str:
    """A module with one function."""
    return f'(module (memory 1) {around} (func (export "run") {result} {code}))'


def bytes_of_run(code: bytes, *, types: bytes = b"\1\4\1\x60\0\0") -> bytes:
    """Sections of a module whose only function has this code: what a text cannot say."""
    size = len(code) + 2  # no locals, the code, its end
    export = b"\7\7\1\3run\0\0"
    return types + b"\3\2\1\0" + export + bytes([10, size + 2, 1, size, 0]) + code + b"\x0b"


RETURNS = "returns"
NAME_SECTION = bytes((0, 14, 4)) + b"name" + bytes((1, 0xFA, 0xFF, 0xFF, 0xFF, 0x0F, 1, 1, 0))
INVALID = "does not validate: "
LIMIT = "is beyond a limit: "

TRIGGERS = (
    Trigger("V1", "name subsection of 0xfffffffa bytes", body("nop"), RETURNS, NAME_SECTION),
    Trigger(
        "V2",
        "block with an f32 result, an operand too many and a branch (#465)",
        body("(local $x i32) (drop (block (result f32) (local.get $x) (f32.const 2.5) (br 0)))"),
        RETURNS,
    ),
    Trigger(
        "V3",
        "60 equal constants as arguments (#477)",
        body("(call $f" + " (i64.const 7)" * 60 + ")", around="(func $f" + " (param i64)" * 60 + ")"),
        RETURNS,
    ),
    Trigger(
        "V4",
        "400 results",
        f'(module (func $f (result{" i32" * 400}) (unreachable)) (func (export "run")))',
        LIMIT + "type section",
    ),
    Trigger("V5", "7,000 nested blocks", body("block " * 7000 + "end " * 7000), LIMIT + "function 0"),
    Trigger("V6", "recursion without end", body("(call 0)"), "[trap] stack overflow"),
    Trigger("V7", "loop without calls", body("(loop (br 0))"), "time budget exceeded"),
    Trigger(
        "CVE-2021-38592",
        "4,000 constants in the initial value of a global",
        f'(module (global i64{" (i64.const 1)" * 4000}) (func (export "run")))',
        "needs what the engine lacks: global section",
    ),
    Trigger(
        "CVE-2021-45929",
        "block whose parameters are not there",
        body("block (param i32 i64 f64) drop drop drop end"),
        INVALID,
    ),
    Trigger(
        "CVE-2021-45946",
        "else without its parameters",
        body("(i32.const 1) if (param i64) (result i64) else end drop"),
        INVALID,
    ),
    Trigger(
        "CVE-2021-45947",
        "loop whose parameters are not there",
        body("(local i32) unreachable loop (param i64 i64) (result i64) br 0 end"),
        INVALID,
    ),
    Trigger(
        "CVE-2022-28966",
        "br_table of 0xfffffff0 labels",
        "",
        LIMIT + "function 0",
        bytes_of_run(b"\x41\0\x0e\xf0\xff\xff\xff\x0f\0"),
    ),
    Trigger(
        "CVE-2022-34529",
        "memory.fill of floats",
        body("(f32.const 1) (f64.const 2) (f32.const 3) memory.fill"),
        INVALID,
    ),
    Trigger("CVE-2022-39974", "select without operands", body("(i32.const 1) select drop"), INVALID),
    Trigger(
        "CVE-2022-44874",
        "call_indirect without an index",
        body("call_indirect (type 0)", around="(type (func)) (table 1 funcref)"),
        INVALID,
    ),
    Trigger(
        "CVE-2024-27527",
        "data segment cut off",
        "",
        INVALID,
        bytes_of_run(b"") + b"\x05\x04\x01\x08\x01\x0e" + b"\x0b\x07\x01\0\x41\0\x0b\x7fa",
    ),
    Trigger(
        "CVE-2024-34249",
        "local.set without an operand",
        body("(local i64) local.set 0 local.get 0 drop"),
        INVALID,
    ),
    Trigger(
        "CVE-2024-34252",
        "local.tee without an operand, in a block",
        body("(local f32) block local.tee 0 local.tee 0 local.set 0 end"),
        INVALID,
    ),
    Trigger("#563", "br_table cut off", "", INVALID, bytes_of_run(b"\x41\0\x0e\x7f\0")),
    Trigger(
        "elements",
        "table segment at 0xffffffff",
        '(module (table 2 funcref) (elem (i32.const -1) 0 0) (func (export "run")))',
        "has an element segment that lies outside the table",
    ),
    Trigger(
        "data",
        "data segment at 0xffffffff",
        '(module (memory 1) (data (i32.const -1) "abcd") (func (export "run")))',
        "has a data segment that lies outside the memory",
    ),
    Trigger("section", "section of 0xffffffff bytes", "", INVALID, b"\1\xff\xff\xff\xff\x0f\0"),
    Trigger(
        "memory.grow",
        "memory.grow by -1, then a store at the old end",
        body(
            "(if (i32.ne (memory.grow (i32.const -1)) (i32.const -1)) (then unreachable))"
            " (i32.store (i32.const 16380) (i32.const 1))"
        ),
        RETURNS,
    ),
    Trigger(
        "start",
        "start function 0 that traps",
        '(module (func unreachable) (func (export "run")) (start 0))',
        "[trap] unreachable executed",
    ),
    Trigger(
        "table of nothing",
        "call of a null entry",
        body("(call_indirect (type 0) (i32.const 3))", around="(type (func)) (table 8 funcref)"),
        "[trap] null table element",
    ),
)
