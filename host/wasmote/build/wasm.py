"""Reads and writes WebAssembly modules, section by section (core specification 5.5).

`WasmModule` is a value: the `with_...` methods return a changed copy. Sections that are not asked for
stay the bytes they were.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from wasmote.build import leb
from wasmote.build.leb import InvalidWasm, Reader
from wasmote.build.opcodes import END, GLOBAL_GET, GLOBAL_SET, I32_CONST, Instruction, instructions

T = TypeVar("T")

MAGIC = b"\0asm\1\0\0\0"
I32, I64, F32, F64 = 0x7F, 0x7E, 0x7D, 0x7C
TYPE_NAMES = {I32: "i32", I64: "i64", F32: "f32", F64: "f64"}

DEFAULT_PAGE_LOG2 = 16
_HAS_MAXIMUM, _SHARED, _MEMORY64, _HAS_PAGE_SIZE = 0x01, 0x02, 0x04, 0x08
_ACTIVE_DATA = 0


class SectionId(enum.IntEnum):
    """The sections; in a file they stand in this order, but DATA_COUNT, which stands before CODE."""

    CUSTOM = 0
    TYPE = 1
    IMPORT = 2
    FUNCTION = 3
    TABLE = 4
    MEMORY = 5
    GLOBAL = 6
    EXPORT = 7
    START = 8
    ELEMENT = 9
    CODE = 10
    DATA = 11
    DATA_COUNT = 12


class Kind(enum.IntEnum):
    """What an import or an export is."""

    FUNCTION = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3


@dataclass(frozen=True, slots=True)
class Section:
    """A section as it stands in the file; `offset` is where its payload begins."""

    id: SectionId
    payload: bytes
    offset: int = 0


@dataclass(frozen=True, slots=True)
class FuncType:
    """Parameters and results of a function, as value type bytes."""

    params: tuple[int, ...] = ()
    results: tuple[int, ...] = ()

    def __str__(self) -> str:
        params = ", ".join(TYPE_NAMES[kind] for kind in self.params)
        results = ", ".join(TYPE_NAMES[kind] for kind in self.results)
        return f"({params}) -> ({results})"

    def encode(self) -> bytes:
        """As an entry of the type section."""
        return (
            b"\x60"
            + leb.vector([bytes([k]) for k in self.params])
            + leb.vector([bytes([k]) for k in self.results])
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """Size of a memory in pages of 2 ** `page_log2` bytes (custom-page-sizes proposal)."""

    minimum: int
    maximum: int | None = None
    page_log2: int = DEFAULT_PAGE_LOG2

    def encode(self) -> bytes:
        """As an entry of the memory section."""
        custom = self.page_log2 != DEFAULT_PAGE_LOG2
        flags = (_HAS_MAXIMUM if self.maximum is not None else 0) | (_HAS_PAGE_SIZE if custom else 0)
        encoded = bytes([flags]) + leb.unsigned(self.minimum)
        if self.maximum is not None:
            encoded += leb.unsigned(self.maximum)
        return encoded + leb.unsigned(self.page_log2) if custom else encoded


@dataclass(frozen=True, slots=True)
class Import:
    """An import; `type_index` is that of a function."""

    module: str
    name: str
    kind: Kind
    type_index: int = 0


@dataclass(frozen=True, slots=True)
class Export:
    """An export: its name and the index within its kind."""

    name: str
    kind: Kind
    index: int

    def encode(self) -> bytes:
        """As an entry of the export section."""
        return leb.name(self.name) + bytes([self.kind]) + leb.unsigned(self.index)


@dataclass(frozen=True, slots=True)
class Global:
    """A global; `value` when it starts as an i32 constant."""

    type: int
    mutable: bool
    value: int | None


@dataclass(frozen=True, slots=True)
class Body:
    """A function body: `locals` as encoded, then the instructions."""

    locals: bytes
    code: bytes
    offset: int = 0

    def instructions(self) -> list[Instruction]:
        """Its instructions, the final `end` included."""
        return list(instructions(self.code, self.offset))

    def encode(self) -> bytes:
        """As an entry of the code section."""
        body = self.locals + self.code
        return leb.unsigned(len(body)) + body


@dataclass(frozen=True, slots=True)
class Segment:
    """An active data segment; `address` is None when it is not a constant."""

    address: int | None
    data: bytes


@dataclass(frozen=True, slots=True)
class WasmModule:
    """A module as its sections."""

    sections: tuple[Section, ...]

    @classmethod
    def from_bytes(cls, encoded: bytes) -> WasmModule:
        """Split a module into sections; raises InvalidWasm when they are cut, unknown, or out of order."""
        if encoded[:8] != MAGIC:
            raise InvalidWasm(
                "this is not a WebAssembly module: it does not begin with 00 61 73 6D 01 00 00 00"
            )
        reader = Reader(encoded[8:], 8)
        sections = []
        while not reader.done:
            code = reader.byte()
            if code not in list(SectionId):
                raise reader.fault(f"section {code} is not known")
            payload = reader.part(reader.u32())
            sections.append(Section(SectionId(code), payload.data, payload.offset))
        _check_order(sections)
        return cls(tuple(sections))

    def to_bytes(self) -> bytes:
        """The module as a file."""
        parts = (bytes([s.id]) + leb.unsigned(len(s.payload)) + s.payload for s in self.sections)
        return MAGIC + b"".join(parts)

    def with_section(self, section_id: SectionId, payload: bytes) -> WasmModule:
        """With another payload in a section; a section that was absent is put in its place."""
        new = Section(section_id, payload)
        if any(s.id == section_id for s in self.sections):
            return WasmModule(tuple(new if s.id == section_id else s for s in self.sections))
        place = _rank(section_id)
        before = tuple(s for s in self.sections if s.id != SectionId.CUSTOM and _rank(s.id) < place)
        after = tuple(s for s in self.sections if s.id == SectionId.CUSTOM or _rank(s.id) > place)
        return WasmModule((*before, new, *after))

    def without_custom_sections(self) -> WasmModule:
        """Without names, debug information and the like, none of which a node reads."""
        return WasmModule(tuple(s for s in self.sections if s.id != SectionId.CUSTOM))

    # ---- reading ----------------------------------------------------------------------------------------

    def types(self) -> list[FuncType]:
        """The function types."""
        return self._vector(SectionId.TYPE, _read_type)

    def imports(self) -> list[Import]:
        """The imports."""
        return self._vector(SectionId.IMPORT, _read_import)

    def function_types(self) -> list[FuncType]:
        """The type of every function, imported ones first."""
        types = self.types()
        indices = [entry.type_index for entry in self.imports() if entry.kind == Kind.FUNCTION]
        indices += self._vector(SectionId.FUNCTION, Reader.u32)
        for index in indices:
            if index >= len(types):
                raise InvalidWasm(f"module is malformed: a function has type {index} of {len(types)}")
        return [types[index] for index in indices]

    def memories(self) -> list[Limits]:
        """The memories that the module defines."""
        return self._vector(SectionId.MEMORY, _read_memory)

    def globals(self) -> list[Global]:
        """The globals that the module defines."""
        return self._vector(SectionId.GLOBAL, _read_global)

    def used_globals(self) -> set[int]:
        """The indices of the globals that code reads or writes."""
        uses = (one for body in self.bodies() for one in body.instructions())
        return {Reader(one.encoded[1:]).u32() for one in uses if one.opcode in (GLOBAL_GET, GLOBAL_SET)}

    def exports(self) -> list[Export]:
        """The exports."""
        return self._vector(SectionId.EXPORT, _read_export)

    def bodies(self) -> list[Body]:
        """The function bodies."""
        return self._vector(SectionId.CODE, _read_body)

    def table_size(self) -> int:
        """How many entries the table has."""
        return sum(self._vector(SectionId.TABLE, _read_table))

    def table(self) -> list[int | None]:
        """The function behind each entry of the table, as the element segments say."""
        entries: list[int | None] = [None] * self.table_size()
        for start, functions in self._vector(SectionId.ELEMENT, _read_elements):
            if start + len(functions) > len(entries):
                raise InvalidWasm("module is malformed: an element segment lies outside the table")
            entries[start : start + len(functions)] = functions
        return entries

    def data(self) -> list[Segment]:
        """The data segments; raises InvalidWasm for passive ones, which no node knows."""
        return self._vector(SectionId.DATA, _read_segment)

    # ---- writing ----------------------------------------------------------------------------------------

    def with_memory(self, limits: Limits) -> WasmModule:
        """With this as its one memory."""
        return self.with_section(SectionId.MEMORY, leb.vector([limits.encode()]))

    def with_exports(self, exports: list[Export]) -> WasmModule:
        """With these exports."""
        return self.with_section(SectionId.EXPORT, leb.vector([entry.encode() for entry in exports]))

    def with_first_globals(self, count: int) -> WasmModule:
        """With no more than the first `count` of the globals that it defines."""
        encoded = self._vector(SectionId.GLOBAL, _encoded_global)[:count]
        if encoded:
            return self.with_section(SectionId.GLOBAL, leb.vector(encoded))
        return WasmModule(tuple(s for s in self.sections if s.id != SectionId.GLOBAL))

    def with_bodies(self, bodies: list[Body]) -> WasmModule:
        """With these function bodies."""
        return self.with_section(SectionId.CODE, leb.vector([body.encode() for body in bodies]))

    def with_function(self, kind: FuncType, body: Body) -> tuple[WasmModule, int]:
        """With one function more, and its index: the indices of the others stay."""
        types = self.types()
        type_index = types.index(kind) if kind in types else len(types)
        module = self
        if type_index == len(types):
            encoded = [entry.encode() for entry in (*types, kind)]
            module = module.with_section(SectionId.TYPE, leb.vector(encoded))
        indices = [*self._vector(SectionId.FUNCTION, Reader.u32), type_index]
        module = module.with_section(SectionId.FUNCTION, leb.vector([leb.unsigned(i) for i in indices]))
        return module.with_bodies([*self.bodies(), body]), len(self.function_types())

    def _vector(self, section_id: SectionId, read: Callable[[Reader], T]) -> list[T]:
        for section in self.sections:
            if section.id == section_id:
                reader = Reader(section.payload, section.offset)
                items = [read(reader) for _ in range(reader.u32())]
                if not reader.done:
                    raise reader.fault(f"the {section_id.name.lower()} section is longer than its contents")
                return items
        return []


def _rank(section_id: SectionId) -> float:
    """Where a section stands in a file (core specification 5.5.2): the data count comes before the code."""
    return 9.5 if section_id == SectionId.DATA_COUNT else float(section_id)


def _check_order(sections: list[Section]) -> None:
    last = 0.0
    for section in sections:
        if section.id == SectionId.CUSTOM:
            continue
        if _rank(section.id) <= last:
            raise InvalidWasm(f"module is malformed: section {section.id.name.lower()} is out of order")
        last = _rank(section.id)


def _value_type(reader: Reader) -> int:
    kind = reader.byte()
    if kind not in TYPE_NAMES:
        raise reader.fault(f"value type {kind:02X} is not one of i32, i64, f32, f64")
    return kind


def _read_type(reader: Reader) -> FuncType:
    form = reader.byte()
    if form != 0x60:
        raise reader.fault(f"type form {form:02X} is not a function")
    params = tuple(_value_type(reader) for _ in range(reader.u32()))
    return FuncType(params, tuple(_value_type(reader) for _ in range(reader.u32())))


def _kind(reader: Reader) -> Kind:
    code = reader.byte()
    if code not in list(Kind):
        raise reader.fault(f"import or export kind {code} is not known")
    return Kind(code)


def _read_import(reader: Reader) -> Import:
    module, name, kind = reader.name(), reader.name(), _kind(reader)
    if kind == Kind.FUNCTION:
        return Import(module, name, kind, reader.u32())
    if kind == Kind.MEMORY:
        _read_memory(reader)
    elif kind == Kind.TABLE:
        reader.byte()
        _read_limits(reader)
    else:
        _value_type(reader)
        reader.byte()
    return Import(module, name, kind)


def _read_limits(reader: Reader) -> Limits:
    flags = reader.byte()
    if flags & (_SHARED | _MEMORY64):
        raise reader.fault("a memory is shared or 64-bit, which no node knows")
    if flags & ~(_HAS_MAXIMUM | _HAS_PAGE_SIZE):
        raise reader.fault(f"memory or table flags {flags:02X} are not known")
    minimum = reader.u32()
    maximum = reader.u32() if flags & _HAS_MAXIMUM else None
    page_log2 = reader.u32() if flags & _HAS_PAGE_SIZE else DEFAULT_PAGE_LOG2
    return Limits(minimum, maximum, page_log2)


def _read_memory(reader: Reader) -> Limits:
    limits = _read_limits(reader)
    if limits.page_log2 > DEFAULT_PAGE_LOG2:
        raise reader.fault(f"a memory page of 2^{limits.page_log2} bytes is larger than 64 KiB")
    return limits


def _read_global(reader: Reader) -> Global:
    kind = _value_type(reader)
    mutable = reader.byte() == 1
    return Global(kind, mutable, _constant(reader))


def _encoded_global(reader: Reader) -> bytes:
    start = reader.at
    _read_global(reader)
    return reader.data[start : reader.at]


def _constant(reader: Reader) -> int | None:
    """Read a constant expression; its value when it is one i32.const."""
    found: list[Instruction] = []
    for instruction in instructions(reader.data[reader.at :], reader.offset):
        reader.take(len(instruction.encoded))
        if instruction.opcode == END:
            break
        found.append(instruction)
    else:
        raise reader.fault("a constant expression has no end")
    if len(found) == 1 and found[0].opcode == I32_CONST:
        return Reader(found[0].encoded[1:]).signed(32) & 0xFFFF_FFFF
    return None


def _read_table(reader: Reader) -> int:
    reader.byte()  # element type
    return _read_limits(reader).minimum


def _read_elements(reader: Reader) -> tuple[int, list[int]]:
    if (flags := reader.u32()) != 0:
        raise reader.fault(f"an element segment is {_segment_kind(flags, 'table')}, which no node knows")
    start = _constant(reader)
    if start is None:
        raise reader.fault("an element segment begins at no constant")
    return start, [reader.u32() for _ in range(reader.u32())]


def _segment_kind(flags: int, indexed: str) -> str:
    """Which kind it is, WebAssembly 2.0 sections 5.5.12 and 5.5.14."""
    if flags & 3 == 3:
        return "declarative"
    if flags & 1:
        return "passive"
    return f"active with an explicit index of a {indexed}" if flags & 2 else "made of expressions"


def _read_export(reader: Reader) -> Export:
    return Export(reader.name(), _kind(reader), reader.u32())


def _read_body(reader: Reader) -> Body:
    body = reader.part(reader.u32())
    for _ in range(body.u32()):
        body.u32()
        _value_type(body)
    return Body(body.data[: body.at], body.data[body.at :], body.offset)


def _read_segment(reader: Reader) -> Segment:
    flags = reader.u32()
    if flags != _ACTIVE_DATA:
        raise reader.fault(f"a data segment is {_segment_kind(flags, 'memory')}, which no node knows")
    address = _constant(reader)
    return Segment(address, reader.take(reader.u32()))
