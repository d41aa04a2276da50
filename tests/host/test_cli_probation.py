"""New modules on the command line: probation, confirming, rolling back; with the host runtime as the node."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from test_move import WASMOTE, running_host
from wasmote.build import build_bundle
from wasmote.cli import main
from wasmote.life import life_notes
from wasmote.wire.modules import Cause, Failure, ModuleState, ModuleStatus

MODULES = Path(__file__).parents[1] / "modules"


class Board:
    """A node, and the command line that talks to it."""

    def __init__(self, link: str) -> None:
        self.link = link

    def wasmote(self, *arguments: str) -> str:
        """Run a command to its end, which is a good one; return what it prints, the notes last."""
        command = [*WASMOTE, *arguments, "--link", self.link]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def run(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin `wasmote run`; return it when the module runs."""
        command = [*WASMOTE, "run", *arguments, "--link", self.link]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for said in ("slot 0: ", "slot 0: on probation"):
            assert process.stdout.readline().startswith(said)
        return process

    def feed(self, time_s: int, value: float) -> None:
        self.wasmote("put", "/sensors/probe", json.dumps([[time_s * 1000, [value]]]))

    def slot(self) -> dict[str, object]:
        module: dict[str, object] = json.loads(self.wasmote("get", "/modules/0"))
        return module


@pytest.fixture
def board() -> Iterator[Board]:
    with running_host() as link:
        yield Board(link)


@pytest.fixture
def bundles(tmp_path: Path) -> list[str]:
    paths = []
    for version in (1, 2):
        path = tmp_path / f"sums_v{version}.bundle"
        path.write_bytes(build_bundle(MODULES / f"sums_v{version}.toml").to_bytes())
        paths.append(str(path))
    return paths


def test_a_pushed_module_is_confirmed_or_rolled_back_by_hand(board: Board, bundles: list[str]) -> None:
    first, second = bundles
    said = board.wasmote("push", first)
    started = "slot 0: sums 1.0.0 (sequence 1) started\n"
    assert said.startswith(started + "slot 0: on probation for 3 events, with nothing to go back to\n")
    assert said.endswith(f"{board.link}: development mode: takes unsigned modules\n")
    assert "sums 1.0.0 runs already; nothing was sent" in board.wasmote("push", first)
    assert "started" not in board.wasmote("push", first)
    assert board.wasmote("confirm") == "slot 0: sums 1.0.0 is running\n"
    assert "on probation for 3 events, else back to sums 1.0.0\n" in board.wasmote("push", second)
    assert "on probation for 3 events, else back to sums 1.0.0\n" in board.wasmote("ls")
    said = board.wasmote("rollback")
    assert said == "slot 0: sums 1.0.0 is running; sums 2.0.0 was rolled back: somebody asked for it\n"
    assert "was rolled back: somebody asked for it" in board.wasmote("ls")
    assert "stopped" in board.wasmote("stop")
    assert "is on the board already; nothing was sent" in board.wasmote("push", first)
    assert "swapped to sums 1.0.0" in board.wasmote("push", first, "--force")


def test_the_first_record_confirms_what_is_run(board: Board) -> None:
    process = board.run(str(MODULES / "sums_v1.toml"))
    assert board.slot()["probation"] == 3
    board.feed(1, 5)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("sums 0 ")
    assert process.stderr is not None
    assert "development mode" in process.stderr.readline()
    assert process.stderr.readline() == "slot 0: sums 1.0.0 is confirmed\n"
    assert "probation" not in board.slot()
    process.terminate()
    process.communicate()


def test_what_had_host_calls_refused_is_not_confirmed(board: Board) -> None:
    process = board.run(str(MODULES / "short.toml"))
    board.feed(1, 5)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("seen 0 ")
    assert process.stderr is not None
    assert "development mode" in process.stderr.readline()
    refused = "1 host call refused: the board's log says which"
    assert process.stderr.readline() == f"slot 0: short 1.0.0 is not confirmed: {refused}\n"
    assert board.slot()["probation"] == 3
    assert refused in board.wasmote("ls")
    process.terminate()
    process.communicate()


