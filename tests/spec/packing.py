"""From a module of the suite to one that a node may be given.

The packer of `wasmote build` turns its 64 KiB pages into 16 KiB pages. A node offers functions only, so what
a module imports from the suite's host module `spectest` beside functions becomes its own: an imported memory,
table or global comes first in its index space, imported or not, so that no index changes. A second table
that is there to be exported, and for nothing else, is left out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from wasmote.build import leb
from wasmote.build.leb import Reader
from wasmote.build.opcodes import MEMORY_GROW
from wasmote.build.packer import MAX_PAGES, MemoryPlan
from wasmote.build.packer import pack as pack_memory
from wasmote.build.wasm import F32, F64, I32, I64, FuncType, Kind, Limits, SectionId, WasmModule

LETTERS = {I32: "i", I64: "I", F32: "f", F64: "F"}

# The suite's host module: interpreter/README.md of the specification.
FUNCTIONS = {
    "print": FuncType(),
    "print_i32": FuncType((I32,)),
    "print_i64": FuncType((I64,)),
    "print_f32": FuncType((F32,)),
    "print_f64": FuncType((F64,)),
    "print_i32_f32": FuncType((I32, F32)),
    "print_f64_f64": FuncType((F64, F64)),
}
GLOBALS = {
    "global_i32": (I32, bytes([0x41]) + leb.signed(666)),
    "global_i64": (I64, bytes([0x42]) + leb.signed(666)),
    "global_f32": (F32, bytes([0x43]) + struct.pack("<f", 666.6)),
    "global_f64": (F64, bytes([0x44]) + struct.pack("<d", 666.6)),
}
TABLE, MEMORY = Limits(10, 20), Limits(1, 2)
NO_LIMITS = Limits(0)

END, GLOBAL_GET = 0x0B, 0x23


@dataclass(frozen=True)
class ImportEntry:
    """An import with its type, and the bytes that it stands for in the file."""

    module: str
    name: str
    kind: int
    type_index: int = 0
    limits: Limits = NO_LIMITS
    value_type: int = 0
    mutable: bool = False
    encoded: bytes = b""

    @property
    def is_suites(self) -> bool:
        """Whether `spectest` has something that fits, other than a function."""
        if self.module != "spectest":
            return False
        if self.kind == Kind.GLOBAL:
            return GLOBALS.get(self.name, (None,))[0] == self.value_type and not self.mutable
        there = {(Kind.TABLE, "table"): TABLE, (Kind.MEMORY, "memory"): MEMORY}.get(
            (Kind(self.kind), self.name)
        )
        return there is not None and _fits(there, self.limits)


def signature(kind: FuncType) -> str:
    """In the engine's spelling: result, then parameters."""
    result = LETTERS[kind.results[0]] if kind.results else "v"
    return f"{result}({''.join(LETTERS[one] for one in kind.params)})"


def read_imports(module: WasmModule) -> list[ImportEntry]:
    """The imports with what `WasmModule.imports` leaves out."""
    for section in module.sections:
        if section.id == SectionId.IMPORT:
            reader = Reader(section.payload)
            return [_read_import(reader) for _ in range(reader.u32())]
    return []


def pack(encoded: bytes) -> bytes:
    """Make the module one for a node; raises WasmoteError with the reason when that cannot be."""
    module = _with_one_table(_with_own_things(WasmModule.from_bytes(encoded)))
    if not module.memories():
        return module.to_bytes()
    grows = any(one.opcode == MEMORY_GROW for body in module.bodies() for one in body.instructions())
    unbounded = module.memories()[0].maximum is None
    plan = MemoryPlan(pages=MAX_PAGES if grows and unbounded else None)
    return pack_memory(module.to_bytes(), plan).wasm


def _fits(there: Limits, wanted: Limits) -> bool:
    enough = there.minimum >= wanted.minimum
    return enough and (wanted.maximum is None or (there.maximum or 0) <= wanted.maximum)


