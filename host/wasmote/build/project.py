"""The project file of a module: a TOML file beside its source, `flood.toml` for `flood.c`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from wasmote import limits
from wasmote.build.compilers import COMPILERS, DEFAULT_C_STACK
from wasmote.build.packer import MAX_C_STACK, MAX_PAGES, MemoryPlan
from wasmote.errors import UsageFault
from wasmote.toml_file import TomlFile
from wasmote.wire import manifest as wire

SOURCE_SUFFIXES = (*COMPILERS, ".wasm")
_SUFFIX_HINT = f"a module is built from {', '.join(SOURCE_SUFFIXES)} or its .toml file"
DEFAULT_STACK = 2048
_U32 = Field(ge=0, le=0xFFFF_FFFF)
_DIGEST_LATER = bytes(wire.DIGEST_BYTES)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class InputTable(_Table):
    """`[[input]]`: a sensor that the module listens to."""

    sensor: str
    channels: list[str]
    units: list[str] | None = None
    poll_ms: int | None = Field(None, ge=1, le=0xFFFF_FFFF)

    @model_validator(mode="after")
    def _accepted_by_nodes(self) -> InputTable:
        _translate(self.to_wire)
        return self

    def to_wire(self) -> wire.Input:
        """As the manifest has it."""
        units = (wire.NO_UNIT,) * len(self.channels) if self.units is None else tuple(self.units)
        return wire.Input(self.sensor, tuple(self.channels), units, self.poll_ms)


class StreamTable(_Table):
    """`[[stream]]`: an output of the module, as a list of named fields or as an array of a shape."""

    name: str
    fields_: list[str] | None = Field(None, alias="fields")
    units: list[str] | None = None
    shape: list[int] | None = None
    dtype: Literal["f32"] = "f32"
    rate_ms: int | None = Field(None, ge=1, le=0xFFFF_FFFF)

    @model_validator(mode="after")
    def _accepted_by_nodes(self) -> StreamTable:
        if self.fields_ is None and self.shape is None:
            raise ValueError('needs fields = ["…", …] or shape = [n, …]')
        _translate(self.to_wire)
        return self

    def to_wire(self) -> wire.Stream:
        """As the manifest has it: without `shape`, one dimension with a value for each field."""
        fields = tuple(self.fields_ or ())
        shape = tuple(self.shape) if self.shape is not None else (len(fields),)
        return wire.Stream(self.name, shape, fields, tuple(self.units or ()), rate_ms=self.rate_ms)


class StateTable(_Table):
    """`[state]`: the schema of what a swap hands over; its size is measured."""

    schema_: str = Field(alias="schema")


class Project(_Table):
    """A project file. Sizes are bytes, `pages` counts 16 KiB."""

    name: str
    version: str
    sequence: int = _U32
    source: str
    device_class: str = wire.ANY_DEVICE
    stack: int = Field(DEFAULT_STACK, ge=limits.WASM_STACK_MIN, le=limits.MODULE_STACK_MAX, multiple_of=8)
    c_stack: int = Field(DEFAULT_C_STACK, ge=64, le=MAX_C_STACK, multiple_of=16)
    heap: int = Field(0, ge=0, le=MAX_PAGES * wire.PAGE_BYTES)
    trim: bool = False
    pages: int | None = Field(None, ge=1, le=MAX_PAGES)
    page_bytes: Literal[65536, 16384] = 65536
    event_budget_us: int | None = Field(None, ge=1, le=limits.MODULE_EVENT_BUDGET_MAX_US)
    probation: int | None = Field(None, ge=0, le=0xFFFF_FFFF)
    capabilities: list[str] = []
    input: list[InputTable] = []
    stream: list[StreamTable] = []
    config: dict[str, float] = {}
    state: StateTable | None = None

    @property
    def memory_plan(self) -> MemoryPlan:
        """What the packer is to make of the module's memory."""
        return MemoryPlan(self.pages, self.heap, self.trim, self.page_bytes)

    def to_manifest(self, digest: bytes, *, size: int, pages: int, state_size: int | None) -> wire.Manifest:
        """The manifest of a module built from this, with whole pages; raises InvalidManifest."""
        state = None
        if self.state is not None and state_size is not None:
            state = wire.StateSchema(self.state.schema_, state_size)
        return wire.Manifest(
            name=self.name,
            version=self.version,
            sequence=self.sequence,
            digest=digest,
            size=size,
            pages=pages,
            stack=self.stack,
            streams=tuple(table.to_wire() for table in self.stream),
            inputs=tuple(table.to_wire() for table in self.input),
            config=dict(self.config),
            state=state,
            capabilities=tuple(self.capabilities),
            event_budget_us=self.event_budget_us,
            probation=self.probation,
            device_class=self.device_class,
        )


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """A project and where it came from; `toml` is None when there is no project file."""

    project: Project
    source: Path
    toml: Path | None = None

    @property
    def place(self) -> str:
        """Where to write what is missing, for messages."""
        return str(self.toml or self.source.with_suffix(".toml"))


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says instead of the project file; None leaves it."""

    name: str | None = None
    version: str | None = None
    sequence: int | None = None
    heap: int | None = None
    trim: bool | None = None

    def values(self) -> dict[str, Any]:
        """Those that are given."""
        given = dataclasses.asdict(self)
        return {key: value for key, value in given.items() if value is not None}


NO_OVERRIDES = Overrides()


def check_source(path: Path) -> None:
    """Raise UsageFault for a path that is no module's, whatever is in it."""
    if not path.exists():
        raise UsageFault(f"{path}: no such file", "name the module's source file, or its TOML project file")
    if path.suffix != ".toml" and path.suffix not in SOURCE_SUFFIXES:
        raise UsageFault(f"{path}: is no module", _SUFFIX_HINT)


