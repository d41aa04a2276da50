"""Linear memory in 16 KiB pages, and what that asks of a module that was compiled for 64 KiB pages.

A node's page is 2^14 bytes. `to_small_pages` gives a module the pages it needs and marks them in the
encoding of the custom-page-sizes proposal; `to_byte_pages` turns such a module into one with pages of one
byte, which standard engines know too, so that they run it with the same bounds to the byte.
"""

from __future__ import annotations

from dataclasses import dataclass

from wasmote.build import leb
from wasmote.build.opcodes import (
    CALL,
    END,
    I32_CONST,
    IF,
    MEMORY_GROW,
    MEMORY_SIZE,
    Instruction,
)
from wasmote.build.wasm import DEFAULT_PAGE_LOG2, I32, Body, FuncType, Kind, Limits, WasmModule
from wasmote.errors import WasmoteError
from wasmote.wire.manifest import PAGE_BYTES

NODE_PAGE_LOG2 = 14
SMALL_IN_BIG = 1 << (DEFAULT_PAGE_LOG2 - NODE_PAGE_LOG2)
MAX_PAGES = 64
MAX_C_STACK = 64 * 1024
STACKLESS_END = "wasmote_memory_end"
LINK_FLAGS = "-Wl,--stack-first -Wl,-z,stack-size=1024 -Wl,--export=__heap_base"

_ELSE, _RETURN = 0x05, 0x0F
_LOCAL_GET, _LOCAL_TEE = 0x20, 0x22
_I32_EQ, _I32_GT_U, _I32_SHL, _I32_SHR_U = 0x46, 0x4B, 0x74, 0x76


class PackRefused(WasmoteError):
    """The module cannot run on a node as it is; the hint names the flag or the line that mends it."""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Where a module's use of its memory ends, in bytes; None where the module does not tell."""

    end: int | None
    grows: bool
    asks_size: bool

    @property
    def counts_pages(self) -> bool:
        """Whether the module's arithmetic depends on the size of a page."""
        return self.grows or self.asks_size


def memory_use(module: WasmModule) -> MemoryUse:
    """Find out what a module needs of its memory.

    The end of data and C stack is the linker's __heap_base: zeroed data is in no data segment, so that
    nothing else tells it. With it, the stack must lie first: below the data, where overflowing it traps.
    A language that keeps no stack in linear memory says wasmote_memory_end instead.
    """
    opcodes = {instruction.opcode for body in module.bodies() for instruction in body.instructions()}
    end = _exported_constant(module, STACKLESS_END)
    if end is None:
        end = _exported_constant(module, "__heap_base")
        if end is not None:
            _check_c_stack(module)
    if end is not None:
        end = max([end, *(_segment_end(module))])
    return MemoryUse(end, MEMORY_GROW in opcodes, MEMORY_SIZE in opcodes)


