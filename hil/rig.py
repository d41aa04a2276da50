"""A rig: the boards on a bench, named in a TOML file, and how to reach them. README.md has an example."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from wasmote.node import Node
from wasmote.toml_file import TomlFile


@dataclass(frozen=True, slots=True)
class RigBoard:
    """One board of a rig: its name there, what it is (a folder in boards/), and its link."""

    name: str
    board: str
    link: str


class _Board(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    board: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+$")]
    link: Annotated[str, StringConstraints(pattern=r"^[a-z0-9+]+:.+")]


class _Rig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    boards: Annotated[dict[str, _Board], Field(min_length=1)]


def load_rig(path: Path) -> tuple[RigBoard, ...]:
    """Read a rig's file. Raises ConfigError with file, line and column."""
    rig = TomlFile(path).parse(_Rig)
    return tuple(RigBoard(name, entry.board, entry.link) for name, entry in rig.boards.items())


async def empty_slots(node: Node) -> None:
    """Remove every module, so that a test finds the board as if it had just started."""
    for slot in range((await node.info()).slots):
        await node.remove(slot)
