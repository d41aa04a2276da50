"""Gives a linked module the memory that it needs on a node, in 16 KiB pages or to the byte.

What a module needs is measured: its linker or compiler exports where stack and data end. Above them lies the
heap: as much as the project declares, and what is left of the last page unless the memory is trimmed.
"""

from __future__ import annotations

from dataclasses import dataclass

from wasmote.build.opcodes import MEMORY_GROW, MEMORY_SIZE
from wasmote.build.pages import NODE_PAGE_LOG2, SMALL_IN_BIG, PackRefused, count_big_pages, own_memory
from wasmote.build.startup import run_initialisers_once
from wasmote.build.wasm import DEFAULT_PAGE_LOG2, I32, Kind, Limits, WasmModule
from wasmote.wire.manifest import PAGE_BYTES, MemoryUse

MAX_PAGES = 64
MAX_C_STACK = 64 * 1024
BIG_PAGE_BYTES = 1 << DEFAULT_PAGE_LOG2
HEAP_ALIGNMENT = 8
STACKLESS_END = "wasmote_memory_end"
LINK_FLAGS = "-Wl,--stack-first -Wl,-z,stack-size=1024 -Wl,--export=__heap_base -Wl,--export=__global_base"

_NEVER_GROWS = "note: memory.grow will always fail: pages = N, in the project file, lets the module grow\n"
_HEAP_BASE, _DATA_START, _DATA_END = "__heap_base", "__global_base", "__data_end"
_STACK_POINTER = "__stack_pointer"
_FOR_THE_PACKER = (STACKLESS_END, _HEAP_BASE, _DATA_START, _DATA_END)


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands in a module's memory from the start: a C stack of `stack` bytes, then data up to `end`."""

    stack: int
    end: int


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """What a project wants of its module's memory.

    `pages`, of 16 KiB, is what it may grow to; `heap` the bytes that it uses above its data; `trim` leaves
    out what lies above them in the last page; `page_bytes` is what one page is to memory.size and
    memory.grow in its source.
    """

    pages: int | None = None
    heap: int = 0
    trim: bool = False
    page_bytes: int = BIG_PAGE_BYTES


DEFAULT_PLAN = MemoryPlan()


@dataclass(frozen=True, slots=True)
class Packed:
    """A module for nodes: at most `pages` of 16 KiB, of which it begins with `start_pages`.

    `memory_bytes` is all that there is of a trimmed memory, None for whole pages; `use` what was measured,
    None for a module that does not tell; `note`, for the author, what will hardly be meant.
    """

    wasm: bytes
    start_pages: int
    pages: int
    memory_bytes: int | None
    use: MemoryUse | None
    note: str = ""


def pack(encoded: bytes, plan: MemoryPlan = DEFAULT_PLAN) -> Packed:
    """Give a module a memory in 16 KiB pages; raises PackRefused with the flag that mends it.

    A module that counts 64 KiB pages (memory.size, memory.grow) keeps whole 64 KiB, and both instructions are
    rewritten to count in them.
    """
    module = run_initialisers_once(WasmModule.from_bytes(encoded)).without_custom_sections()
    measured = _Measured.of(module, plan)
    start = measured.start_pages(plan)
    most = measured.most_pages(plan, start)
    measured.check_fits(most)
    if measured.counts_big_pages:
        module = count_big_pages(module)
    packed = _without_linker_exports(module.with_memory(Limits(start, most, NODE_PAGE_LOG2)))
    held = measured.trimmed_bytes(plan) if plan.trim else None
    use = measured.use(start * PAGE_BYTES if held is None else held)
    note = _NEVER_GROWS if measured.grows and most == start else ""
    return Packed(packed.to_bytes(), start, most, held, use, note)


def layout(module: WasmModule) -> Layout | None:
    """Find where stack and data of a module end; None when it does not tell.

    The end is the linker's __heap_base: zeroed data is in no data segment, so that nothing else tells it.
    With it, the stack must lie first: below the data, where overflowing it traps. A language that keeps no
    stack in linear memory says wasmote_memory_end instead.
    """
    end = _linkers_address(module, STACKLESS_END)
    if end is not None:
        _check_end(module, STACKLESS_END, end, stack=0)
        return Layout(0, end)
    end = _linkers_address(module, _HEAP_BASE)
    if end is None:
        return None
    stack = _c_stack(module)
    _check_end(module, _HEAP_BASE, end, stack)
    return Layout(stack, end)


