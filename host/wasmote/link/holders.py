"""Which processes have a device file open, as /proc tells it (proc(5)): fuser, without needing it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PTY_MAKERS = {"/dev/ptmx", "/dev/pts/ptmx"}  # open where a pseudo-terminal was made (pts(4))


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a file open: its id, and its name as ps shows it."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def holders(path: str, proc: Path = PROC) -> list[Holder]:
    """Name the processes that have `path` open, in order of their ids.

    Those of other users are told to root only: an empty list does not mean that there are none. An emulated
    board has its own pseudo-terminal open: it is named only where nobody else is.
    """
    device = os.path.realpath(path)
    found = [Holder(number, name) for number, name in processes(proc) if device in _open_files(proc, number)]
    return [holder for holder in found if not PTY_MAKERS & _open_files(proc, holder.pid)] or found


def processes(proc: Path = PROC) -> Iterator[tuple[int, str]]:
    """Yield (id, name) of every process; a name has at most 15 characters (proc(5), comm)."""
    for process_id in sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdecimal()):
        try:
            yield process_id, (proc / str(process_id) / "comm").read_text(errors="replace").strip()
        except OSError:
            continue  # it has ended


def _open_files(proc: Path, process_id: int) -> set[str]:
    try:
        return {_target(link) for link in (proc / str(process_id) / "fd").iterdir()}
    except OSError:
        return set()  # it has ended, or is somebody else's


def _target(link: Path) -> str:
    """Where a descriptor leads; read as text, for touching a device is what this must not do."""
    try:
        return str(link.readlink())
    except OSError:
        return ""