def _read_import(reader: Reader) -> ImportEntry:
    start = reader.at
    module, name, kind = reader.name(), reader.name(), reader.byte()
    type_index, limits, value_type, mutable = 0, NO_LIMITS, 0, False
    if kind == Kind.FUNCTION:
        type_index = reader.u32()
    elif kind == Kind.GLOBAL:
        value_type, mutable = reader.byte(), reader.byte() == 1
    else:
        if kind == Kind.TABLE:
            reader.byte()
        has_maximum = reader.byte() & 1
        limits = Limits(reader.u32(), reader.u32() if has_maximum else None)
    encoded = reader.data[start : reader.at]
    return ImportEntry(module, name, kind, type_index, limits, value_type, mutable, encoded)


def _with_one_table(module: WasmModule) -> WasmModule:
    for section in module.sections:
        if section.id == SectionId.TABLE and section.payload[0] > 1:
            reader = Reader(section.payload[1:])
            kind, has_maximum = reader.byte(), reader.byte() & 1
            first = [reader.u32() for _ in range(1 + has_maximum)]
            table = bytes([1, kind, has_maximum]) + b"".join(leb.unsigned(bound) for bound in first)
            exports = [one for one in module.exports() if one.kind != Kind.TABLE or one.index == 0]
            return module.with_section(SectionId.TABLE, table).with_exports(exports)
    return module


def _with_own_things(module: WasmModule) -> WasmModule:
    imports = read_imports(module)
    own = [entry for entry in imports if entry.is_suites]
    if not own:
        return module
    kept = [entry.encoded for entry in imports if not entry.is_suites]
    module = module.with_section(SectionId.IMPORT, leb.vector(kept))
    if any(entry.kind == Kind.TABLE for entry in own):
        table = bytes([0x70, 1]) + leb.unsigned(TABLE.minimum) + leb.unsigned(TABLE.maximum or 0)
        module = module.with_section(SectionId.TABLE, leb.vector([table]))
    if any(entry.kind == Kind.MEMORY for entry in own):
        module = module.with_memory(MEMORY)
    first = [GLOBALS[entry.name] for entry in own if entry.kind == Kind.GLOBAL]
    return _with_globals(module, first) if first else module


def _with_globals(module: WasmModule, first: list[tuple[int, bytes]]) -> WasmModule:
    """With these immutable globals in front; constants that read them become their values."""
    values = [value for _, value in first]
    entries = [bytes([kind, 0]) + value + bytes([END]) for kind, value in first]
    readers = {
        SectionId.GLOBAL: _global_entry,
        SectionId.ELEMENT: _element_entry,
        SectionId.DATA: _data_entry,
    }
    for section in module.sections:
        if section.id in readers:
            reader = Reader(section.payload)
            found = [readers[section.id](reader, values) for _ in range(reader.u32())]
            if section.id == SectionId.GLOBAL:
                entries += found
            else:
                module = module.with_section(section.id, leb.vector(found))
    return module.with_section(SectionId.GLOBAL, leb.vector(entries))


def _constant(reader: Reader, values: list[bytes]) -> bytes:
    start = reader.at
    opcode = reader.byte()
    if opcode == GLOBAL_GET:
        index = reader.u32()
        reader.byte()
        if index >= len(values):
            raise reader.fault("a constant reads a global that spectest has not")
        return values[index] + bytes([END])
    if opcode in (0x41, 0x42):
        reader.signed(64)
    else:
        reader.take({0x43: 4, 0x44: 8}[opcode])
    reader.byte()
    return reader.data[start : reader.at]


def _global_entry(reader: Reader, values: list[bytes]) -> bytes:
    return reader.take(2) + _constant(reader, values)


def _element_entry(reader: Reader, values: list[bytes]) -> bytes:
    if reader.u32() != 0:
        raise reader.fault("a passive element segment")
    offset = _constant(reader, values)
    return b"\0" + offset + leb.vector([leb.unsigned(reader.u32()) for _ in range(reader.u32())])


def _data_entry(reader: Reader, values: list[bytes]) -> bytes:
    if reader.u32() != 0:
        raise reader.fault("a passive data segment")
    offset = _constant(reader, values)
    data = reader.take(reader.u32())
    return b"\0" + offset + leb.unsigned(len(data)) + data