@pytest.mark.parametrize("between", [False, True], ids=["same", "back"])
def test_records_of_a_former_life_neither_confirm_nor_count(
    board: Board, bundles: list[str], between: bool
) -> None:
    first, second = bundles
    board.wasmote("push", first)
    board.feed(1, 5)
    board.wasmote("confirm")
    if between:
        board.wasmote("push", second)
        board.wasmote("confirm")
    process = board.run(str(MODULES / "sums_v1.toml"), "--count", "1", "--force")
    assert board.slot()["probation"] == 3
    board.feed(2, 7)
    printed, said = process.communicate()
    assert printed.startswith("sums 1 +2.000s")
    assert len(printed.splitlines()) == 1
    assert "sums 1.0.0 is confirmed" in said


def test_it_is_confirmed_before_a_counted_run_ends(board: Board) -> None:
    process = board.run(str(MODULES / "sums_v1.toml"), "--count", "1")
    board.feed(1, 5)
    process.communicate()
    assert process.returncode == 0
    assert "probation" not in board.slot()


def test_a_run_that_is_rolled_back_fails_with_the_cause(board: Board, bundles: list[str]) -> None:
    board.wasmote("push", bundles[0])
    board.wasmote("confirm")
    process = board.run(str(MODULES / "sums_v2.toml"), "--no-confirm")
    board.feed(1, 5)
    board.feed(2, -1)
    printed, said = process.communicate()
    assert process.returncode == 1
    assert printed.splitlines() == ["sums 0 +1.000s  5 1", "sums 1 +2.000s  -1 1"]  # the old one's, from 0
    assert "error: sums 2.0.0 was rolled back, it trapped: module sums: unreachable" in said
    assert "slot 0: sums 1.0.0 runs again" in said


def test_restarts_and_failures_are_said() -> None:
    trapped = ModuleStatus(0, ModuleState.TRAPPED, "sums", restart_in_ms=1000, traps_in_a_row=2)
    assert list(life_notes(trapped)) == ["starts again in 1.0 s"]
    for_good = replace(trapped, restart_in_ms=None, traps_in_a_row=3)
    assert list(life_notes(for_good)) == ["stays stopped after 3 traps in a row"]
    failure = Failure(Cause.BOOT, bytes(8))
    (said,) = life_notes(ModuleStatus(0, ModuleState.QUARANTINED, "sums", failure=failure))
    assert said == "module 0000000000000000 is left alone: it could not be started after a reset"
    kept = ModuleStatus(0, ModuleState.RUNNING, "sums", probation=0)
    assert list(life_notes(kept)) == ["on probation until it is confirmed"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_shadow_run_that_is_ended_leaves_no_shadow(
    board: Board, bundles: list[str], how: signal.Signals
) -> None:
    first, second = bundles
    board.wasmote("push", first)
    command = [*WASMOTE, "push", second, "--shadow", "1000", "--link", board.link]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while '"state": "running"' not in board.wasmote("get", "/modules/1"):
            pass
        process.send_signal(how)
    assert '"state": "empty"' in board.wasmote("get", "/modules/1")


def test_a_rule_without_a_shadow_run_is_refused_before_anything_is_sent(bundles: list[str]) -> None:
    done = CliRunner().invoke(
        main, ["push", bundles[0], "--promote-if", "traps==0", "--link", "coap://[::1]:1"]
    )
    assert done.exit_code == 2
    assert "--promote-if is the rule of a shadow run" in done.stderr


def test_observe_names_the_values(board: Board, bundles: list[str]) -> None:
    board.wasmote("push", bundles[0])
    board.feed(1, 2.5)
    (stream,) = build_bundle(MODULES / "sums_v1.toml").manifest.streams
    seen = json.loads(board.wasmote("observe", f"/out/0/{stream.name}", "--count", "1"))
    (record,) = seen["records"]
    assert record["fields"] == dict(zip(stream.fields, record["values"], strict=True))


def test_parameters_of_a_running_module(board: Board, tmp_path: Path) -> None:
    path = tmp_path / "scale.bundle"
    bundle = build_bundle(MODULES / "scale.toml")
    path.write_bytes(bundle.to_bytes())
    board.wasmote("push", str(path))
    defaults = dict(bundle.manifest.config)
    name = next(iter(defaults))
    assert board.wasmote("config", f"{name}=7.5").startswith(f"{name} = 7.5 (was ")
    assert json.loads(board.wasmote("config", "--json"))["config"] == defaults | {name: 7.5}
    assert json.loads(board.wasmote("config", "--reset", "--json"))["config"] == defaults