def load_project(path: Path, overrides: Overrides = NO_OVERRIDES) -> LoadedProject:
    """Load a project file, or the one beside a source file, or defaults where there is none.

    Raises ConfigError (`FILE:LINE:COLUMN: key: reason`) for a bad project file, UsageFault for a bad path.
    """
    check_source(path)
    if path.suffix == ".toml":
        return _from_toml(path, overrides)
    beside = path.with_suffix(".toml")
    if not beside.exists():
        return LoadedProject(_default_project(path, overrides), path)
    loaded = _from_toml(beside, overrides)
    if loaded.source.resolve() != path.resolve():
        raise UsageFault(
            f"{beside}: its source is {loaded.project.source}, not {path.name}",
            f"build {beside}, or correct its source",
        )
    return loaded


def _from_toml(path: Path, overrides: Overrides) -> LoadedProject:
    file = TomlFile(path)
    project = file.parse(Project)
    try:
        _check(project)
    except wire.InvalidManifest as fault:
        reason = fault.message.removeprefix(f"manifest: {fault.field}: ")
        raise file.fault(_place(fault.field), reason, "correct this key and build again") from None
    project = _override(project, overrides)
    source = path.parent / project.source
    if source.suffix not in SOURCE_SUFFIXES:
        raise file.fault(
            ("source",), f"{project.source} is in no language that is compiled here", _SUFFIX_HINT
        )
    if not source.is_file():
        raise file.fault(("source",), f"there is no {source}", "it is looked for beside the project file")
    return LoadedProject(project, source, path)


def _default_project(path: Path, overrides: Overrides) -> Project:
    name = re.sub(r"[^a-z0-9_-]", "-", path.stem.lower())[:31]
    values: Mapping[str, Any] = {"name": name, "version": "0", "sequence": 1, "source": path.name}
    return _override(Project.model_construct(**values), overrides)


def _override(project: Project, overrides: Overrides) -> Project:
    changed = project.model_copy(update=overrides.values())
    _check(changed)
    return changed


def _check(project: Project) -> None:
    """Refuse what no node accepts, before anything is compiled; what a build adds is made up."""
    project.to_manifest(_DIGEST_LATER, size=1, pages=1, state_size=1)


def _place(field: str) -> tuple[str | int, ...]:
    """Where the project file has a field of the manifest."""
    elsewhere: dict[str, tuple[str | int, ...]] = {
        "device class": ("device_class",),
        "inputs": ("input", 0),
        "streams": ("stream", 0),
        "state schema": ("state", "schema"),
    }
    return elsewhere.get(field, tuple(field.split(": ")))


def _translate(make: Callable[[], object]) -> None:
    """Let pydantic report what the manifest refuses, with its place in the file."""
    try:
        make()
    except wire.InvalidManifest as fault:
        raise ValueError(fault.message.removeprefix("manifest: ")) from None
