"""Compiles Rust with rustc alone: no cargo, no standard library, the linker that C uses."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path

from wasmote.build.compilers.c import LINK_FLAGS, find_linker
from wasmote.build.compilers.tool import (
    DEFAULT_C_STACK,
    GUEST,
    Compiled,
    checked,
    linked_once,
    named_or_found,
    run,
)
from wasmote.errors import UsageFault

TARGET = "wasm32-unknown-unknown"
INSTALL_HINT = (
    "install it: sudo apt install rustc libstd-rust-dev-wasm32 lld, or with rustup: "
    f"rustup target add {TARGET} (or name a compiler in WASMOTE_RUSTC)"
)
# Debian 12's rustc is 1.63: no option here is younger. It has no name for sign extension.
CODE_FLAGS = (
    "--edition=2021",
    f"--target={TARGET}",
    "-Ctarget-cpu=mvp",
    "-Ctarget-feature=+mutable-globals,+nontrapping-fptoint",
    "-Copt-level=2",
    "-Ccodegen-units=1",
    "-Cpanic=abort",
)


def compile_rust(source: Path, c_stack: int = DEFAULT_C_STACK) -> Compiled:
    """Compile one Rust file with the crate `wasmote`; raises CompileFailed with the compiler's words."""
    rustc = find_rustc()
    with tempfile.TemporaryDirectory(prefix="wasmote-build-") as folder:
        bindings, module = Path(folder) / "libwasmote.rlib", Path(folder) / "linked.wasm"
        command = [rustc, *CODE_FLAGS, f"--remap-path-prefix={source.parent}=."]
        library = ["--crate-type=rlib", "--crate-name=wasmote", str(GUEST / "wasmote.rs")]
        checked([*command, *library, "-o", str(bindings)])
        own = ["--crate-type=cdylib", "--crate-name=module", f"--extern=wasmote={bindings}", str(source)]
        warnings = ""

        def link(*more: str) -> bytes:
            nonlocal warnings
            warnings = checked([*command, *own, *_link_options(c_stack, more), "-o", str(module)])
            return module.read_bytes()

        return Compiled(linked_once(link), warnings)


@functools.cache
def find_rustc() -> str:
    """The first rustc that has the core library for wasm32: rustup's and Debian's may both be installed.

    WASMOTE_RUSTC names one instead. Raises UsageFault with the command that installs what is missing.
    """
    found = named_or_found("WASMOTE_RUSTC", "rustc", INSTALL_HINT)
    for rustc in found:
        libraries = run([rustc, "--print=target-libdir", f"--target={TARGET}"]).stdout.strip()
        if libraries and Path(libraries).is_dir():
            return rustc
    raise UsageFault(f"{found[0]} has no core library for {TARGET}", INSTALL_HINT)


def _link_options(c_stack: int, more: Sequence[str]) -> list[str]:
    """Options for wasm-ld, with the optimiser seeing module and bindings as one."""
    flags = (*LINK_FLAGS, "-z", f"stack-size={c_stack}", *more)
    linker = ["-Clto=fat", f"-Clinker={find_linker()}", "-Clinker-flavor=wasm-ld"]
    return [*linker, *(f"-Clink-arg={flag}" for flag in flags)]
