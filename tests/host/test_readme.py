"""README.md cannot rot: its tutorial is typed into shells and its outputs are compared, its commands are run.

Fences tell what a block is. ```c alarm.c is a file of the tutorial; ```console is a session: `$ ` begins a
command, the lines after it are its output. Commands of terminal-1, -2 and so on may go on after their block,
and a later block of the same terminal then begins with what they print. ```sh is a list of commands.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from wasmote.sim import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMPT = "$ "

# What differs from run to run: ports, terminals, durations; and what differs from compiler to compiler.
VARIABLE = re.compile(
    r"(?<=127\.0\.0\.1:)\d+|(?<=/dev/pts/)\d+|(?<=SHA-256 )(?:[0-9a-f]{64}|\.\.\.)"
    r"|\d[\d,]*(?= us of its own time without)"
    r"|(?<= data )[\d,]+|(?<= heap )[\d,]+"
    r"|(?<=  RAM     )[\d,]+(?= bytes of)|(?<=, code )[\d,]+(?=, the rest)|(?<=, the rest )[\d,]+"
    r"|(?<=\.bundle, )[\d,]+(?= bytes)|\d[\d,]*(?= bytes, SHA-256)"
)

# Commands of ```sh blocks that are not run here, and why.
ELSEWHERE = {
    "tools/demo": "tests/host/test_gateway_emulated.py runs the demo",
    "tools/test": "this is it",
    "WASMOTE_DATA=nrfa-55002-rainfall-flow.csv tools/demo": "needs data that is not in the repository",
    "make firmware BOARD=native": "tools/test runs it before the tests",
    "pip install wasmote[gateway]": "tools/setup installs what it stands for",
    "make wheel": "tests/e2e/test_flash.py builds the wheel",
    "pip install build/wheel/*.whl": "tests/e2e/test_flash.py installs it into a fresh environment",
    "wasmote demo": "tests/e2e/test_wheel.py runs it from the wheel",
    "wasmote flash stm32f4-discovery": "needs a board: tests/e2e/test_flash.py flashes an emulated one",
    "wasmote gateway run models/flood/gateway.toml": "needs two boards: tests/host/test_gateway_emulated.py",
}
UNTIL_CTRL_C = ("sim", "run", "watch", "observe", "monitor")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the word after it, its text."""

    language: str
    note: str
    text: str


@dataclass(frozen=True)
class Step:
    """A command, or None where output goes on, and the lines that are printed."""

    command: str | None
    output: tuple[str, ...]


def blocks(*languages: str) -> list[Block]:
    return [Block(m[1], m[2] or "", m[3]) for m in FENCE.finditer(README) if m[1] in languages]


def steps(block: Block) -> Iterator[Step]:
    command: str | None = None
    output: list[str] = []
    for line in block.text.splitlines():
        if not line.startswith(PROMPT):
            output.append(line)
            continue
        if command is not None or output:
            yield Step(command, tuple(output))
        command, output = line.removeprefix(PROMPT), []
    yield Step(command, tuple(output))


class Reader:
    """Knows what the README's ports and the like are called in this run."""

    def __init__(self) -> None:
        self._here: dict[str, str] = {}

    def translate(self, command: str) -> str:
        return VARIABLE.sub(lambda match: self._here.get(match[0], match[0]), command)

    def compare(self, expected: str, printed: str) -> None:
        assert VARIABLE.sub("*", printed) == VARIABLE.sub("*", expected)
        self._here.update(zip(VARIABLE.findall(expected), VARIABLE.findall(printed), strict=True))


