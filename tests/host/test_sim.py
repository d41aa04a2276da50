"""The simulator: where images come from, how boards start, are killed and come back, and `wasmote sim`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from wasmote import sim
from wasmote.cli.sim import _start_at_usual_port
from wasmote.errors import DeviceNotFound, NoAnswer, UsageFault
from wasmote.keys import new_key
from wasmote.node import Node
from wasmote.sim import BoardImage, Simulator, SimulatorFault

BOARDS = ("native", "netduinoplus2")


def program(folder: Path, text: str) -> Path:
    """Write a stand-in for the native firmware."""
    path = folder / "firmware.elf"
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(0o755)
    return path


def test_unknown_board_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageFault, match="there is no board nix") as fault:
        BoardImage.find("nix")
    assert (
        fault.value.hint
        == "one of: b-l475e-iot01a, esp32c3-devkitm, native, netduino2, netduinoplus2, nucleo-f446re, "
        "qemu-rv32, stm32f4-discovery, stm32f411-blackpill"
    )


def test_a_beginning_that_only_one_board_has_is_its_name() -> None:
    assert BoardImage.find("esp32c3", Path(__file__)).board == "esp32c3-devkitm"
    assert BoardImage.find("netduino2", Path(__file__)).board == "netduino2"
    with pytest.raises(UsageFault, match="there is no board netduino") as fault:
        BoardImage.find("netduino")
    assert fault.value.hint == "one of: netduino2, netduinoplus2"


def test_the_template_of_boards_is_no_board() -> None:
    with pytest.raises(UsageFault, match="there is no board _template"):
        BoardImage.find("_template")


def test_missing_image_names_the_command_that_builds_it(tmp_path: Path) -> None:
    with pytest.raises(DeviceNotFound) as fault:
        BoardImage.find("netduinoplus2", tmp_path / "none.elf")
    assert fault.value.hint == "build it: make firmware BOARD=netduinoplus2"


@pytest.mark.parametrize(
    ("board", "package"), [("netduinoplus2", "qemu-system-arm"), ("qemu-rv32", "qemu-system-misc")]
)
async def test_missing_qemu_names_the_package(
    board: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "image.elf"
    image.touch()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DeviceNotFound) as fault:
        await Simulator.start(board, image=image)
    assert fault.value.hint.endswith(f" {package}")


async def test_image_that_ends_at_once_is_quoted(tmp_path: Path) -> None:
    image = program(tmp_path, "import sys; sys.exit('no pseudo-terminal here')")
    with pytest.raises(SimulatorFault, match="ended while it started") as fault:
        await Simulator.start("native", image=image)
    assert fault.value.hint == "no pseudo-terminal here"


async def test_silent_image_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = program(tmp_path, "import signal; signal.pause()")
    monkeypatch.setattr(sim, "START_TIMEOUT_S", 0.2)
    with pytest.raises(NoAnswer, match="did not come up"):
        await Simulator.start("native", image=image)


async def test_image_that_greets_in_another_language_is_no_board(tmp_path: Path) -> None:
    image = program(tmp_path, "print('hello')")
    with pytest.raises(SimulatorFault, match=r"firmware\.elf: is no native"):
        await Simulator.start("native", image=image)


DEAF = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print('{"udp": 1, "pty": "/dev/none"}', flush=True)
while True:
    signal.pause()
"""


async def test_a_board_that_does_not_end_when_asked_is_killed_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sim, "STOP_TIMEOUT_S", 0.2)
    simulator = await Simulator.start("native", image=program(tmp_path, DEAF))
    process = simulator.process
    await simulator.stop()
    assert process.returncode == -signal.SIGKILL
    assert "the native hangs: killed 0.2 s after SIGTERM" in caplog.text


CHATTER = """
import sys
print('{"udp": 1, "pty": "/dev/none"}', flush=True)
for _ in range(1000):
    print("x" * 1000)
    print("y" * 1000, file=sys.stderr)
sys.exit("the last words")
"""


async def test_a_chattering_board_never_waits_for_us_and_its_last_words_are_kept(tmp_path: Path) -> None:
    async with await Simulator.start("native", image=program(tmp_path, CHATTER)) as simulator:
        with pytest.raises(SimulatorFault, match="ended with status 1") as fault:
            await simulator.wait()
    assert fault.value.hint.endswith("y\nthe last words")
    assert len(fault.value.hint) <= sim.LAST_WORDS_BYTES


TELLS_ITS_PID = """
import os, signal
print('{"udp": 1, "pty": "%d"}' % os.getpid(), flush=True)
signal.pause()
"""


