"""Reads the symbol table of an object file for WebAssembly (tool-conventions, Linking.md)."""

from __future__ import annotations

from collections.abc import Iterator

from wasmote.build.leb import Reader
from wasmote.build.wasm import SectionId, WasmModule

_SYMBOL_TABLE = 8
_FUNCTION, _DATA, _SECTION = 0, 1, 3
_LOCAL, _UNDEFINED, _NAMED = 0x02, 0x10, 0x40


def defined_functions(encoded: bytes) -> tuple[str, ...]:
    """The functions that an object file defines for others to call, which the linker may still leave out."""
    found = []
    for table in _tables(WasmModule.from_bytes(encoded)):
        for _ in range(table.u32()):
            kind, flags, name = _symbol(table)
            if kind == _FUNCTION and not flags & (_LOCAL | _UNDEFINED):
                found.append(name)
    return tuple(found)


def _tables(module: WasmModule) -> Iterator[Reader]:
    for section in module.sections:
        reader = Reader(section.payload, section.offset)
        if section.id != SectionId.CUSTOM or reader.name() != "linking":
            continue
        reader.u32()  # version
        while not reader.done:
            kind, content = reader.byte(), reader.part(reader.u32())
            if kind == _SYMBOL_TABLE:
                yield content


def _symbol(table: Reader) -> tuple[int, int, str]:
    """Read one entry: kind, flags, and the name where it has one of its own."""
    kind, flags = table.byte(), table.u32()
    if kind == _SECTION:
        table.u32()
        return kind, flags, ""
    if kind == _DATA:
        name = table.name()
        for _ in range(0 if flags & _UNDEFINED else 3):  # segment, offset, size
            table.u32()
        return kind, flags, name
    table.u32()  # index
    return kind, flags, table.name() if not flags & _UNDEFINED or flags & _NAMED else ""
