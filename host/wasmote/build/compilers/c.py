"""Compiles C to WebAssembly with clang and wasm-ld, with nothing that a node's engine lacks."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from wasmote.build.compilers.symbols import defined_functions
from wasmote.build.compilers.tool import DEFAULT_C_STACK, GUEST, Compiled, checked, linked_once, run
from wasmote.build.startup import INITIALIZE
from wasmote.errors import UsageFault
from wasmote.runtime.host_api import EXPORTS

INSTALL_HINT = "install them: sudo apt install clang lld (or name a compiler in WASMOTE_CLANG)"

NEWEST, OLDEST = 22, 14
_CLANG_NAMES = ("clang", *(f"clang-{version}" for version in range(NEWEST, OLDEST - 1, -1)))
_LINKER_NAMES = ("wasm-ld", *(f"wasm-ld-{version}" for version in range(NEWEST, OLDEST - 1, -1)))

TARGET_FLAGS = (
    "--target=wasm32",
    "-mcpu=mvp",
    "-mmutable-globals",
    "-msign-ext",
    "-mnontrapping-fptoint",
    "-mno-multivalue",
    "-mno-reference-types",
    "-mno-bulk-memory",
)
# Exactly the arithmetic that is written (no fused multiply-add, no reordering), so that every engine gives
# the same bits; sqrtf becomes an instruction when it need not set errno.
CODE_FLAGS = (
    "-std=c11",
    "-O2",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wall",
    "-Wextra",
    "-nostdlibinc",
)
# The packer needs the stack first (overflow traps), where data begins and ends, and where all that is used
# does: the last two differ more than by rounding where a source has something called __heap_base.
LINK_FLAGS = (
    "--no-entry",
    "--stack-first",
    "--strip-all",
    "--compress-relocations",
    "--export=__global_base",
    "--export=__data_end",
    "--export=__heap_base",
    "--fatal-warnings",
)


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A clang that makes WebAssembly, and the linker that goes with it."""

    clang: str
    linker: str


def compile_c(source: Path, c_stack: int = DEFAULT_C_STACK) -> Compiled:
    """Compile and link one C file with the guest library; raises CompileFailed with the compiler's words."""
    tools = find_toolchain()
    with tempfile.TemporaryDirectory(prefix="wasmote-build-") as folder:
        own, library, module = (
            Path(folder) / name for name in (f"{source.stem}.o", "libc/libc.o", "linked.wasm")
        )
        library.parent.mkdir()
        warnings = checked(_compile_command(tools, source, own))
        checked(_compile_command(tools, GUEST / "libc.c", library))

        def link(*more: str) -> bytes:
            checked([*_link_command(tools, [own, library], module, c_stack), *more])
            return module.read_bytes()

        return Compiled(linked_once(link), warnings, defined_functions(own.read_bytes()))


@functools.cache
def find_toolchain() -> Toolchain:
    """Look for clang and wasm-ld on PATH, plain names first, then newest to oldest.

    WASMOTE_CLANG names a compiler instead. Raises UsageFault with the command that installs what is missing.
    """
    named = os.environ.get("WASMOTE_CLANG")
    candidates = [named] if named else [name for name in _CLANG_NAMES if shutil.which(name)]
    if not candidates:
        raise UsageFault("clang is not installed, and modules are compiled with it", INSTALL_HINT)
    for clang in candidates:
        if _makes_wasm(clang):
            return Toolchain(clang, find_linker(clang))
    raise UsageFault(f"{candidates[0]} cannot compile for wasm32", INSTALL_HINT)


def _makes_wasm(clang: str) -> bool:
    try:
        return "wasm32" in run([clang, "-print-targets"]).stdout
    except OSError as fault:
        raise UsageFault(f"{clang}: {fault.strerror}", INSTALL_HINT) from fault


def find_linker(clang: str | None = None) -> str:
    """The wasm-ld that a clang itself would take, else one on PATH."""
    own = [run([clang, "-print-prog-name=wasm-ld"]).stdout.strip()] if clang else []
    for name in (*own, *_LINKER_NAMES):
        if path := shutil.which(name):
            return path
    raise UsageFault("wasm-ld (LLVM's linker for WebAssembly) is not installed", INSTALL_HINT)


def _compile_command(tools: Toolchain, source: Path, output: Path) -> list[str]:
    prefix = f"-ffile-prefix-map={source.parent}=."
    return [
        tools.clang,
        *TARGET_FLAGS,
        *CODE_FLAGS,
        prefix,
        f"-I{GUEST}",
        "-c",
        str(source),
        "-o",
        str(output),
    ]


def _link_command(tools: Toolchain, objects: list[Path], output: Path, c_stack: int) -> list[str]:
    """The linker itself and not clang, which at -O2 runs whatever wasm-opt it finds over the result."""
    exports = (f"--export-if-defined={name}" for name in (*EXPORTS, INITIALIZE))
    stack = ("-z", f"stack-size={c_stack}")
    return [tools.linker, *LINK_FLAGS, *stack, *exports, *map(str, objects), "-o", str(output)]
