"""The scripts of the WebAssembly specification's test suite, as wabt's wast2json turns them into commands.

They come out of two source packages (suite.lock). Where both have a file in a syntax that wabt reads, the
first one's is taken: the later one lost assertions to features that the engine does not have.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from debian_source import load_lock, pinned_file

ROOT = Path(__file__).resolve().parents[2]
LOCK = Path(__file__).with_name("suite.lock")
OUTPUT = ROOT / "build" / "spec" / "suite"

# What the engine takes is tried first. Files from before multi-value ask that it is refused.
FEATURES = (
    ("--disable-reference-types", "--disable-simd"),
    ("--disable-reference-types", "--disable-simd", "--disable-multi-value"),
)

# Spellings of before 2017, which wabt does not read: a block's result, a segment's table, an infinity.
OLD_SPELLINGS = (
    (re.compile(r"\((if|block|loop)( \$[^\s()]+)? (i32|i64|f32|f64)\b"), r"(\1\2 (result \3)"),
    (re.compile(r"\(elem \$\w+ "), "(elem "),
    (re.compile(r"\binfinity\b"), "inf"),
)


@dataclass(frozen=True)
class Script:
    """One .wast file: its commands, and the folder that holds its modules."""

    name: str
    folder: Path
    commands: tuple[dict[str, Any], ...]

    def module(self, command: dict[str, Any]) -> bytes:
        """The bytes of a command's module."""
        return (self.folder / command["filename"]).read_bytes()


@dataclass(frozen=True)
class Suite:
    """What was converted, and the files that were not: name and what wabt said."""

    scripts: tuple[Script, ...]
    refused: dict[str, str]


def load() -> Suite:
    """Fetch and convert, unless that was done before; raises FetchError."""
    sources = load_lock(LOCK)
    archives = [pinned_file(source) for source in sources]
    stamp, wanted = (
        OUTPUT / "stamp",
        hashlib.sha256(LOCK.read_bytes() + Path(__file__).read_bytes()).hexdigest(),
    )
    if not stamp.exists() or stamp.read_text() != wanted:
        refused: dict[str, str] = {}
        for archive in archives:
            _convert_all(archive, refused)
        (OUTPUT / "refused.json").write_text(json.dumps(refused, indent=1))
        stamp.write_text(wanted)
    scripts = [_read(path) for path in sorted(OUTPUT.glob("*/script.json"))]
    return Suite(tuple(scripts), json.loads((OUTPUT / "refused.json").read_text()))


def _read(path: Path) -> Script:
    return Script(path.parent.name, path.parent, tuple(json.loads(path.read_text())["commands"]))


def _convert_all(archive: Path, refused: dict[str, str]) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if path.suffix != ".wast" or path.parent.parts[1:] != ("test", "spec") or ".fail" in path.name:
                continue
            folder = OUTPUT / path.stem
            if (folder / "script.json").exists():
                continue
            folder.mkdir(parents=True, exist_ok=True)
            source = tar.extractfile(member)
            assert source is not None
            (folder / path.name).write_bytes(source.read())
            said = _convert(folder / path.name, folder / "script.json")
            if said:
                refused[path.stem] = said
            else:
                refused.pop(path.stem, None)


def _convert(source: Path, target: Path) -> str:
    """Run wast2json; returns what it has against the file, or nothing."""
    said = _try_features(source, target)
    if said:
        text = source.read_text("latin-1")
        for old, new in OLD_SPELLINGS:
            text = old.sub(new, text)
        source.write_text(text, "latin-1")
        said = _try_features(source, target)
    return said


def _try_features(source: Path, target: Path) -> str:
    said = ""
    for features in FEATURES:
        command = ["wast2json", *features, "-o", str(target), str(source)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            return ""
        target.unlink(missing_ok=True)
        said = said or answer.stderr.partition(": error: ")[2].splitlines()[0]
    return said
