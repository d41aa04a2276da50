"""Other people's programs: found or named with the command that installs them, run, and listened to."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from typing import IO

from packaging.requirements import Requirement

from wasmote.errors import UsageFault
from wasmote.flash import images
from wasmote.flash.runner import FlashFault
from wasmote.shell import command

LAST_WORDS = 6  # lines of what a tool said that are shown when it failed
_LINE_END = re.compile(rb"[\r\n\b]+")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class ToolFailed(FlashFault):
    """The program ended with an error; `said` is what it said last."""

    def __init__(self, name: str, status: int, said: str) -> None:
        super().__init__(f"{name} failed with status {status}" + (f":\n{said}" if said else ""))
        self.said = said


def find_program(name: str, package: str) -> str:
    """Return the path of a program; raises `UsageFault` with the Debian package that has it."""
    path = shutil.which(name)
    if path is None:
        raise UsageFault(f"{name} is not installed", f"sudo apt install {package}")
    return path


def find_module(name: str) -> tuple[str, ...]:
    """Return the command that runs a Python package; raises `UsageFault` with the one that installs it."""
    if importlib.util.find_spec(name) is None:
        raise UsageFault(f"{name} is not installed", how_to_install(wanted(name)))
    return sys.executable, "-m", name


def how_to_install(requirement: str) -> str:
    """Return the command that installs a Python package beside this one; a checkout's set-up has them all."""
    return (
        command(sys.executable, "-m", "pip", "install", requirement)
        if images.PACKAGED.is_dir()
        else "run tools/setup"
    )


def wanted(package: str) -> str:
    """Return what to install for a package: the whole extra that it belongs to (pyproject.toml).

    What a user needs of it seldom comes alone.
    """
    name = metadata.metadata("wasmote")["Name"]
    for extra in metadata.metadata("wasmote").get_all("Provides-Extra") or ():
        if package in packages_of(extra):
            return f"{name}[{extra}]"
    return package


def packages_of(extra: str) -> dict[str, Requirement]:
    """Return the packages of an extra, by name."""
    lines = map(Requirement, metadata.requires("wasmote") or ())
    return {
        line.name: line
        for line in lines
        if line.marker is not None
        and line.marker.evaluate({"extra": extra})
        and not line.marker.evaluate({"extra": ""})
    }


def run(command: Sequence[str], on_line: Callable[[str], None] = lambda _: None) -> str:
    """Run a program to its end, and return all that it printed; raises `ToolFailed`.

    `on_line` gets every line at once, those too that end in a carriage return, as progress bars do. When we
    are interrupted the program is ended.
    """
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )
    except OSError as fault:
        raise UsageFault(f"{command[0]} does not run: {fault.strerror}") from fault
    said: list[str] = []
    last: deque[str] = deque(maxlen=LAST_WORDS)
    with process:
        try:
            assert process.stdout is not None
            for line in _lines(process.stdout):
                said.append(line)
                if not last or _shape(last[-1]) != _shape(line):
                    last.append(line)
                on_line(line)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        name = command[2] if command[0] == sys.executable else command[0].rpartition("/")[2]
        raise ToolFailed(name, process.returncode, "\n".join(last))
    return "\n".join(said)


def _shape(line: str) -> str:
    """A progress bar without its figures: only the first of its lines is worth repeating."""
    return re.sub(r"[\d#=.]+", "", line)


def _lines(output: IO[bytes]) -> Iterator[str]:
    rest = b""
    while chunk := output.read(4096):
        *whole, rest = _LINE_END.split(rest + chunk)
        yield from filter(None, map(_clean, whole))
    if text := _clean(rest):
        yield text


def _clean(line: bytes) -> str:
    return _ESCAPE.sub("", line.decode(errors="replace")).strip()
