"""Outputs that take no more - a full disk, a reader that left - end a command with a plain message."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from fake_node import FakeNode
from test_cli import Background
from wasmote.cli.common import run_async
from wasmote.output import Output, OutputFault

FULL = "/dev/full"  # takes nothing (full(4))
NO_SPACE = "error: standard output: cannot be written: No space left on device\n"
COMPLETION = {"_WASMOTE_COMPLETE": "bash_complete", "COMP_WORDS": "wasmote ", "COMP_CWORD": "1"}


def wasmote(*arguments: str, stdout: str = FULL, shell: str = "", **environment: str):
    command = [sys.executable, "-m", "wasmote", *arguments]
    if shell:
        command = ["bash", "-c", f'"$@" {shell}', "bash", *command]
    with open(stdout, "wb") as out:
        return subprocess.run(
            command,
            env=os.environ | environment,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )


@pytest.mark.parametrize(
    "arguments",
    ["", "--help", "--version", "ls --help", "gateway --help", "completion zsh", "setup --udev", "doctor"],
)
def test_a_full_disk_is_named(arguments):
    ended = wasmote(*arguments.split())
    assert (ended.returncode, ended.stderr) == (1, NO_SPACE)


@pytest.mark.parametrize("instruction", ["bash_complete", "bash_source"])
def test_shell_completion_onto_a_full_disk(instruction):
    ended = wasmote(**(COMPLETION | {"_WASMOTE_COMPLETE": instruction}))
    assert (ended.returncode, ended.stderr) == (1, NO_SPACE)


@pytest.mark.parametrize(
    "arguments",
    ["ls", "get /node --json", "get /node --raw", "put /time 0 --json", "observe /out/0/features", "monitor"],
)
@pytest.mark.parametrize("udp", [False, True])
def test_what_a_node_says_does_not_fit(arguments, udp):
    fake = FakeNode()
    fake.emit([1.0])
    fake.say("booted")
    with Background(fake, udp=udp) as background:
        ended = wasmote(*arguments.split(), "--link", background.url)
    assert (ended.returncode, ended.stderr) == (1, NO_SPACE)


def test_a_line_in_a_callback_does_not_fit():
    """Diagnostics of a serial line are printed where the link hands them over, and nothing waits there."""
    fake = FakeNode()
    with Background(fake) as background:
        command = [sys.executable, "-m", "wasmote", "monitor", "--link", background.url]
        with open(FULL, "wb") as full:
            process = subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, text=True)
        background.connected.wait()
        background.diagnose("warning: hot\n")
        _, said = process.communicate()
    assert (process.returncode, said.splitlines()[-1] + "\n") == (1, NO_SPACE)
    assert "Traceback" not in said


@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.parametrize("arguments", ["ls", "monitor"])
def test_a_trace_that_does_not_fit_ends_the_command(arguments, udp):
    with Background(FakeNode(), udp=udp) as background:
        ended = wasmote(*arguments.split(), "--link", background.url, "--trace", FULL, stdout=os.devnull)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"error: {FULL}: cannot be written: No space left on device"
    assert "Traceback" not in ended.stderr


def test_a_reader_that_left_is_no_fault():
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "wasmote", "--help"], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_a_closed_output_is_one_that_takes_nothing():
    ended = wasmote("--version", stdout=os.devnull, shell=">&-")
    assert ended.returncode == 1
    assert ended.stderr == "error: standard output: cannot be written: Bad file descriptor\n"


@pytest.mark.parametrize("shell", [f"2>{FULL}", "2>&-"])
def test_errors_that_nobody_can_read_keep_a_status(shell):
    assert wasmote("nosuch", stdout=os.devnull, shell=shell).returncode == 1


def test_a_fault_in_another_task_cancels_the_command_and_is_raised():
    tidied = []

    @run_async
    async def command() -> None:
        async def beside() -> None:
            with Output(FULL, "the log") as log:
                log.write(b"x")

        task = asyncio.create_task(beside())
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # tidying up may wait
            tidied.append(task.done())

    with pytest.raises(OutputFault, match="the log: cannot be written: No space left on device"):
        command()
    assert tidied == [True]
