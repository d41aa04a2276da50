"""The gateway's configuration: a TOML file of boards, modules and pipelines.

    [gateway]
    store = "../build/gateway.sqlite"   # paths are relative to this file

    [host]                              # optional: this machine as a board, named gateway
    port = 5690

    [http]
    host = "127.0.0.1"                  # the default: nobody but this machine
    port = 8683

    [boards.f405]
    link = "serial:///dev/ttyACM0"

    [modules.flood]                     # runs in slot 0 of every board, unless `boards` names some
    project = "flood.toml"              # built when the gateway starts; or: bundle = "flood.bundle"

    [pipelines.flood]
    source = "flood/features"           # module/stream
    model = { kind = "onnx", file = "flood.onnx" }
    sinks = [{ kind = "stdout" }]

`kind` chooses the class of a model or a sink; further kinds become members of a union, told apart by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from wasmote.errors import UsageFault
from wasmote.link.url import parse_link
from wasmote.toml_file import Place, TomlFile

HOST_BOARD = "gateway"
LOOPBACK = ("127.0.0.1", "::1", "localhost")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,31}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GatewaySettings(_Table):
    """`[gateway]`: where things are kept, and how often they are written down."""

    store: Path = Path("gateway.sqlite")
    commit_every_s: Annotated[float, Field(ge=0, le=60)] = 0.25
    stale_after_s: Annotated[float, Field(gt=0)] = 60.0  # RFC 7641 section 3.3.1; Max-Age is 60 s by default
    confirm_after_records: Annotated[int, Field(ge=0)] = (
        10  # of a new module, all good; 0 leaves it to the board
    )


class HttpSettings(_Table):
    """`[http]`: the address of the HTTP face, on this machine only; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8683

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        if host not in LOOPBACK:
            raise ValueError(
                f"{host} can be reached from other machines, and nothing asks who they are yet: "
                f"take one of {', '.join(LOOPBACK)}"
            )
        return host


class HostSettings(_Table):
    """`[host]`: the gateway as a node, for modules that move to it; port 0 takes a free one."""

    address: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 0


class BoardSettings(_Table):
    """`[boards.NAME]`: how to reach a node."""

    link: str


class ModuleSettings(_Table):
    """`[modules.NAME]`: a module and where it has to run; a bundle file, or a project to build."""

    bundle: Path | None = None
    project: Path | None = None
    slot: Annotated[int, Field(ge=0)] = 0
    boards: tuple[Name, ...] | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.bundle is None) == (self.project is None):
            raise ValueError("needs either `bundle` (a file) or `project` (a TOML to build), not both")
        return self


class OnnxModelSettings(_Table):
    """A model for onnxruntime."""

    kind: Literal["onnx"]
    file: Path


class StdoutSinkSettings(_Table):
    """Predictions as JSON lines on standard output."""

    kind: Literal["stdout"]


class PipelineSettings(_Table):
    """`[pipelines.NAME]`: from a module's stream through a model to sinks; all predictions are stored too."""

    source: str
    model: OnnxModelSettings
    sinks: tuple[StdoutSinkSettings, ...] = ()

    @field_validator("source")
    @classmethod
    def _module_and_stream(cls, source: str) -> str:
        if not re.fullmatch(r"[a-z0-9_-]{1,31}/[a-z0-9_-]{1,31}", source):
            raise ValueError(f"{source!r} is not MODULE/STREAM, as in 'flood/features'")
        return source

    @property
    def module(self) -> str:
        """The module's name in `[modules]`."""
        return self.source.split("/")[0]

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self.source.split("/")[1]


class GatewayConfig(_Table):
    """A whole configuration. `load` checks the names against each other and makes the paths absolute."""

    gateway: GatewaySettings = GatewaySettings()
    http: HttpSettings = HttpSettings()
    host: HostSettings | None = None
    boards: Annotated[Mapping[Name, BoardSettings], Field(min_length=1)]
    modules: Mapping[Name, ModuleSettings] = {}
    pipelines: Mapping[Name, PipelineSettings] = {}

    def boards_of(self, module: str) -> tuple[str, ...]:
        """The boards that a module of `[modules]` runs on."""
        boards = self.modules[module].boards
        return tuple(self.boards) if boards is None else boards

    def places_of(self, pipeline: str) -> frozenset[tuple[str, int]]:
        """(board, slot) of every stream that feeds a pipeline."""
        module = self.pipelines[pipeline].module
        return frozenset((board, self.modules[module].slot) for board in self.boards_of(module))


