"""C of ours as a shared library, compiled once for the same sources, whichever test asks for it first."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "tests" / "libraries"


def shared_library(
    name: str,
    flags: Sequence[str],
    sources: Sequence[Path],
    headers: Iterable[Path],
    libraries: Sequence[str] = (),
) -> ctypes.CDLL:
    """Compile `sources` unless these very bytes, with these headers and flags, were compiled before."""
    digest = hashlib.sha256("\0".join([*flags, *libraries]).encode())
    for path in [*sources, *sorted(headers)]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    library = FOLDER / f"lib{name}-{digest.hexdigest()[:16]}.so"
    if not library.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:  # whole, or not there: others may ask too
            new = Path(folder) / library.name
            command = ["gcc", *flags, "-fPIC", "-shared", *map(str, sources), *libraries, "-o", str(new)]
            subprocess.run(command, check=True)
            os.replace(new, library)
    return ctypes.CDLL(str(library))