def needed_pages(module: WasmModule) -> int:
    """16 KiB pages that the module needs from the start; raises PackRefused when that cannot be told."""
    limits = _own_memory(module)
    if limits.page_log2 == NODE_PAGE_LOG2:
        return limits.minimum
    if limits.page_log2 != DEFAULT_PAGE_LOG2:
        raise PackRefused(f"module has pages of 2^{limits.page_log2} bytes; a node's are 16 KiB (2^14)")
    use = memory_use(module)
    if use.counts_pages or use.end is None:
        # Its own arithmetic says where memory ends (memory.size * 64 KiB), or nothing does: keep all of it.
        return limits.minimum * SMALL_IN_BIG
    return -(-use.end // PAGE_BYTES)


def to_small_pages(encoded: bytes, max_pages: int | None = None) -> bytes:
    """Give a module a memory in 16 KiB pages.

    `max_pages` lets it grow up to so many pages; by default it has what it declares, or what it starts
    with when it declares no maximum. A module that was compiled for 64 KiB pages and uses memory.size or
    memory.grow keeps whole 64 KiB, and the two are rewritten to count in them. Raises PackRefused with
    the flag that mends it.
    """
    module = WasmModule.from_bytes(encoded).without_custom_sections()
    limits = _own_memory(module)
    pages = needed_pages(module)
    use = memory_use(module)
    most = _maximum(limits, pages, grows=use.grows, asked=max_pages)
    _check_fits(pages, most, whole=use.counts_pages or use.end is None)
    if limits.page_log2 == DEFAULT_PAGE_LOG2 and use.counts_pages:
        module = _scale_pages(module, DEFAULT_PAGE_LOG2 - NODE_PAGE_LOG2)
    return _without_linker_exports(module.with_memory(Limits(pages, most, NODE_PAGE_LOG2))).to_bytes()


def to_byte_pages(encoded: bytes) -> bytes:
    """Turn a module with 16 KiB pages into one with one-byte pages, which wasmtime runs.

    memory.size and memory.grow still count 16 KiB, and an access traps at the same address as on a node.
    A module without memory is returned as it is.
    """
    module = WasmModule.from_bytes(encoded)
    if not module.memories():
        return encoded
    limits = _own_memory(module)
    if limits.page_log2 != NODE_PAGE_LOG2:
        size = 1 << limits.page_log2
        raise PackRefused(f"module has pages of {size} bytes, not 16384", "pack it first: `wasmote build`")
    maximum = None if limits.maximum is None else min(limits.maximum * PAGE_BYTES, 0xFFFF_FFFF)
    scaled = _scale_pages(module, NODE_PAGE_LOG2)
    return scaled.with_memory(Limits(limits.minimum * PAGE_BYTES, maximum, 0)).to_bytes()


# ---- what is needed --------------------------------------------------------------------------------------


def _own_memory(module: WasmModule) -> Limits:
    if any(entry.kind == Kind.MEMORY for entry in module.imports()):
        raise PackRefused(
            "module imports its memory; a node has none to give", "link without --import-memory"
        )
    memories = module.memories()
    if len(memories) != 1:
        raise PackRefused(f"module has {len(memories)} memories; a node runs modules with exactly one")
    return memories[0]


def _exported_constant(module: WasmModule, name: str) -> int | None:
    for entry in module.exports():
        if entry.name == name and entry.kind == Kind.GLOBAL:
            own = entry.index - sum(imported.kind == Kind.GLOBAL for imported in module.imports())
            return module.globals()[own].value if 0 <= own < len(module.globals()) else None
    return None


def _segment_end(module: WasmModule) -> list[int]:
    return [segment.address + len(segment.data) for segment in module.data() if segment.address is not None]


def _check_c_stack(module: WasmModule) -> None:
    """The C stack as LLVM lays it out: the first mutable i32 global is the stack pointer, at its top."""
    top = next((entry.value for entry in module.globals() if entry.mutable and entry.type == I32), None)
    if top is None:
        return
    data = [segment.address for segment in module.data() if segment.address is not None]
    if any(address < top for address in data):
        raise PackRefused(
            f"module has its C stack above its data (top at {top}): an overflow would overwrite the data",
            f"link with {LINK_FLAGS}",
        )
    if top > MAX_C_STACK:
        raise PackRefused(
            f"module has a C stack of {top} bytes; a node's modules have at most {MAX_C_STACK}",
            f"the linker's default is 1 MiB or 64 KiB: link with {LINK_FLAGS}",
        )


def _maximum(limits: Limits, pages: int, *, grows: bool, asked: int | None) -> int:
    scale = SMALL_IN_BIG if limits.page_log2 == DEFAULT_PAGE_LOG2 else 1
    if asked is not None:
        if asked < pages:
            raise PackRefused(f"module needs {pages} pages of 16 KiB from the start; pages = {asked} is less")
        return asked
    if grows and limits.maximum is not None:
        return max(pages, min(limits.maximum * scale, MAX_PAGES))
    return pages


def _check_fits(pages: int, most: int, *, whole: bool) -> None:
    if max(pages, most) <= MAX_PAGES:
        return
    why = (
        "; it keeps all that it declares, because it does not export __heap_base or counts pages"
        if whole
        else ""
    )
    raise PackRefused(
        f"module needs {max(pages, most)} pages of 16 KiB, more than any node has ({MAX_PAGES}){why}",
        f"link with {LINK_FLAGS} and keep large arrays out of the module",
    )


def _without_linker_exports(module: WasmModule) -> WasmModule:
    """Drop what the linker exported for the packer only."""
    exports = module.exports()
    kept = [entry for entry in exports if entry.name not in (STACKLESS_END, "__heap_base", "__data_end")]
    return module if kept == exports else module.with_exports(kept)


# ---- rewriting -------------------------------------------------------------------------------------------


def _scale_pages(module: WasmModule, log2: int) -> WasmModule:
    """Make memory.size and memory.grow of the code count in units of 2^log2 of the memory's real pages.

    Exact as long as the memory always has a multiple of 2^log2 real pages, which every caller sees to.
    """
    uses = [body.instructions() for body in module.bodies()]
    if any(one.opcode == MEMORY_GROW for body in uses for one in body):
        module, grow = module.with_function(FuncType((I32,), (I32,)), _grow_body(log2))
    else:
        grow = 0
    size = bytes([MEMORY_SIZE, 0, I32_CONST]) + leb.signed(log2) + bytes([_I32_SHR_U])
    replacements = {MEMORY_SIZE: size, MEMORY_GROW: bytes([CALL]) + leb.unsigned(grow)}
    bodies = module.bodies()
    for index, body in enumerate(uses):
        bodies[index] = Body(bodies[index].locals, _substitute(body, replacements))
    return module.with_bodies(bodies) if bodies else module


def _substitute(body: list[Instruction], replacements: dict[int, bytes]) -> bytes:
    return b"".join(replacements.get(one.opcode, one.encoded) for one in body)


def _grow_body(log2: int) -> Body:
    """Write `grow(delta)`: -1 when delta << log2 wraps or memory cannot grow, else the old size >> log2."""
    minus_one = bytes([I32_CONST]) + leb.signed(-1)
    shift = bytes([I32_CONST]) + leb.signed(log2)
    largest = bytes([I32_CONST]) + leb.signed(0xFFFF_FFFF >> log2)
    code = bytes([_LOCAL_GET, 0]) + largest + bytes([_I32_GT_U, IF, 0x40]) + minus_one + bytes([_RETURN, END])
    code += bytes([_LOCAL_GET, 0]) + shift + bytes([_I32_SHL, MEMORY_GROW, 0, _LOCAL_TEE, 0])
    code += minus_one + bytes([_I32_EQ, IF, I32]) + minus_one
    code += bytes([_ELSE, _LOCAL_GET, 0]) + shift + bytes([_I32_SHR_U, END, END])
    return Body(leb.vector([]), code)