async def test_a_board_does_not_outlive_a_killed_command(tmp_path: Path) -> None:
    image = program(tmp_path, TELLS_ITS_PID)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wasmote", "sim", "native", "--image", str(image), "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    pid = int(json.loads(await process.stdout.readline())["serial"].removeprefix("serial://"))
    ended, board = asyncio.Event(), os.pidfd_open(pid)
    asyncio.get_running_loop().add_reader(board, ended.set)  # readable when it has ended
    process.kill()
    await process.wait()
    await ended.wait()
    asyncio.get_running_loop().remove_reader(board)
    os.close(board)


async def test_busy_port_is_the_boards_own_message() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(SimulatorFault) as fault:
            await Simulator.start("native", port=taken.getsockname()[1])
    assert "choose one with --udp" in fault.value.hint


@pytest.mark.parametrize("board", BOARDS)
async def test_killed_and_restarted_it_has_the_same_link_and_another_boot_id(board: str) -> None:
    async with await Simulator.start(board, instance=3) as simulator:
        url = simulator.url
        async with await Node.connect(url) as node:
            first = await node.info()
        await simulator.kill()
        await simulator.restart()
        assert simulator.url == url
        async with await Node.connect(url) as node:
            second = await node.info()
    assert first.unique_id == second.unique_id
    assert first.boot_id != second.boot_id


async def test_two_instances_of_a_board_differ_in_link_and_id() -> None:
    async with (
        await Simulator.start("native", instance=0) as one,
        await Simulator.start("native", instance=1) as other,
        await Node.connect(one.url) as one_node,
        await Node.connect(other.url) as other_node,
    ):
        assert (await one_node.info()).unique_id != (await other_node.info()).unique_id


async def test_sigterm_ends_the_native_board_with_status_0() -> None:
    async with await Simulator.start("native") as simulator:
        simulator.process.send_signal(signal.SIGTERM)
        await simulator.wait()
        assert simulator.process.returncode == 0


async def test_native_board_announces_its_links() -> None:
    image = BoardImage.find("native")
    process = await asyncio.create_subprocess_exec(
        *(str(image.path), "--udp", "0", "--id", "0aff"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = json.loads(await process.stdout.readline())
    process.terminate()
    assert await process.wait() == 0
    assert line["board"] == "native"
    assert line["id"] == "0aff"
    assert line["udp"] > 0
    assert line["pty"].startswith("/dev/")
    assert line["pid"] == process.pid


@pytest.mark.parametrize(
    "options", [["--udp", "65536"], ["--udp", "x"], ["--id", "abc"], ["--no-udp", "--no-pty"], ["more"]]
)
async def test_native_board_refuses_options_that_make_no_sense(options: list[str]) -> None:
    image = BoardImage.find("native")
    process = await asyncio.create_subprocess_exec(
        str(image.path), *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 2
    assert out == b""
    assert b"--help" in err


async def command(*options: str) -> tuple[asyncio.subprocess.Process, str]:
    """Start `wasmote sim`; return it and the link that it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wasmote", "sim", *options), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().strip()


@pytest.mark.parametrize("board", BOARDS)
async def test_command_flashes_keys_and_keeps_the_flash(
    board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path / "keys"))
    key = new_key("release")
    flash = ("--flash", str(tmp_path / "flash"))
    for options, escaped in ((("--key", "release", "--without-modules"), True), ((), False)):
        process, url = await command(board, *flash, *options)
        async with await Node.connect(url) as node:
            info = await node.info()
            assert info.key_ids == (key.id,)
            assert info.escaped is escaped
        process.terminate()
        await process.wait()


async def test_command_prints_the_link_and_takes_the_board_along_when_it_ends() -> None:
    process, url = await command("native")
    async with await Node.connect(url) as node:
        assert (await node.info()).board == "native"
    process.terminate()
    await process.wait()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind(("127.0.0.1", int(url.rpartition(":")[2])))  # free again: the board is gone


@pytest.mark.parametrize(("taken", "expected"), [(False, "usual"), (True, None)])
async def test_the_usual_port_is_taken_when_it_is_free(taken, expected, monkeypatch):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        usual = holder.getsockname()[1]
        if not taken:
            holder.close()
        monkeypatch.setattr("wasmote.link.url.COAP_PORT", usual)
        asked = []

        async def start(port=None):
            asked.append(port)

        await _start_at_usual_port(start)
    assert asked == [usual if expected else None]


async def test_the_usual_port_may_be_taken_meanwhile(monkeypatch):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as faster:
        faster.bind(("127.0.0.1", 0))
        usual = faster.getsockname()[1]
        monkeypatch.setattr("wasmote.link.url.COAP_PORT", usual)
        looks = iter([True, False])
        monkeypatch.setattr("wasmote.cli.sim._is_free", lambda _: next(looks))
        asked = []

        async def start(port=None):
            asked.append(port)
            if port is not None:
                raise SimulatorFault("the native ended while it started")

        await _start_at_usual_port(start)
    assert asked == [usual, None]
