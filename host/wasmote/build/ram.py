"""How much RAM a module takes on a board, as the node itself computes it, and which boards have that much.

The sum is wasm3-port/runtime_needs.c's, number for number: a node refuses a module whose sum is more than
what its arena has left.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from wasmote import limits
from wasmote.build import sizes
from wasmote.build.leb import Reader
from wasmote.build.limit_check import Needs, check_limits
from wasmote.build.wasm import SectionId, WasmModule
from wasmote.flash.images import NATIVE, board_files
from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import PAGE_BYTES

NARROW, WIDE = 0, 1  # columns of sizes.SIZES: 32 and 64 bits

_STACK_GUARD_BYTES = 32  # beyond the operand stack: an event's arguments
_SIMPLE_TYPES = 5
_IMPORT_CELLS = 6


@dataclass(frozen=True, slots=True)
class Ram:
    """Bytes of the arena that a node expects a module to hold, with what the arena adds."""

    memory: int
    stack: int
    code: int
    other: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.memory + self.stack + self.code + self.other


@dataclass(frozen=True, slots=True)
class Arena:
    """A board's RAM for modules, in one part or two; no memory of a module lies in both."""

    board: str
    parts: tuple[int, ...]
    word: int

    @property
    def bytes(self) -> int:
        """All of it."""
        return sum(self.parts)

    def has_room(self, ram: Ram) -> bool:
        """Whether a module may run there while nothing else does."""
        return ram.total <= self.bytes and ram.memory <= max(self.parts)


def ram_of(bundle: Bundle, word: int = NARROW) -> Ram:
    """Compute what the module of a bundle takes on boards of 32 bits, or on a native one of 64."""
    module = WasmModule.from_bytes(bundle.module)
    return predict(module, check_limits(module), bundle.manifest.stack, bundle.manifest.memory_bytes, word)


def predict(module: WasmModule, needs: Needs, stack: int, trimmed: int | None, word: int = NARROW) -> Ram:
    """Compute it for a valid module with `stack` bytes of operands, its memory whole or `trimmed`."""
    return _Sum(word).of(module, needs, stack, trimmed)


def read_arenas() -> list[Arena]:
    """Return the arena of each board, the largest first."""
    arenas = [_arena(name, path) for name, path in board_files().items()]
    return sorted(arenas, key=lambda arena: (-arena.bytes, arena.board))


def _arena(name: str, path: Path) -> Arena:
    own = tomllib.loads(path.read_text(encoding="utf-8")).get("limits", {})
    first = own.get("MODULE_ARENA_BYTES", limits.MODULE_ARENA_BYTES)
    more = own.get("MODULE_ARENA_MORE_BYTES", limits.MODULE_ARENA_MORE_BYTES)
    return Arena(name, (first, more), WIDE if name == NATIVE else NARROW)


class _Sum:
    """The parts of the sum, for one width of the engine's types."""

    def __init__(self, word: int) -> None:
        self._size = {name: columns[word] for name, columns in sizes.SIZES.items()}

    def of(self, module: WasmModule, needs: Needs, stack: int, trimmed: int | None) -> Ram:
        whole = sum(memory.minimum for memory in module.memories()) * PAGE_BYTES
        memory = min(whole, trimmed or whole)
        functions = needs.functions * self._size["M3Function"] + _rounded(0)
        table = module.table_size() * self._size["IM3Function"]
        return Ram(
            memory=memory + _rounded(self._size["M3MemoryHeader"]),
            stack=stack + _rounded(_STACK_GUARD_BYTES),
            code=self._code(needs),
            other=self._base() + self._sections(module) + functions + table,
        )

    def _base(self) -> int:
        once = ("M3Environment", "M3Runtime", "M3Module")
        types = _SIMPLE_TYPES * _rounded(self._size["M3FuncType"])
        return sum(_rounded(self._size[name]) for name in once) + types + _rounded(0)

    def _code(self, needs: Needs) -> int:
        cells = needs.code_bytes * sizes.NEEDS_CODE_NUMERATOR // sizes.NEEDS_CODE_DENOMINATOR
        cells += (needs.functions - needs.function_imports) * sizes.NEEDS_FUNCTION_CELLS
        return cells * self._size["cell"] + _rounded(0)

    def _sections(self, module: WasmModule) -> int:
        return sum(
            self._section(section.id, Reader(section.payload).u32(), len(section.payload))
            for section in module.sections
            if section.id != SectionId.CUSTOM
        )

    def _section(self, section: SectionId, count: int, size: int) -> int:
        """What wasm3 keeps of it: its entries, and the names in it each in a block of its own."""
        match section:
            case SectionId.TYPE:
                each = _rounded(self._size["M3FuncType"]) + self._size["IM3FuncType"]
                return count * each + size + _rounded(0)
            case SectionId.IMPORT:
                return count * (2 * _rounded(1) + _rounded(_IMPORT_CELLS * self._size["cell"])) + size
            case SectionId.GLOBAL:
                return count * self._size["M3Global"] + _rounded(0)
            case SectionId.TABLE:
                return _rounded(0)
            case SectionId.EXPORT:
                return count * _rounded(1) + size
            case SectionId.DATA:
                return count * self._size["M3DataSegment"] + _rounded(0)
            case _:
                return 0


def _rounded(size: int) -> int:
    return size + 2 * sizes.NEEDS_BLOCK_BYTES
