"""Walks through the instructions of a function body.

Knows what a node's engine runs (core specification 5.4): WebAssembly 1.0, sign extension, saturating
conversions, memory.copy and memory.fill. Anything else is refused by the name of the feature that it
belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wasmote.build.leb import InvalidWasm, Reader

UNREACHABLE, BLOCK, LOOP, IF, ELSE, END = 0x00, 0x02, 0x03, 0x04, 0x05, 0x0B
BR, BR_IF, BR_TABLE, RETURN, CALL, CALL_INDIRECT = 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11
DROP, SELECT = 0x1A, 0x1B
LOCAL_GET, LOCAL_SET, LOCAL_TEE = 0x20, 0x21, 0x22
GLOBAL_GET, GLOBAL_SET = 0x23, 0x24
MEMORY_SIZE, MEMORY_GROW = 0x3F, 0x40
I32_CONST, I64_CONST, F32_CONST, F64_CONST = 0x41, 0x42, 0x43, 0x44
PREFIX_FC = 0xFC
MEMORY_COPY, MEMORY_FILL = 10, 11

_INDEX = {
    *(BR, BR_IF, CALL, LOCAL_GET, LOCAL_SET, LOCAL_TEE, GLOBAL_GET, GLOBAL_SET),
    *(MEMORY_SIZE, MEMORY_GROW),
}
_NO_IMMEDIATE = {UNREACHABLE, 0x01, ELSE, END, RETURN, DROP, SELECT, *range(0x45, 0xC5)}
_LOADS_AND_STORES = range(0x28, 0x3F)
SHORT_BLOCK_TYPES = (0x40, 0x7F, 0x7E, 0x7D, 0x7C)  # none, i32, i64, f32, f64; else a type index

_OTHER_FEATURES = {
    0x06: "exceptions",
    0x07: "exceptions",
    0x08: "exceptions",
    0x09: "exceptions",
    0x0A: "exceptions",
    0x12: "tail calls",
    0x13: "tail calls",
    0x14: "typed function references",
    0x15: "typed function references",
    0x18: "exceptions",
    0x19: "exceptions",
    0x1C: "reference types (select with a type)",
    0x1F: "exceptions",
    0x25: "reference types",
    0x26: "reference types",
    0xD0: "reference types",
    0xD1: "reference types",
    0xD2: "reference types",
    0xFB: "garbage collection",
    0xFD: "SIMD",
    0xFE: "threads",
}
FEATURE_FLAGS = "-mcpu=mvp -mmutable-globals -msign-ext -mnontrapping-fptoint"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: `encoded` is all of its bytes, `sub` the number after the prefix FC."""

    opcode: int
    encoded: bytes
    sub: int = 0


_FC_FEATURES = (
    (0x08, 0x09, "passive data segments"),
    (0x0C, 0x0E, "bulk memory for tables"),
    (0x0F, 0x11, "reference types"),
    (0x12, 0x12, "memory control"),
    (0x13, 0x16, "wide arithmetic"),
)


def instructions(code: bytes, base: int = 0) -> Iterator[Instruction]:
    """Yield the instructions of `code` (a body without its locals), which must fill it to the last byte."""
    reader = Reader(code, base)
    while not reader.done:
        start = reader.at
        opcode = reader.byte()
        sub = _skip_immediates(reader, opcode)
        yield Instruction(opcode, code[start : reader.at], sub)


def _skip_immediates(reader: Reader, opcode: int) -> int:
    if opcode in _NO_IMMEDIATE:
        return 0
    if opcode in _INDEX:
        reader.u32()
    elif opcode in _LOADS_AND_STORES or opcode == CALL_INDIRECT:
        reader.u32()
        reader.u32()
    elif opcode in (BLOCK, LOOP, IF):
        _skip_block_type(reader)
    elif opcode == I32_CONST:
        reader.signed(32)
    elif opcode == I64_CONST:
        reader.signed(64)
    elif opcode in (F32_CONST, F64_CONST):
        reader.take(4 if opcode == F32_CONST else 8)
    elif opcode == BR_TABLE:
        for _ in range(reader.u32() + 1):
            reader.u32()
    elif opcode == PREFIX_FC:
        return _skip_fc(reader)
    else:
        raise _unsupported(reader, f"{opcode:02X}", _OTHER_FEATURES.get(opcode, "an unknown proposal"))
    return 0


def _skip_block_type(reader: Reader) -> None:
    if reader.peek() in SHORT_BLOCK_TYPES:
        reader.byte()
    elif reader.signed(33) < 0:
        raise reader.fault("a block has an unknown type")


def _skip_fc(reader: Reader) -> int:
    sub = reader.u32()
    if sub == MEMORY_COPY:
        reader.take(2)
    elif sub == MEMORY_FILL:
        reader.take(1)
    elif sub > 7:
        raise _unsupported(reader, f"FC {sub:02X}", _fc_feature(sub))
    return sub


def _fc_feature(sub: int) -> str:
    """Name the feature of an instruction behind the prefix FC."""
    for first, last, feature in _FC_FEATURES:
        if first <= sub <= last:
            return feature
    return "an unknown proposal"


def _unsupported(reader: Reader, code: str, feature: str) -> InvalidWasm:
    return InvalidWasm(
        f"module uses {feature} (instruction {code} near byte {reader.offset}), which no node runs",
        f"compile with {FEATURE_FLAGS}",
    )