def load(path: Path, links: Sequence[str] = ()) -> GatewayConfig:
    """Read a configuration file; `links` (NAME=URL) replace the links of boards.

    Raises ConfigError with file, line and column, or UsageFault for a link of an unknown board.
    """
    file = TomlFile(path)
    config = file.parse(GatewayConfig)
    for location, problem, hint in _contradictions(config):
        raise file.fault(location, problem, hint)
    return _with_links(_absolute(config, path.parent), links)


def _contradictions(config: GatewayConfig) -> list[tuple[Place, str, str]]:
    """Links and names that lead nowhere, and two modules in one place."""
    found: list[tuple[Place, str, str]] = []
    if config.host is not None and HOST_BOARD in config.boards:
        found.append(
            (("boards", HOST_BOARD), "with [host], this name is the gateway's own", "rename the board")
        )
    for name, board in config.boards.items():
        try:
            parse_link(board.link)
        except UsageFault as fault:
            found.append((("boards", name, "link"), fault.message, fault.hint))
    taken: dict[tuple[str, int], str] = {}
    for name, module in config.modules.items():
        for place in config.boards_of(name):
            if place not in config.boards:
                hint = f"boards are: {', '.join(config.boards)}"
                found.append((("modules", name, "boards"), f"there is no board {place!r}", hint))
            other = taken.setdefault((place, module.slot), name)
            if other != name:
                problem = f"slot {module.slot} of board {place!r} is taken by module {other!r}"
                found.append(
                    (("modules", name), problem, "give one of them another `slot` or other `boards`")
                )
    for name, pipeline in config.pipelines.items():
        if pipeline.module not in config.modules:
            hint = f"modules are: {', '.join(config.modules) or 'none'}"
            found.append((("pipelines", name, "source"), f"there is no module {pipeline.module!r}", hint))
    return found


def _absolute(config: GatewayConfig, folder: Path) -> GatewayConfig:
    """The same configuration with paths that no longer depend on where the file was."""
    root = folder.resolve()

    def at(path: Path | None) -> Path | None:
        return None if path is None else (root / path).resolve()

    modules = {
        name: module.model_copy(update={"bundle": at(module.bundle), "project": at(module.project)})
        for name, module in config.modules.items()
    }
    pipelines = {
        name: pipeline.model_copy(
            update={"model": pipeline.model.model_copy(update={"file": at(pipeline.model.file)})}
        )
        for name, pipeline in config.pipelines.items()
    }
    settings = config.gateway.model_copy(update={"store": at(config.gateway.store)})
    return config.model_copy(update={"gateway": settings, "modules": modules, "pipelines": pipelines})


def _with_links(config: GatewayConfig, links: Sequence[str]) -> GatewayConfig:
    boards = dict(config.boards)
    for link in links:
        name, equals, url = link.partition("=")
        if not equals or not url:
            raise UsageFault(f"--link {link}: is not NAME=URL", "as in --link f405=tcp://127.0.0.1:4444")
        if name not in boards:
            raise UsageFault(f"--link {link}: there is no board {name!r}", f"boards are: {', '.join(boards)}")
        parse_link(url)
        boards[name] = boards[name].model_copy(update={"link": url})
    return config.model_copy(update={"boards": boards})


def override(config: GatewayConfig, *, store: Path | None, port: int | None) -> GatewayConfig:
    """Replace what a command line may replace; a relative `store` is relative to where we are."""
    if store is not None:
        settings = config.gateway.model_copy(update={"store": store.resolve()})
        config = config.model_copy(update={"gateway": settings})
    if port is not None:
        config = config.model_copy(update={"http": config.http.model_copy(update={"port": port})})
    return config
