"""Linear memory in pages of 64 KiB, of 16 KiB and of one byte, and modules turned from one to the other.

Compilers count 64 KiB, a node's page is 2^14 bytes, and pages of one byte are what standard engines run with
the same bounds to the byte (custom-page-sizes proposal). In each the module's own arithmetic, what
memory.size and memory.grow answer, stays what it was.
"""

from __future__ import annotations

from wasmote.build import leb
from wasmote.build.opcodes import (
    CALL,
    END,
    I32_CONST,
    IF,
    LOCAL_GET,
    LOCAL_TEE,
    MEMORY_GROW,
    MEMORY_SIZE,
    Instruction,
)
from wasmote.build.wasm import DEFAULT_PAGE_LOG2, I32, Body, FuncType, Kind, Limits, WasmModule
from wasmote.errors import WasmoteError
from wasmote.wire.manifest import PAGE_BYTES

NODE_PAGE_LOG2 = 14
SMALL_IN_BIG = 1 << (DEFAULT_PAGE_LOG2 - NODE_PAGE_LOG2)

_U32_MAX = 0xFFFF_FFFF
_ELSE, _RETURN = 0x05, 0x0F
_I32_EQ, _I32_GT_U, _I32_ADD, _I32_SHL, _I32_SHR_U = 0x46, 0x4B, 0x6A, 0x74, 0x76


class PackRefused(WasmoteError):
    """The module cannot run on a node as it is; the hint names the flag or the line that mends it."""


def to_small_pages(encoded: bytes) -> bytes:
    """Turn a module with 64 KiB pages into one with 16 KiB pages that means exactly the same.

    One page becomes four, and memory.size and memory.grow of the code still count 64 KiB, of which the memory
    always is a multiple. A module without memory, or with pages of 16 KiB already, is returned as it is.
    """
    module = WasmModule.from_bytes(encoded)
    if not module.memories() and not imports_memory(module):
        return encoded
    limits = own_memory(module)
    if limits.page_log2 == NODE_PAGE_LOG2:
        return encoded
    if limits.page_log2 != DEFAULT_PAGE_LOG2:
        raise PackRefused(f"module has pages of 2^{limits.page_log2} bytes; a node's are 16 KiB (2^14)")
    least, most = _times(limits.minimum), None if limits.maximum is None else _times(limits.maximum)
    return count_big_pages(module).with_memory(Limits(least, most, NODE_PAGE_LOG2)).to_bytes()


def to_byte_pages(encoded: bytes, held: int | None = None) -> bytes:
    """Turn a module with 16 KiB pages into one with one-byte pages, which wasmtime runs.

    memory.size and memory.grow still count 16 KiB, and an access traps at the same address as on a node.
    `held` is the bytes of a trimmed memory: it has no more and cannot grow, and memory.size counts its last
    page as a whole one. A module without memory is returned as it is.
    """
    module = WasmModule.from_bytes(encoded)
    if not module.memories():
        return encoded
    limits = own_memory(module)
    if limits.page_log2 != NODE_PAGE_LOG2:
        size = 1 << limits.page_log2
        raise PackRefused(f"module has pages of {size} bytes, not 16384", "pack it first: `wasmote build`")
    scaled = _scale_pages(module, NODE_PAGE_LOG2, round_up=held is not None)
    minimum = limits.minimum * PAGE_BYTES
    maximum = None if limits.maximum is None else min(limits.maximum * PAGE_BYTES, _U32_MAX)
    if held is not None:
        minimum = maximum = min(minimum, held)
    return scaled.with_memory(Limits(minimum, maximum, 0)).to_bytes()


def imports_memory(module: WasmModule) -> bool:
    """Whether the module expects a memory from whoever runs it."""
    return any(entry.kind == Kind.MEMORY for entry in module.imports())


def own_memory(module: WasmModule) -> Limits:
    """The one memory of the module; PackRefused when it has none, several or one from elsewhere."""
    if imports_memory(module):
        raise PackRefused(
            "module imports its memory; a node has none to give", "link without --import-memory"
        )
    memories = module.memories()
    if len(memories) != 1:
        raise PackRefused(f"module has {len(memories)} memories; a node runs modules with exactly one")
    return memories[0]


def count_big_pages(module: WasmModule) -> WasmModule:
    """Make code that is to run with 16 KiB pages count 64 KiB, as its compiler assumed.

    Exact as long as the memory always is a multiple of 64 KiB: then size * 65536 bytes are there, and what
    grows begins at the old size * 65536.
    """
    return _scale_pages(module, DEFAULT_PAGE_LOG2 - NODE_PAGE_LOG2)


def _times(pages: int) -> int:
    """As many bytes in small pages; what is beyond 4 GiB stays beyond."""
    return min(pages * SMALL_IN_BIG, _U32_MAX)


# ---- rewriting -------------------------------------------------------------------------------------------


def _scale_pages(module: WasmModule, log2: int, *, round_up: bool = False) -> WasmModule:
    """Make memory.size and memory.grow of the code count in units of 2^log2 of the memory's real pages.

    Exact as long as the memory always has a multiple of 2^log2 real pages; with `round_up`, a last unit that
    is partly there counts as one.
    """
    shift = bytes([I32_CONST]) + leb.signed(log2) + bytes([_I32_SHR_U])
    if round_up:
        shift = bytes([I32_CONST]) + leb.signed((1 << log2) - 1) + bytes([_I32_ADD]) + shift
    uses = [body.instructions() for body in module.bodies()]
    if any(one.opcode == MEMORY_GROW for body in uses for one in body):
        module, grow = module.with_function(FuncType((I32,), (I32,)), _grow_body(log2, shift))
    else:
        grow = 0
    size = bytes([MEMORY_SIZE, 0]) + shift
    replacements = {MEMORY_SIZE: size, MEMORY_GROW: bytes([CALL]) + leb.unsigned(grow)}
    bodies = module.bodies()
    for index, body in enumerate(uses):
        bodies[index] = Body(bodies[index].locals, _substitute(body, replacements))
    return module.with_bodies(bodies) if bodies else module


def _substitute(body: list[Instruction], replacements: dict[int, bytes]) -> bytes:
    return b"".join(replacements.get(one.opcode, one.encoded) for one in body)


def _grow_body(log2: int, to_units: bytes) -> Body:
    """Write `grow(delta)`: -1 when delta << log2 wraps or memory cannot grow, else the old size in units."""
    minus_one = bytes([I32_CONST]) + leb.signed(-1)
    shift = bytes([I32_CONST]) + leb.signed(log2)
    largest = bytes([I32_CONST]) + leb.signed(_U32_MAX >> log2)
    code = bytes([LOCAL_GET, 0]) + largest + bytes([_I32_GT_U, IF, 0x40]) + minus_one + bytes([_RETURN, END])
    code += bytes([LOCAL_GET, 0]) + shift + bytes([_I32_SHL, MEMORY_GROW, 0, LOCAL_TEE, 0])
    code += minus_one + bytes([_I32_EQ, IF, I32]) + minus_one
    code += bytes([_ELSE, LOCAL_GET, 0]) + to_units + bytes([END, END])
    return Body(leb.vector([]), code)