class Terminal:
    """A shell that is typed into. What a command prints is compared as far as the README shows it."""

    END = "--- end of output, status"

    def __init__(self, reader: Reader, folder: Path) -> None:
        self._reader = reader
        self._shell = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    def run(self, step: Step) -> None:
        """Run a command to its end: nothing but the output shown, and status 0."""
        self.begin(step, ending=f'; echo "{self.END} $?"')
        assert self._line() == f"{self.END} 0"

    def begin(self, step: Step, ending: str = "") -> None:
        """Begin a command, or go on with the one before, and wait for the output shown."""
        if step.command is not None:
            self._type(self._reader.translate(step.command) + ending)
        for expected in step.output:
            self._reader.compare(expected, self._line())

    def _type(self, command: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(command + "\n")
        self._shell.stdin.flush()

    def _line(self) -> str:
        assert self._shell.stdout is not None
        return self._shell.stdout.readline().rstrip("\n")

    def close(self) -> None:
        """Press Ctrl-C and leave."""
        os.killpg(self._shell.pid, signal.SIGINT)
        self._shell.communicate()


def environment(**more: str) -> dict[str, str]:
    here = {name: value for name, value in os.environ.items() if not name.startswith("WASMOTE_")}
    return here | {"PATH": f"{Path(sys.executable).parent}:{here['PATH']}", **more}


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[dict[str, Terminal]]:
    """The shells of a session, by name; all in one folder, which holds the files that the README shows."""
    for block in blocks("c", "toml"):
        (tmp_path / block.note).write_text(block.text)
    reader = Reader()
    names = dict.fromkeys(block.note for block in blocks("console"))
    opened = {name: Terminal(reader, tmp_path) for name in names}
    yield opened
    for terminal in reversed(opened.values()):
        terminal.close()


def test_the_tutorial_does_what_it_says(terminals):
    for block in blocks("console"):
        for step in steps(block):
            terminal = terminals[block.note]
            if block.note:
                terminal.begin(step)
            else:
                terminal.run(step)


def test_a_session_is_split_into_commands_and_outputs():
    block = Block("console", "", "more\n$ one\nout\n\n$ two\n")
    assert list(steps(block)) == [Step(None, ("more",)), Step("one", ("out", "")), Step("two", ())]


def test_ports_are_translated_and_all_else_is_compared():
    reader = Reader()
    reader.compare("coap://127.0.0.1:40213", "coap://127.0.0.1:1234")
    assert reader.translate("ls --link coap://127.0.0.1:40213") == "ls --link coap://127.0.0.1:1234"
    with pytest.raises(AssertionError):
        reader.compare("slot 0: 7 us of its own time without", "slot 1: 9 us of its own time without")


def commands() -> list[str]:
    lines = (line for block in blocks("sh") for line in block.text.splitlines())
    return [" ".join(shlex.split(line, comments=True)) for line in lines if line.strip()]


def test_what_is_not_run_here_is_in_the_readme():
    assert ELSEWHERE.keys() <= set(commands())


def test_the_other_commands_run(tmp_path):
    """All in the order of the README, against one board; those that go on forever up to their first line."""
    (tmp_path / "models").symlink_to(ROOT / "models")
    (tmp_path / "FILE.csv").write_text(
        "".join(
            f"{day:02}-{month:02}-2020, {day % 7}.5, {day}.25\n"
            for month in range(1, 13)
            for day in range(1, 29)
        )
    )
    running: list[subprocess.Popen[str]] = []
    known: dict[str, str] = {}
    try:
        for command in commands():
            if command in ELSEWHERE:
                continue
            words = shlex.split(command)
            if words[0] == "export":
                continue  # the link of this run is another one
            assert words[0] == "wasmote", f"say in ELSEWHERE who runs it: {command}"
            if words[1] in UNTIL_CTRL_C:
                process = begin(words, tmp_path, known)
                running.append(process)
                if words[1] != "sim":
                    interrupt(running.pop())
            else:
                done = subprocess.run(
                    words, cwd=tmp_path, env=environment(**known), capture_output=True, text=True, check=False
                )
                # The doctor's verdict is on this machine.
                assert done.returncode == 0 or words[1] == "doctor", f"{command}: {done.stderr}"
    finally:
        for process in running:
            interrupt(process)


def begin(words: list[str], folder: Path, known: dict[str, str]) -> subprocess.Popen[str]:
    """Start a command and wait for its first line; that of a simulator is the link of all others."""
    process = subprocess.Popen(
        words, cwd=folder, env=environment(**known), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline().strip()
    if not line:
        pytest.fail(f"{' '.join(words)}: {process.stderr.read()}")
    if words[1] == "sim":
        known["WASMOTE_LINK"] = line
    return process


def interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130, said
