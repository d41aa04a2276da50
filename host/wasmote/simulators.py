"""Emulated boards that run on this machine: each has a JSON file in the user's runtime folder.

A file is locked (flock) by the program that runs the board for as long as that lives, however it ends: who
can lock it knows that the board is gone, and removes it. The folder is in XDG_RUNTIME_DIR, which a login
session sets; without it, as in a container, in the folder for temporary files, where it must be ours alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """An emulated board: its name, its link, slipmux where that is another link, and who runs it."""

    board: str
    link: str
    serial: str | None
    process_id: int


def runtime_folder() -> Path | None:
    """Where running boards are registered, made if need be; None where the user can have no such folder."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and Path(base).is_absolute():
        folder = Path(base) / "wasmote"
    else:
        folder = Path(tempfile.gettempdir()) / f"wasmote-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return folder if is_ours else None  # anybody may have made it, in a folder that all share


@contextlib.contextmanager
def registered(simulator: RunningSimulator, folder: Path | None) -> Iterator[None]:
    """List a board in `folder`, where there is one, as long as this lasts."""
    if folder is None:
        yield
        return
    path = folder / f"sim-{simulator.process_id}.json"
    hidden = path.with_suffix(".new")  # seen by nobody before it is locked and whole
    with hidden.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(asdict(simulator), file)
        file.flush()
        hidden.replace(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def running(folder: Path | None) -> list[RunningSimulator]:
    """Boards that run now, in order of their links; removes what killed ones have left."""
    if folder is None:
        return []
    found = [_read(path) for path in folder.glob("sim-*.json")]
    return sorted((entry for entry in found if entry is not None), key=lambda entry: entry.link)


def _read(path: Path) -> RunningSimulator | None:
    try:
        with path.open(encoding="utf-8") as file:
            if _is_free(file.fileno()):
                path.unlink(missing_ok=True)
                return None
            return RunningSimulator(**json.load(file))
    except (OSError, ValueError, TypeError):  # it ended just now, or is not one of ours
        return None


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
