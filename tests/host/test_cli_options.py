"""What all commands have in common: -q, -v, --json, NO_COLOR, examples, completion, exit statuses."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shlex
import shutil
import socket
import subprocess
import sys

import pytest
import rich_click as click
from click.testing import CliRunner
from serial import Serial

from fake_node import FakeNode
from test_cli import Background, board, bundle, bundle_file
from wasmote import doctor
from wasmote.cli import COMMANDS, main
from wasmote.doctor import Finding, State

__all__ = ["bundle_file"]  # a fixture

INSTALLED = [
    *((name,) for name in COMMANDS if name != "gateway"),
    *(("gateway", name) for name in ("run", "check")),
]


@pytest.fixture(autouse=True)
def restored_log_level():
    log = logging.getLogger("wasmote.coap")
    before = log.level
    yield
    log.setLevel(before)


@pytest.mark.parametrize("arguments", [("-q", "push"), ("push", "-q"), ("push", "--quiet")])
def test_quiet_before_and_after_the_command(arguments, bundle_file):
    with Background(FakeNode()) as background:
        result = CliRunner().invoke(main, [*arguments, str(bundle_file), "--link", background.url])
    assert (result.exit_code, result.output) == (0, "")


def test_quiet_still_prints_what_was_asked_for():
    with board() as wasmote:
        assert json.loads(wasmote("get", "/node", "-q").output)["board"] == "fake"
        assert wasmote("ls", "-q").output != ""
        assert "there is no /nothing" in wasmote("-q", "get", "/nothing").stderr


@pytest.mark.parametrize(
    ("arguments", "level"),
    [
        (["get", "/node"], logging.CRITICAL),
        (["-v", "get", "/node"], logging.INFO),
        (["get", "-v", "/node"], logging.INFO),
        (["-v", "get", "/node", "-v"], logging.DEBUG),
        (["get", "/node", "-vvv"], logging.DEBUG),
        (["-q", "get", "/node"], logging.CRITICAL),
    ],
)
def test_verbose_before_and_after_the_command(arguments, level):
    with board() as wasmote:
        assert wasmote(*arguments).exit_code == 0
    assert logging.getLogger("wasmote.coap").level == level


@pytest.mark.parametrize(("no_color", "colored"), [("1", False), ("", True)])
def test_no_color(no_color, colored, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", (lambda: [Finding(State.OK, "python", "3")],))
    result = CliRunner(env={"NO_COLOR": no_color}).invoke(main, ["doctor"], color=True)
    assert ("\x1b[" in result.output) is colored


@pytest.mark.parametrize("arguments", ["nosuch", "--nosuch", "push", "push --nosuch", "gateway nosuch", "-h"])
@pytest.mark.parametrize(("no_color", "colored"), [("1", False), ("", True)])
def test_no_color_in_usage_errors_and_help(arguments, no_color, colored):
    """On a terminal, where rich would color them."""
    environment = os.environ | {"NO_COLOR": no_color, "TERM": "xterm"}
    controller, terminal = os.openpty()
    try:
        command = [sys.executable, "-m", "wasmote", *arguments.split()]
        done = subprocess.run(command, env=environment, stdout=terminal, stderr=terminal, check=False)
        os.close(terminal)
        shown = read_all(controller)
    finally:
        os.close(controller)
    assert done.returncode == (0 if arguments == "-h" else 2)
    assert b"Usage" in shown
    assert (b"\x1b" in shown) is colored


def read_all(controller: int) -> bytes:
    """What a terminal was sent; once nobody has it open, reading it fails."""
    shown = b""
    with contextlib.suppress(OSError):
        while piece := os.read(controller, 65536):
            shown += piece
    return shown


def test_a_misspelt_command_is_guessed():
    assert "Did you mean observe?" in CliRunner().invoke(main, ["obsreve"]).stderr
    assert "Did you mean" not in CliRunner().invoke(main, ["zzz"]).stderr


@pytest.mark.parametrize(("group", "command"), [([], "devices"), (["gateway"], "check")])
def test_a_group_without_a_command_prints_its_help(group, command):
    result = CliRunner().invoke(main, group)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Usage:" in result.stdout
    assert command in result.stdout


def test_progress_bars_are_for_terminals(tmp_path, bundle_file):
    with board() as wasmote:
        assert "\x1b" not in wasmote("push", str(bundle_file)).output
        assert "━" not in wasmote("push", str(bundle_file)).output


def test_replay_tells_its_progress_as_json(tmp_path):
    file = tmp_path / "days.csv"
    file.write_text("01-01-2020, 1.0, 2.0\n02-01-2020, 1.5, 2.5\n")
    with board() as wasmote:
        result = wasmote("replay", str(file), "--sensor", "river", "--json")
        quiet = wasmote("replay", str(file), "--sensor", "river", "-q")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert events[-2:] == [
        {"event": "progress", "done": 2, "total": 2},
        {"event": "fed", "sensor": "river", "fed": 2, "samples": 2},
    ]
    assert quiet.stdout == ""


def test_gateway_check_as_json():
    result = CliRunner().invoke(main, ["gateway", "check", "models/flood/gateway.toml", "--json"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    assert said["pipelines"] == 1


def test_gateway_check_counts_in_words(tmp_path):
    file = tmp_path / "gateway.toml"
    file.write_text('[boards.a]\nlink = "coap://a"\n')
    result = CliRunner().invoke(main, ["gateway", "check", str(file)])
    assert result.output == f"{file}: 1 board, 0 modules, 0 pipelines, all fit\n"


def test_help_of_every_command_has_examples_that_parse(monkeypatch, tmp_path):
    monkeypatch.setenv("WASMOTE_LINK", "coap://127.0.0.1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models/flood").mkdir(parents=True)
    for name in ("alarm.c", "models/flood/flood.toml"):
        (tmp_path / name).touch()
    for path in INSTALLED:
        shown = examples_of(find(path))
        assert shown, path
        for line in shown:
            words = shlex.split(line, comments=True)
            assert words[: 1 + len(path)] == ["wasmote", *path], line
            redirected = next((at for at, word in enumerate(words) if word.startswith(">")), len(words))
            with find(path).make_context(path[-1], words[1 + len(path) : redirected]):
                pass  # raises for an option or an argument that there is not


def find(path: tuple[str, ...]) -> click.Command:
    command: click.Command = main
    with click.Context(main) as context:
        for name in path:
            assert isinstance(command, click.Group)
            found = command.get_command(context, name)
            assert found is not None
            command = found
    return command


def examples_of(command: click.Command) -> list[str]:
    _, _, lines = (command.help or "").partition("\b\nExamples:\n")
    return [line.strip() for line in lines.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell):
    script = CliRunner().invoke(main, ["completion", shell]).output
    assert f"_WASMOTE_COMPLETE={shell}_complete" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: tools/setup --peers")
    checked = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("wasmote mon", "plain,monitor"),
        ("wasmote push --js", "plain,--json"),
        ("wasmote -q gateway c", "plain,check"),
    ],
)
def test_completion_completes(words, expected):
    environment = os.environ | {
        "_WASMOTE_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "wasmote"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [expected]


def test_nothing_at_a_udp_address_is_3():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    result = CliRunner().invoke(main, ["ls", "--link", f"coap://127.0.0.1:{port}"])
    assert result.exit_code == 3
    assert "nothing answers there" in result.stderr


def test_a_busy_port_is_4_and_names_who_holds_it():
    controller, device = os.openpty()
    try:
        path = os.ttyname(device)
        with Serial(path, exclusive=True):
            result = CliRunner().invoke(main, ["ls", "--link", f"serial://{path}"])
    finally:
        os.close(controller)
        os.close(device)
    assert result.exit_code == 4
    assert f"(process {os.getpid()})" in result.stderr
    assert "close that program" in result.stderr


def test_push_of_a_changed_bundle_is_6(tmp_path):
    changed = bytearray(bundle().to_bytes())
    changed[-1] ^= 1
    path = tmp_path / "changed.bundle"
    path.write_bytes(changed)
    result = CliRunner().invoke(main, ["push", str(path), "--link", "tcp://127.0.0.1:1"])
    assert result.exit_code == 6


def test_what_is_no_gateway_is_named():
    arguments = ["move", "flood", "f405", "gateway", "--gateway", "foo"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "error: foo is no address of a gateway" in result.stderr


LONG = "a" * 2000


@pytest.mark.parametrize(
    "arguments",
    [
        ("build", LONG),
        ("run", LONG + ".toml", "--link", "tcp://127.0.0.1:1"),
        ("push", LONG, "--link", "tcp://127.0.0.1:1"),
        ("keys", "trust", LONG, "--link", "tcp://127.0.0.1:1"),
        ("sim", "native", "--image", LONG),
        ("sim", "native", "--flash", LONG),
        ("sim", "native", "--key", LONG),
        ("replay", LONG, "--sensor", "level", "--link", "tcp://127.0.0.1:1"),
        ("ls", "--trace", LONG, "--link", "tcp://127.0.0.1:1"),
    ],
)
def test_a_path_that_the_system_refuses_is_named(arguments):
    result = CliRunner().invoke(main, list(arguments))
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {LONG}")
    assert "File name too long" in result.stderr
