"""From source to linked WebAssembly: a compiler for each language, picked by the source's suffix.

None of them emits what a node's engine lacks, reorders arithmetic or fuses it, so that one program gives
the same bits in every language, and none puts a time or a path into what it makes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from wasmote.build.compilers.assemblyscript import compile_assemblyscript
from wasmote.build.compilers.c import compile_c
from wasmote.build.compilers.rust import compile_rust
from wasmote.build.compilers.tool import DEFAULT_C_STACK, Compiled, CompileFailed
from wasmote.build.compilers.zig import compile_zig
from wasmote.errors import UsageFault

__all__ = ["COMPILERS", "DEFAULT_C_STACK", "CompileFailed", "Compiled", "compile_source"]

COMPILERS: Mapping[str, Callable[[Path, int], Compiled]] = {
    ".c": compile_c,
    ".rs": compile_rust,
    ".ts": compile_assemblyscript,
    ".zig": compile_zig,
}


def compile_source(source: Path, c_stack: int = DEFAULT_C_STACK) -> Compiled:
    """Compile and link one source file with its language's bindings; `c_stack` is in bytes.

    Raises UsageFault when the file or its compiler is missing, CompileFailed with the compiler's words.
    """
    if not source.is_file():
        raise UsageFault(f"{source}: no such source file", "name the module's source, or its project file")
    return COMPILERS[source.suffix](source, c_stack)
