"""Which processes have a device file open, as /proc tells it (proc(5)): fuser, without needing it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a file open: its id, and its name as ps shows it."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def holders(path: str, proc: Path = PROC) -> list[Holder]:
    """Name the processes that have `path` open, in order of their ids.

    Those of other users are told to root only: an empty list does not mean that there are none.
    """
    device = os.path.realpath(path)
    return [
        Holder(process_id, name) for process_id, name in processes(proc) if _holds(proc, process_id, device)
    ]


def processes(proc: Path = PROC) -> Iterator[tuple[int, str]]:
    """Yield (id, name) of every process; a name has at most 15 characters (proc(5), comm)."""
    for process_id in sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdecimal()):
        try:
            yield process_id, (proc / str(process_id) / "comm").read_text(errors="replace").strip()
        except OSError:
            continue  # it has ended


def _holds(proc: Path, process_id: int, device: str) -> bool:
    try:
        return any(_target(link) == device for link in (proc / str(process_id) / "fd").iterdir())
    except OSError:
        return False  # it has ended, or is somebody else's


def _target(link: Path) -> str:
    """Where a descriptor leads; read as text, for touching a device is what this must not do."""
    try:
        return str(link.readlink())
    except OSError:
        return ""
