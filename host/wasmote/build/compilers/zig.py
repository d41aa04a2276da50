"""Compiles Zig with the `zig` of the package ziglang, or one on PATH."""

from __future__ import annotations

import functools
import importlib.util
import os
import tempfile
from pathlib import Path

from wasmote.build.compilers.tool import (
    DEFAULT_C_STACK,
    GUEST,
    Compiled,
    checked,
    linked_once,
    named_or_found,
)

VERSION = "0.17.0"  # the language changes with every version
INSTALL_HINT = (
    f"install it: pip install ziglang=={VERSION}, or, in a checkout, tools/setup --languages "
    "(or name a compiler in WASMOTE_ZIG)"
)
# Safety checks stay in, as traps: see guest/root.zig. Zig puts the stack first by itself.
CODE_FLAGS = (
    "-target",
    "wasm32-freestanding",
    "-mcpu=mvp+mutable_globals+sign_ext+nontrapping_fptoint",
    "-OReleaseSafe",
    "-fno-entry",
    "-fstrip",
    "-rdynamic",
    "--export=__global_base",
    "--export=__data_end",
    "--export=__heap_base",
)


def compile_zig(source: Path, c_stack: int = DEFAULT_C_STACK) -> Compiled:
    """Compile one Zig file with the module `wasmote`; raises CompileFailed with the compiler's words."""
    with tempfile.TemporaryDirectory(prefix="wasmote-build-") as folder:
        module = Path(folder) / "linked.wasm"
        options = ["--stack", str(c_stack), "--cache-dir", folder, f"-femit-bin={module}"]
        warnings = ""

        def link(*more: str) -> bytes:
            nonlocal warnings
            warnings = checked([find_zig(), "build-exe", *CODE_FLAGS, *more, *options, *_modules(source)])
            return module.read_bytes()

        return Compiled(linked_once(link), warnings)


def find_zig() -> str:
    """Where zig is: as WASMOTE_ZIG says, else in the package ziglang, else on PATH.

    Raises UsageFault with the command that installs it.
    """
    packaged = None if os.environ.get("WASMOTE_ZIG") else _packaged_zig()
    return packaged or named_or_found("WASMOTE_ZIG", "zig", INSTALL_HINT)[0]


@functools.cache
def _packaged_zig() -> str | None:
    package = importlib.util.find_spec("ziglang")
    if package is None or package.origin is None:
        return None
    return str(Path(package.origin).with_name("zig"))


def _modules(source: Path) -> list[str]:
    """The root, which imports the module, which imports the bindings."""
    root = ["--dep", "module", f"-Mroot={GUEST / 'root.zig'}"]
    own = ["--dep", "wasmote", f"-Mmodule={source}"]
    return [*root, *own, f"-Mwasmote={GUEST / 'wasmote.zig'}"]
