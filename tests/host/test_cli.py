"""The command line against the fake peer: what is printed where, and with which status a command ends."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager

import cbor2
import pytest
from aiocoap import Code
from click.testing import CliRunner

from fake_line import FakeServer, fake_udp
from fake_node import FakeNode
from wasmote.cli import COMMANDS, main
from wasmote.cli.push import choose_slot
from wasmote.cli.render import jsonable, plain
from wasmote.cli.value import cbor_of_json
from wasmote.errors import Busy
from wasmote.node import Reply
from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import Manifest, Stream
from wasmote.wire.modules import ModuleState, ModuleStatus
from wasmote.wire.records import Records


class Background:
    """A fake node that is served by a loop of its own, as commands bring their own loop along."""

    def __init__(self, fake: FakeNode, *, udp: bool = False) -> None:
        self.fake = fake
        self.url = ""
        self.connected = threading.Event()
        self._server: FakeServer | None = None
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._done = asyncio.Event()
        serve = self._serve_udp if udp else self._serve
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(serve(),))

    async def _serve(self) -> None:
        async with FakeServer(self.fake, on_connect=self.connected.set) as self._server:
            await self._until_done(self._server.url)

    async def _serve_udp(self) -> None:
        async with fake_udp(self.fake) as url:
            await self._until_done(url)

    async def _until_done(self, url: str) -> None:
        self.url = url
        self._ready.set()
        await self._done.wait()

    def call(self, action: Callable[[], object]) -> None:
        """Make something happen on the node."""
        self._loop.call_soon_threadsafe(action)

    def diagnose(self, text: str) -> None:
        """Let the node say something on its serial line."""
        assert self._server is not None
        self.call(lambda: self._server.line.diagnostic(text))

    def __enter__(self) -> Background:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()
        self._loop.close()


@contextmanager
def board(fake: FakeNode | None = None):
    with Background(fake or FakeNode()) as background:

        def wasmote(*arguments: str, stdin: bytes | None = None):
            return CliRunner().invoke(main, [*arguments, "--link", background.url], input=stdin)

        yield wasmote


def bundle() -> Bundle:
    module = b"\0asm\1\0\0\0"
    manifest = Manifest(
        name="fake",
        version="1.0.0",
        sequence=1,
        digest=hashlib.sha256(module).digest(),
        size=len(module),
        pages=1,
        stack=1024,
        streams=(Stream("features", (2,)),),
        inputs=(),
    )
    return Bundle(manifest, module)


@pytest.fixture
def bundle_file(tmp_path):
    path = tmp_path / "fake.bundle"
    path.write_bytes(bundle().to_bytes())
    return path


def test_ls_shows_the_node():
    fake = FakeNode()
    fake.slots[1] = ModuleStatus(
        1, ModuleState.TRAPPED, "flood", "1.0.0", events=3, traps=1, error="out of bounds"
    )
    with board(fake) as wasmote:
        shown = wasmote("ls")
        as_json = wasmote("ls", "--json")
    assert shown.exit_code == 0
    for word in ("fake", "flood 1.0.0", "trapped", "out of bounds", "rain [mm], flow [m3/s]"):
        assert word in shown.output
    parsed = json.loads(as_json.output)
    assert parsed["modules"][1]["state"] == "trapped"
    assert parsed["node"]["boot_id"] == b"boot".hex()


def test_get_prints_names_instead_of_keys():
    fake = FakeNode()
    fake.emit([0.1, float("nan")], 1000)
    with board(fake) as wasmote:
        node = json.loads(wasmote("get", "/node").output)
        records = json.loads(wasmote("get", "out/0/features?since=none", "--json").output)
        text = wasmote("get", "/text")
        raw = wasmote("get", "/modules/0/config", "--raw")
    assert node["board"] == "fake"
    assert node["reset_cause"] == "power"
    assert records["records"][0]["values"] == [0.1, "nan"]
    assert text.output == "plain\n"
    assert cbor2.loads(raw.stdout_bytes) == {"alpha": 0.5}


def test_put_sends_json_as_cbor(tmp_path):
    fake = FakeNode()
    value = tmp_path / "config.json"
    value.write_text('{"beta": 2}')
    with board(fake) as wasmote:
        assert wasmote("put", "/modules/0/config", '{"alpha": 0.25}').exit_code == 0
        assert wasmote("put", "/modules/0/config", f"@{value}").exit_code == 0
        assert wasmote("put", "/modules/0/config", "-", stdin=b'{"gamma": 3}').exit_code == 0
        refused = wasmote("put", "/modules/0/control", '{"0": 0}', "--post")
        wrong = wasmote("put", "/modules/0/config", "alpha=1")
    assert fake.configs[0] == {"alpha": 0.25, "beta": 2, "gamma": 3}
    assert refused.exit_code == 1
    assert "4.09 Conflict: nothing is installed" in refused.stderr
    assert wrong.exit_code == 2
    assert "VALUE is not JSON" in wrong.stderr


@pytest.mark.parametrize(("listeners", "said"), [(1, ""), (None, ""), (0, "no module that runs listens")])
def test_put_says_when_readings_reach_nobody(listeners, said):
    fake = FakeNode()
    fake.listeners = listeners
    with board(fake) as wasmote:
        result = wasmote("put", "/sensors/river", "[[1, [2, 3]]]")
    assert (result.exit_code, result.stdout) == (0, "/sensors/river: 2.04 Changed\n")
    assert said in result.stderr
    assert bool(said) == bool(result.stderr)


def test_put_of_a_bundle_file_is_a_bundle(bundle_file):
    fake = FakeNode()
    with board(fake) as wasmote:
        assert wasmote("put", "/modules/1", f"@{bundle_file}").exit_code == 0
    assert fake.bundles[1] == bundle().to_bytes()


def test_observe_ends_after_count_and_deregisters():
    fake = FakeNode()
    fake.emit([1.5], 7)
    with board(fake) as wasmote:
        result = wasmote("observe", "/out/0/features", "--count", "1")
        assert json.loads(result.output)["records"][0]["values"] == [1.5]
        assert wasmote("get", "/node").exit_code == 0
        assert fake.observers == {}


def test_push_starts_then_swaps(bundle_file):
    fake = FakeNode()
    with board(fake) as wasmote:
        started = wasmote("push", str(bundle_file))
        swapped = wasmote("push", str(bundle_file))
        events = [
            json.loads(line) for line in wasmote("push", str(bundle_file), "--json").stdout.splitlines()
        ]
    assert started.stdout == "slot 0: fake 1.0.0 (sequence 1) started\n"
    assert started.stderr.endswith(": development mode: takes unsigned modules\n")
    assert "swapped to fake" in swapped.output
    assert "state was handed over, 120 us of its own time without a running module" in swapped.output
    assert events[-2]["event"] == "progress"
    assert events[-1]["event"] == "swap"
    assert fake.bundles == {0: bundle().to_bytes()}


def test_a_start_beside_another_module_is_told(bundle_file):
    fake = FakeNode()
    other = ModuleStatus(0, ModuleState.RUNNING, "alarm", "1.2.0")
    fake.slots[0] = other
    with board(fake) as wasmote:
        started = wasmote("push", str(bundle_file))
    assert started.stdout.startswith(
        "slot 1: fake 1.0.0 (sequence 1) started, beside alarm 1.2.0 in slot 0, which goes on\n"
    )


def test_parameters_are_read_and_set():
    fake = FakeNode()
    fake.slots[0] = ModuleStatus(0, ModuleState.RUNNING, "fake", "1.0.0")
    fake.configs[0] = {"alpha": 0.5, "hold": 3.0}
    with board(fake) as wasmote:
        assert wasmote("config").stdout == "alpha = 0.5\nhold = 3\n"
        assert wasmote("config", "alpha=-2.5e-1").stdout == "alpha = -0.25 (was 0.5)\nhold = 3\n"
        as_json = json.loads(wasmote("config", "hold=4", "--slot", "0", "--json").stdout)
        none = wasmote("config", "--slot", "1")
    assert as_json == {"slot": 0, "config": {"alpha": -0.25, "hold": 4}}
    assert fake.configs[0] == {"alpha": -0.25, "hold": 4}
    assert (none.stdout, none.stderr) == ("", "slot 1: this module has no parameters\n")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (["alpha=1e400"], "alpha=1e400: 1e400 is no number"),
        (["alpha=nan"], "alpha=nan: nan is no number"),
        (["alpha=true"], "alpha=true: true is no number"),
        (["alpha=1_0"], "alpha=1_0: 1_0 is no number"),
        (["alpha="], "alpha=: nothing is no number"),
        (["alpha"], "alpha: is no KEY=VALUE"),
        (["=1"], "=1: is no KEY=VALUE"),
        (["alpha=1", "alpha=2"], "alpha=2: alpha is set twice"),
        (["alhpa=1"], "the module has no parameter alhpa\n  did you mean alpha? Its parameters: alpha"),
    ],
)
def test_what_is_no_parameter_is_refused(settings, problem):
    fake = FakeNode()
    fake.slots[0] = ModuleStatus(0, ModuleState.RUNNING, "fake", "1.0.0")
    with board(fake) as wasmote:
        refused = wasmote("config", *settings)
    assert refused.exit_code == 2
    assert problem in refused.stderr
    assert fake.configs[0] == {"alpha": 0.5}


def test_run_builds_pushes_and_follows(monkeypatch, tmp_path):
    monkeypatch.setattr("wasmote.cli.push.build_aloud", lambda _: bundle())
    fake = FakeNode()
    fake.emit([0.0, 1.0], 0)
    with board(fake) as wasmote:
        result = wasmote("run", str(tmp_path / "fake.toml"), "--count", "1", "--json")
    assert result.exit_code == 0
    record = json.loads(result.output.splitlines()[-1])
    assert (record["event"], record["stream"], record["values"]) == ("record", "features", [0.0, 1.0])


def test_errors_say_what_and_how_to_mend_it(tmp_path, monkeypatch):
    with board() as wasmote:
        unknown = wasmote("get", "/nothing")
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "4.04 Not Found: there is no /nothing" in unknown.stderr
    assert "lists what the node has" in unknown.stderr

    def status(*arguments: str) -> tuple[int, str]:
        result = CliRunner(env={"WASMOTE_LINK": None}).invoke(main, arguments)
        return result.exit_code, result.stderr

    monkeypatch.setattr("wasmote.devices.find_devices", list)
    code, said = status("ls")
    assert code == 3
    assert "None is plugged in, and no emulated one runs" in said
    assert "WASMOTE_LINK" in said
    assert status("ls", "--link", "COM3")[0] == 2
    assert status("ls", "--link", "serial:///dev/wasmote-none")[0] == 3
    assert status("push", str(tmp_path / "none.bundle"), "--link", "tcp://127.0.0.1:1")[0] == 2
    junk = tmp_path / "junk.bundle"
    junk.write_bytes(bytes(range(0x40, 0x60)))
    code, said = status("push", str(junk), "--link", "tcp://127.0.0.1:1")
    assert code == 2
    assert f"{junk}: not a bundle: 29 bytes follow the module" in said
    assert status("nonsense")[0] == 2
    for project in ("my door.toml", "door.c"):
        code, said = status("push", project, "--link", "tcp://127.0.0.1:1")
        assert code == 2
        assert said.startswith(f"error: {project} is no bundle: that is a project\n  `wasmote run ")
    said = status("push", "my door.toml", "--link", "tcp://127.0.0.1:1")[1]
    assert "`wasmote run 'my door.toml'`" in said


def test_the_link_may_come_from_the_environment():
    with Background(FakeNode()) as background:
        result = CliRunner(env={"WASMOTE_LINK": background.url}).invoke(main, ["ls"])
    assert result.exit_code == 0


def test_choose_slot():
    empty, other = ModuleStatus(1, ModuleState.EMPTY), ModuleStatus(0, ModuleState.RUNNING, "other")
    assert choose_slot([other, empty], "flood") == 1
    assert choose_slot([other, empty], "other") == 0
    with pytest.raises(Busy, match="no slot is free for flood"):
        choose_slot([other], "flood")


def test_cbor_is_shown_as_json():
    senml = Reply(Code.CONTENT, cbor2.dumps([{-2: "urn:dev:", 0: "temp", 2: 21.5}]), 112)
    assert jsonable(senml, "/sensors/temp") == [{"bn": "urn:dev:", "n": "temp", "v": 21.5}]
    assert plain(cbor2.CBORTag(85, b"\0\0\x80\x3f\xcd\xcc\xcc\x3d")) == [1.0, 0.1]
    assert plain({1: b"\x01\xff", "n": [None, True, float("inf")]}) == {"1": "01ff", "n": [None, True, "inf"]}
    assert jsonable(Reply(Code.CONTENT, b"\x01\x02", 42), "/x") == "0102"
    assert plain(Records(b"boot", 0, 1, ()))["boot_id"] == b"boot".hex()


def test_json_becomes_cbor():
    content = b'{"0": 1, "1": {"features": 7, "x": [-2.5, null, true, "text"]}}'
    expected = {0: 1, 1: {"features": 7, "x": [-2.5, None, True, "text"]}}
    assert cbor2.loads(cbor_of_json(content, "/modules/0/control")) == expected
    samples = b"[[253402300799999, [1, 3.4e38]]]"
    assert cbor2.loads(cbor_of_json(samples, "sensors/level")) == [[253402300799999, [1, 3.4e38]]]


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("/modules/0/config", '{"alpha": NaN}', "VALUE.alpha: NaN is no finite number"),
        ("/modules/0/config", '{"alpha": 1e400}', "VALUE.alpha: 1e400 is no finite number"),
        ("/modules/0/config", '{"alpha": 1, "alpha": 2}', "VALUE: 'alpha' is there twice"),
        ("/modules/0/config", '{"alpha": true}', "VALUE.alpha: true is no number"),
        ("/modules/0/config", '{"7": 1}', "VALUE: 7 is no name of a parameter"),
        ("/modules/0/config", "[]", "VALUE: [] is no map"),
        ("/time", "-Infinity", "VALUE: -Infinity is no finite number"),
        ("/time", "1" + "0" * 30, "has more than 64 bits"),
        ("/sensors/river", "[[1, [1e39]]]", "VALUE[0][1][0]: 1e+39 does not fit a binary32 number"),
        ("/sensors/river", "[[1, [1, -1e400]]]", "VALUE[0][1][1]: -1e400 is no finite number"),
        (
            "/sensors/river",
            "[[1, [2]], [9223372036854775807, [1]]]",
            "VALUE[1][0]: 9223372036854775807 is no",
        ),
        ("/sensors/river", "[[9900.5, [1]]]", "VALUE[0][0]: 9900.5 is no time\n  a time is a whole number"),
        ("/sensors/river", "[true]", "VALUE[0]: true is no reading"),
        ("/sensors/river", "[[1, [1]], null]", "VALUE[1]: null is no reading"),
        ("/sensors/river", '[[1, ["1"]]]', 'VALUE[0][1][0]: "1" is no number'),
        ("/sensors/river", "[]", "VALUE: [] is no list of readings"),
        ("/x", "[" * 100_000, "VALUE is not JSON"),
    ],
)
def test_put_names_the_place_of_what_no_node_takes(path, value, problem):
    fake = FakeNode()
    with board(fake) as wasmote:
        refused = wasmote("put", path, "-", stdin=value.encode())
    assert refused.exit_code == 2
    assert problem in refused.stderr
    assert fake.requests == []


def test_ctrl_c_deregisters_and_ends_with_130():
    fake = FakeNode()
    fake.emit([1.0])
    with Background(fake) as background:
        command = [sys.executable, "-c", "from wasmote.cli import main; main()"]
        process = subprocess.Popen(
            [*command, "observe", "/out/0/features", "--link", background.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.stderr.read() == b""
        assert process.returncode == 130
        assert fake.observers == {}


class Monitored:
    """A running `wasmote monitor`, read line by line."""

    def __init__(self, url: str, *options: str) -> None:
        command = [sys.executable, "-c", "from wasmote.cli import main; main()", "monitor", *options]
        self.process = subprocess.Popen(
            [*command, "--link", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()
        return self.process.returncode


def test_monitor_shows_the_kept_log_then_diagnostics():
    fake = FakeNode()
    fake.say("booted")
    with Background(fake) as background:
        monitored = Monitored(background.url)
        assert monitored.line() == "info: booted"
        background.diagnose("warning: hot")
        assert monitored.line() == "warning: hot"
        assert monitored.interrupt() == 130


def test_monitor_shows_what_a_board_says_that_does_not_answer():
    fake = FakeNode()
    fake.silent = True
    with Background(fake) as background:
        monitored = Monitored(background.url, "--json")
        background.connected.wait()
        background.diagnose("fault: bus error at 0x20000000\n")
        assert json.loads(monitored.line()) == {
            "kind": "diagnostic",
            "text": "fault: bus error at 0x20000000",
        }
        assert monitored.interrupt() == 130


def test_monitor_over_udp_follows_the_log():
    fake = FakeNode()
    fake.say("booted")
    with Background(fake, udp=True) as background:
        monitored = Monitored(background.url, "--json")
        assert json.loads(monitored.line())["text"] == "booted"
        background.call(lambda: (fake.say("one"), fake.say("two")))
        assert [json.loads(monitored.line())["text"] for _ in range(2)] == ["one", "two"]
        assert monitored.interrupt() == 130


def test_help_lists_every_command():
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for command in COMMANDS:
        assert f" {command} " in result.output
