"""What the compilers have in common: finding a tool, running it, and what comes out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wasmote.build.startup import EXPORT_CONSTRUCTORS, wraps_exports
from wasmote.build.wasm import WasmModule
from wasmote.errors import UsageFault, WasmoteError

GUEST = Path(__file__).with_name("guest")
DEFAULT_C_STACK = 1024


class CompileFailed(WasmoteError):
    """The compiler or the linker refused the source; the message is what they said, unchanged."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A linked module and what the compiler said about its source (warnings; may be empty).

    `functions` are those that the source defines for others to call, also where the linker left them out;
    empty where the compiler keeps no such list.
    """

    wasm: bytes
    warnings: str
    functions: tuple[str, ...] = ()


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end and keep what it says; OSError when it cannot be started."""
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def checked(command: list[str]) -> str:
    """What a tool said while it succeeded; CompileFailed with its words when it did not."""
    done = run(command)
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise CompileFailed(said or f"{command[0]} ended with status {done.returncode}")
    return done.stderr


def linked_once(link: Callable[..., bytes]) -> bytes:
    """Link a module, whose constructors shall run once: `link` takes further options of wasm-ld.

    Where there are any, the linker has every export run them, unless it exports what runs them. It does so
    only here: without constructors that would be an empty function more.
    """
    linked = link()
    return link(EXPORT_CONSTRUCTORS) if wraps_exports(WasmModule.from_bytes(linked)) else linked


def named_or_found(variable: str, name: str, hint: str) -> list[str]:
    """Where a tool may be: what the environment variable names, else every `name` that is installed.

    Looks beside the running Python, where tools/setup puts compilers, then on PATH. Raises UsageFault with
    `hint`, the command that installs it.
    """
    if named := os.environ.get(variable):
        if shutil.which(named) is None:
            raise UsageFault(f"{named} (from {variable}) is no program", hint)
        return [named]
    folders = [str(Path(sys.prefix) / "bin"), *os.get_exec_path()]
    found = [path for folder in folders if (path := shutil.which(name, path=folder))]
    if not found:
        raise UsageFault(f"{name} is not installed", hint)
    return found
