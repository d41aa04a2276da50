"""Compiles AssemblyScript with asc, without garbage collector and without a function to abort with."""

from __future__ import annotations

import tempfile
from pathlib import Path

from wasmote.build.compilers.tool import DEFAULT_C_STACK, GUEST, Compiled, checked, named_or_found

VERSION = "0.28.20"
INSTALL_HINT = (
    f"install it: npm install --global assemblyscript@{VERSION}, or, in a checkout, tools/setup --languages "
    "(or name a compiler in WASMOTE_ASC)"
)
# `abort` is what a failed check calls, an import by default; taken away, the check traps. The heap is ours
# (guest/heap.ts), in the place of the stub runtime's, which counts pages of 64 KiB. It collects nothing: what
# a module allocates in its events is lost.
HEAP_FUNCTIONS = ("alloc", "realloc", "free", "reset", "new", "renew")
CODE_FLAGS = (
    "--optimize",
    "--runtime",
    "stub",
    *(word for name in HEAP_FUNCTIONS for word in ("--use", f"__{name}=wasmote_heap_{name}")),
    "--use",
    "abort=",
    "--disable",
    "bulk-memory",
)


def compile_assemblyscript(source: Path, c_stack: int = DEFAULT_C_STACK) -> Compiled:
    """Compile one AssemblyScript file with the package `wasmote`; CompileFailed has the compiler's words.

    There is no C stack in AssemblyScript's linear memory: `c_stack` is not used.
    """
    asc = named_or_found("WASMOTE_ASC", "asc", INSTALL_HINT)[0]
    with tempfile.TemporaryDirectory(prefix="wasmote-build-") as folder:
        module = Path(folder) / "linked.wasm"
        entries = [str(source.resolve()), str(GUEST / "memory_end.ts")]
        library = ["--path", str(GUEST / "packages")]
        warnings = checked([asc, *entries, *CODE_FLAGS, *library, "--outFile", str(module)])
        return Compiled(module.read_bytes(), warnings)