# ---- measuring -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Measured:
    """A module before it is packed: `counts` and `grows` say which page arithmetic its code has."""

    declared: Limits
    layout: Layout | None
    counts: bool
    grows: bool
    big: bool

    @classmethod
    def of(cls, module: WasmModule, plan: MemoryPlan) -> _Measured:
        declared = own_memory(module)
        if declared.page_log2 not in (NODE_PAGE_LOG2, DEFAULT_PAGE_LOG2):
            size = f"2^{declared.page_log2} bytes"
            raise PackRefused(f"module has pages of {size}; a node's are 16 KiB (2^14)")
        opcodes = {instruction.opcode for body in module.bodies() for instruction in body.instructions()}
        grows = MEMORY_GROW in opcodes
        big = declared.page_log2 == DEFAULT_PAGE_LOG2 and plan.page_bytes == BIG_PAGE_BYTES
        return cls(declared, layout(module), grows or MEMORY_SIZE in opcodes, grows, big)

    @property
    def counts_big_pages(self) -> bool:
        """Whether the code's arithmetic rests on pages of 64 KiB."""
        return self.counts and self.big

    @property
    def declared_pages(self) -> int:
        """What the module declares, in 16 KiB pages."""
        return self.declared.minimum * self._scale

    @property
    def _scale(self) -> int:
        return SMALL_IN_BIG if self.declared.page_log2 == DEFAULT_PAGE_LOG2 else 1

    def start_pages(self, plan: MemoryPlan) -> int:
        """Tell how many pages the module has from the start."""
        if plan.trim:
            return _pages(self.trimmed_bytes(plan))
        if self.counts_big_pages and plan.heap:
            raise PackRefused(
                "module takes its heap from memory.grow, in 64 KiB: a declared heap would not be used",
                "leave heap out, and say pages = N, what it may grow to, in 16 KiB",
            )
        if plan.heap:
            return _pages(self._end("heap") + plan.heap)
        if self.counts_big_pages or self.layout is None or self._scale == 1:
            # Its own arithmetic says where memory ends, or nothing does: keep all of it.
            return self.declared_pages
        return _pages(self.layout.end)

    def trimmed_bytes(self, plan: MemoryPlan) -> int:
        """Tell to how many bytes the memory is cut."""
        if self.grows:
            raise PackRefused(
                "module calls memory.grow, and a trimmed memory ends within a page: it cannot grow",
                "allocate from a static array or a declared heap; or leave trim out",
            )
        if self.counts:
            raise PackRefused(
                "module asks memory.size, and a trimmed memory is no whole number of pages",
                "find the heap by __heap_base and its declared size; or leave trim out",
            )
        if plan.pages is not None:
            raise PackRefused("pages and trim exclude each other: a trimmed memory has the bytes it needs")
        needed = max(1, self._end("trim") + plan.heap)
        return -(-needed // HEAP_ALIGNMENT) * HEAP_ALIGNMENT

    def _end(self, key: str) -> int:
        if self.layout is None:
            raise PackRefused(
                f"module does not tell where its data ends, which {key} has to know",
                f"link with {LINK_FLAGS}; without a C stack, export the end as {STACKLESS_END}",
            )
        return self.layout.end

    def most_pages(self, plan: MemoryPlan, start: int) -> int:
        """Tell to how many pages the memory may grow."""
        if plan.pages is not None:
            self._check_asked(plan.pages, start)
            return plan.pages
        if self.grows and self.declared.maximum is not None:
            return max(start, min(self.declared.maximum * self._scale, MAX_PAGES))
        return start

    def _check_asked(self, asked: int, start: int) -> None:
        if asked < start:
            raise PackRefused(f"module needs {start} pages of 16 KiB from the start; pages = {asked} is less")
        if self.grows and self.big and asked % SMALL_IN_BIG:
            raise PackRefused(
                f"module grows by 64 KiB, 4 pages of 16 KiB: it would never have all of pages = {asked}",
                f"make pages a multiple of {SMALL_IN_BIG}; or count 16 KiB in the source, and say so: "
                f"page_bytes = {PAGE_BYTES}",
            )

    def check_fits(self, most: int) -> None:
        """Refuse what is more than any node has."""
        if most <= MAX_PAGES:
            return
        why = ""
        if self.counts_big_pages or self.layout is None:
            why = "; it keeps all that it declares, because it does not export __heap_base or counts pages"
        raise PackRefused(
            f"module needs {most} pages of 16 KiB, more than any node has ({MAX_PAGES}){why}",
            f"link with {LINK_FLAGS} and keep large arrays out of the module",
        )

    def use(self, held: int) -> MemoryUse | None:
        """Divide what is held from the start."""
        if self.layout is None:
            return None
        return MemoryUse(self.layout.stack, self.layout.end - self.layout.stack, held - self.layout.end)


def _pages(size: int) -> int:
    return -(-size // PAGE_BYTES)


def _linkers_address(module: WasmModule, name: str, *, mutable: bool = False) -> int | None:
    """The address that a linker exports under one of its names; None when nothing has the name.

    Anybody may export something under such a name, and memory is cut by it: PackRefused unless it is what a
    linker makes, a global of the module's own, of type i32, that begins as a constant.
    """
    entry = next((entry for entry in module.exports() if entry.name == name), None)
    if entry is None:
        return None
    own = entry.index - sum(imported.kind == Kind.GLOBAL for imported in module.imports())
    made = module.globals()[own : own + 1] if entry.kind == Kind.GLOBAL and own >= 0 else []
    if not made or (made[0].type, made[0].mutable) != (I32, mutable) or made[0].value is None:
        kind = "mutable" if mutable else "immutable"
        raise PackRefused(
            f"module exports a {name} that no linker has made: it is no {kind} i32 global with a constant",
            "give what the source calls so another name",
        )
    return made[0].value


def _check_end(module: WasmModule, name: str, end: int, stack: int) -> None:
    """Refuse an end of memory in use above which, as the module itself shows, there is something."""
    memory = own_memory(module)
    limits = {"its memory ends": memory.minimum << memory.page_log2}
    addressed = [segment for segment in module.data() if segment.address is not None]
    data = max(((segment.address or 0) + len(segment.data) for segment in addressed), default=0)
    below = {
        "its data ends": max(data, _linkers_address(module, _DATA_END) or 0),
        "its data begins": _linkers_address(module, _DATA_START) or 0,
        "its C stack ends": max(stack, _linkers_address(module, _STACK_POINTER, mutable=True) or 0),
    }
    wrong = [f"{what} at {at}" for what, at in limits.items() if end > at]
    wrong += [f"{what} at {at}" for what, at in below.items() if end < at]
    if wrong:
        raise PackRefused(
            f"module exports {name} = {end}, but {wrong[0]}: no linker has made this",
            "give what the source calls so another name, and link it anew",
        )


def _c_stack(module: WasmModule) -> int:
    """Measure the C stack; PackRefused when it does not lie first, or is larger than any node has.

    Its top is where the linker put the data (__global_base), or else what the stack pointer starts with: as
    LLVM lays modules out, that is the first mutable i32 global.
    """
    pointer = _linkers_address(module, _STACK_POINTER, mutable=True)
    if pointer is None:
        pointer = next((one.value for one in module.globals() if one.mutable and one.type == I32), None)
    start = _linkers_address(module, _DATA_START)
    data = [segment.address for segment in module.data() if segment.address is not None]
    lowest = min([*data, *([] if start is None else [start])], default=None)
    if pointer is not None and lowest is not None and lowest < pointer:
        raise PackRefused(
            f"module has its C stack above its data (top at {pointer}): an overflow would overwrite the data",
            f"link with {LINK_FLAGS}",
        )
    top = next((place for place in (start, pointer) if place is not None), 0)
    if top > MAX_C_STACK:
        raise PackRefused(
            f"module has a C stack of {top} bytes; a node's modules have at most {MAX_C_STACK}",
            f"the linker's default is 1 MiB or 64 KiB: link with {LINK_FLAGS}",
        )
    return top


def _without_linker_exports(module: WasmModule) -> WasmModule:
    """Drop what the linker exported for the packer only, and the constants behind it that nothing else uses.

    Those stand last; what stands before a global in use stays, so that no index changes.
    """
    exports = module.exports()
    kept = [entry for entry in exports if entry.name not in _FOR_THE_PACKER]
    if kept == exports:
        return module
    dropped = {entry.index for entry in exports if entry not in kept and entry.kind == Kind.GLOBAL}
    used = module.used_globals() | {entry.index for entry in kept if entry.kind == Kind.GLOBAL}
    imported = sum(entry.kind == Kind.GLOBAL for entry in module.imports())
    own = module.globals()
    while own and not own[-1].mutable and imported + len(own) - 1 in dropped - used:
        own.pop()
    return module.with_exports(kept).with_first_globals(len(own))
