"""A module from source to bundle: compile, pack, check, ask, describe."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from wasmote.build import abi, probe
from wasmote.build.compilers import Compiled, compile_source
from wasmote.build.limit_check import check_limits, function_names
from wasmote.build.packer import Packed, pack
from wasmote.build.project import NO_OVERRIDES, LoadedProject, Overrides, Project, load_project
from wasmote.build.unhandled import check_announced
from wasmote.build.wasm import WasmModule
from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import config_to_cbor

F32_BYTES = 4


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A bundle, where it came from, and what compiler and packer said (warnings; may be empty)."""

    bundle: Bundle
    loaded: LoadedProject
    warnings: str


def build_bundle(project: Path, *, check_imports: bool = True) -> Bundle:
    """Build a bundle from a module's TOML project file, or from a source file with one beside it.

    The same source gives the same bytes. `check_imports=False` leaves it to the node to refuse unknown
    imports: for tests of nodes. Raises UsageFault (no compiler, bad project file), CompileFailed,
    PackRefused.
    """
    return build(project, check_imports=check_imports).bundle


def build(project: Path, overrides: Overrides = NO_OVERRIDES, *, check_imports: bool = True) -> BuildResult:
    """Build a bundle, as `build_bundle`, and keep what a person wants to know about it."""
    loaded = load_project(project, overrides)
    linked = _linked(loaded)
    packed = pack(linked.wasm, loaded.project.memory_plan)
    noted = linked.warnings + packed.note + _check(packed, loaded, linked, check_imports=check_imports)
    return BuildResult(_describe(packed, loaded), loaded, noted)


def _linked(loaded: LoadedProject) -> Compiled:
    if loaded.source.suffix == ".wasm":
        return Compiled(loaded.source.read_bytes(), "")
    return compile_source(loaded.source, loaded.project.c_stack)


def _check(packed: Packed, loaded: LoadedProject, linked: Compiled, *, check_imports: bool) -> str:
    """Check a packed module in the order in which a person would mend it; return what is to be warned of."""
    probe.validate(packed.wasm)  # first: what follows relies on indices that are in range
    module = WasmModule.from_bytes(packed.wasm)
    check_limits(module, function_names(WasmModule.from_bytes(linked.wasm)))
    if check_imports:
        abi.check_imports(module)
    abi.check_exports(module)
    abi.check_against_project(module, loaded)
    return check_announced(module, loaded, linked.functions)


def _describe(packed: Packed, loaded: LoadedProject) -> Bundle:
    """Ask a checked module what only it knows, and join it with its manifest."""
    project = loaded.project
    found = probe.ask(packed.wasm, _largest_sample(project), _largest_config(project), packed.memory_bytes)
    manifest = project.to_manifest(
        hashlib.sha256(packed.wasm).digest(),
        size=len(packed.wasm),
        pages=packed.pages,
        state_size=found.state_size,
    )
    measured = dataclasses.replace(manifest, memory_bytes=packed.memory_bytes, memory_use=packed.use)
    return Bundle(measured, packed.wasm)


def _largest_sample(project: Project) -> int:
    return F32_BYTES * max((len(table.channels) for table in project.input), default=0)


def _largest_config(project: Project) -> int:
    """Bytes of the config when every parameter is set to a value that takes a float64."""
    return len(config_to_cbor(dict.fromkeys(project.config, 0.1)))
