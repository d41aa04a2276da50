"""`wasmote flash`: which board is meant, what is said when it fails, and what to type then."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from emulated_rom import RomThread, emulated_rom
from wasmote import devices, restart
from wasmote.cli import main
from wasmote.devices import Device
from wasmote.errors import NoAnswer
from wasmote.flash import images
from wasmote.flash.choose import Wish, choose
from wasmote.flash.flashing import link_of, wait_for_node
from wasmote.flash.images import read_boards
from wasmote.flash.tool import how_to_install
from wasmote.usb import DFU

BOARDS = read_boards()
F4 = ("netduino2", "netduinoplus2", "stm32f4-discovery")
DFU_DEVICE = Device(
    None, bridge="STM32 boot loader (DFU)", vid=DFU[0], pid=DFU[1], serial_number="36", candidates=F4
)
ST_LINK = Device(
    "serial:id=06",
    bridge="ST-LINK/V2-1 virtual COM port",
    port="/dev/ttyACM0",
    vid=0x0483,
    pid=0x374B,
    serial_number="06",
    candidates=("stm32f4-discovery",),
)
BRIDGE = Device(
    "serial:id=0001",
    bridge="CP210x",
    port="/dev/ttyUSB1",
    vid=0x10C4,
    pid=0xEA60,
    serial_number="0001",
    candidates=("esp32c3-devkitm",),
)
ADAPTER = Device("serial:///dev/ttyUSB0", bridge="CH340", port="/dev/ttyUSB0", vid=0x1A86, pid=0x7523)
SIMULATED = Device("tcp://127.0.0.1:1", "netduinoplus2", bridge="emulated", emulated=True)


def chosen(wish: Wish, *plugged: Device) -> tuple[str, str, str | None]:
    way = choose(BOARDS, plugged, wish)
    return way.board.name, way.runner.name, way.device.port or way.device.serial_number


@pytest.mark.parametrize(
    ("wish", "plugged", "way"),
    [
        (Wish("netduinoplus2"), [DFU_DEVICE], ("netduinoplus2", "dfu-util", "36")),
        (Wish("netduinoplus2"), [DFU_DEVICE, ST_LINK, ADAPTER], ("netduinoplus2", "dfu-util", "36")),
        (Wish("stm32f4-discovery"), [ST_LINK], ("stm32f4-discovery", "pyocd", "/dev/ttyACM0")),
        (Wish(), [ST_LINK, ADAPTER, SIMULATED], ("stm32f4-discovery", "pyocd", "/dev/ttyACM0")),
        (Wish("netduinoplus2", port="/dev/ttyUSB0"), [ADAPTER], ("netduinoplus2", "an3155", "/dev/ttyUSB0")),
        (Wish("netduinoplus2", port="/dev/ttyX"), [ADAPTER], ("netduinoplus2", "an3155", "/dev/ttyX")),
        (Wish("netduinoplus2", port="/dev/ttyUSB1"), [BRIDGE], ("netduinoplus2", "an3155", "/dev/ttyUSB1")),
        (Wish("esp32c3-devkitm"), [BRIDGE, ADAPTER], ("esp32c3-devkitm", "esptool", "/dev/ttyUSB1")),
        (Wish(port="/dev/ttyUSB1"), [BRIDGE], ("esp32c3-devkitm", "esptool", "/dev/ttyUSB1")),
        (
            Wish("netduinoplus2", serial_number="36"),
            [DFU_DEVICE, ST_LINK],
            ("netduinoplus2", "dfu-util", "36"),
        ),
        (
            Wish("stm32f4-discovery", runner="dfu-util"),
            [DFU_DEVICE, ST_LINK],
            ("stm32f4-discovery", "dfu-util", "36"),
        ),
    ],
)
def test_the_way_that_is_meant(wish, plugged, way):
    assert chosen(wish, *plugged) == way


@pytest.fixture
def plugged(monkeypatch) -> list[Device]:
    """What `wasmote flash` finds: a list to fill."""
    found: list[Device] = []
    monkeypatch.setattr(devices, "find_devices", lambda: found)
    return found


def flash(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["flash", *arguments])


@pytest.mark.parametrize(
    ("arguments", "there", "status", "words"),
    [
        ("", [], 3, "no board that can be flashed is plugged in"),
        ("netduinoplus2", [], 3, "no netduinoplus2 that can be flashed is plugged in"),
        ("netduinoplus2", [], 3, "dfu-util: set BOOT0 high and press reset"),
        ("netduinoplus2", [ADAPTER], 3, "there is /dev/ttyUSB0 (1a86:7523, CH340)"),
        ("netduinoplus2", [ADAPTER], 3, "and name it with --port"),
        ("netduinoplus2", [SIMULATED], 3, "no netduinoplus2 that can be flashed is plugged in"),
        ("", [DFU_DEVICE], 2, "name it: wasmote flash netduino2 or netduinoplus2 or stm32f4-discovery"),
        ("--port /dev/ttyUSB0", [ADAPTER], 2, "What is on /dev/ttyUSB0 (1a86:7523, CH340) does not tell"),
        (
            "stm32f4-discovery",
            [DFU_DEVICE, ST_LINK],
            2,
            "several devices could be meant, and none was touched",
        ),
        ("stm32f4-discovery", [DFU_DEVICE, ST_LINK], 2, "--id 36"),
        ("", [BRIDGE], 2, "What is on /dev/ttyUSB1 (10c4:ea60, CP210x) does not tell"),
        ("", [BRIDGE], 2, "name it: wasmote flash esp32c3-devkitm"),
        ("esp32c3-devkitm", [BRIDGE, replace(BRIDGE, port="/dev/ttyUSB2")], 2, "--port /dev/ttyUSB2"),
        ("nosuch", [], 2, "there is no board nosuch"),
        ("native", [], 2, "native is not flashed but simulated"),
        ("qemu-rv32", [], 2, "wasmote sim qemu-rv32"),
        ("netduinoplus2 --runner esptool", [DFU_DEVICE], 2, "--runner is one of: dfu-util, pyocd, an3155"),
        ("netduinoplus2 --id nosuch", [DFU_DEVICE], 3, "here are: 36"),
        ("netduinoplus2 --port /dev/ttyNOWHERE", [], 3, "there is no such port"),
        ("netduinoplus2 --port /dev/null", [], 3, "this is no serial port"),
        ("netduinoplus2 --port /dev/null --key nosuch", [], 2, "there is no such key"),
        ("netduinoplus2 --port /dev/null --image none.hex", [], 2, "none.hex: cannot be read"),
        (
            "stm32f4-discovery --runner pyocd --port /dev/ttyUSB0",
            [ADAPTER],
            3,
            "nothing that pyocd could flash",
        ),
    ],
)
def test_what_is_said_and_the_exit_status(plugged, arguments, there, status, words):
    plugged.extend(there)
    result = flash(*arguments.split())
    assert words in result.stderr
    assert result.exit_code == status
    assert result.stdout == ""


def test_a_tool_that_is_not_installed(plugged, monkeypatch):
    plugged.append(DFU_DEVICE)
    monkeypatch.setenv("PATH", "/nowhere")
    result = flash("netduinoplus2")
    assert result.exit_code == 2
    assert "dfu-util is not installed\n  sudo apt install dfu-util" in result.stderr


def test_a_package_that_is_not_installed(plugged, monkeypatch, tmp_path):
    plugged.append(ST_LINK)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pyocd is not installed\n  run tools/setup" in flash("stm32f4-discovery").stderr
    boards = images.board_files()
    monkeypatch.setattr(images, "board_files", lambda: boards)
    image = images.find_image(BOARDS["stm32f4-discovery"]).path
    monkeypatch.setattr(images, "PACKAGED", tmp_path)
    said = flash("stm32f4-discovery", "--image", str(image)).stderr
    assert f"{sys.executable} -m pip install 'wasmote[swd]'" in said


@pytest.fixture
def rom():
    with emulated_rom("netduinoplus2") as rom:
        yield rom


def test_another_boards_image(rom):
    image = str(images.find_image(BOARDS["netduino2"]).path)
    result = flash("netduinoplus2", "--port", rom.port, "--image", image)
    assert result.exit_code == 6
    assert "this image is for netduino2, not for netduinoplus2" in result.stderr
    assert rom.rom.commands == []


def test_another_chip(rom):
    rom.rom.chip_id = 0x411
    result = flash("netduinoplus2", "--port", rom.port)
    assert result.exit_code == 6
    assert "nothing was changed" in result.stderr
    assert "half-written" not in result.stderr


def test_an_image_of_no_board_is_said_to_be_one(rom, tmp_path):
    image = tmp_path / "mine.bin"
    image.write_bytes(b"no name")
    result = flash("netduinoplus2", "--port", rom.port, "--image", str(image))
    assert result.exit_code == 0
    assert "says of no board that it is for it" in result.stderr
    assert "its link is the UART that sends on PB6 and receives on PB7" in result.stderr


def test_unplugged_in_the_middle_says_what_to_type_and_that_works(rom):
    rom.board.unplug_after = 30_000
    result = flash("netduinoplus2", "--port", rom.port)
    assert result.exit_code == 1
    assert "the port is gone: was it unplugged?" in result.stderr
    assert "the board is half-written and does not start" in result.stderr
    command = f"netduinoplus2 --runner an3155 --port {rom.port}"
    assert f"then type: wasmote flash {command}" in result.stderr
    assert rom.flash.read(0x08000000, 16) == b"\xff" * 16  # no vectors: it starts nothing
    with emulated_rom("netduinoplus2") as again:
        again.flash.content[:] = rom.flash.content
        result = flash(*command.replace(rom.port, again.port).split())
        assert result.exit_code == 0, result.stderr


def test_wherever_the_cable_is_pulled_the_state_of_the_board_is_said(rom, tmp_path):
    """Asking, erasing, writing, verifying, starting a short image: at every few bytes of all that is sent."""
    image = tmp_path / "short.bin"
    image.write_bytes(b"0123456789abcdef")
    assert flash("netduinoplus2", "--port", rom.port, "--image", str(image)).exit_code == 0
    before, after = b"used" + b"\xff" * 12, image.read_bytes()
    states = set()
    for count in range(0, rom.board.bytes_in, 5):
        with emulated_rom("netduinoplus2") as pulled:
            pulled.flash.content[:4] = b"used"
            pulled.board.unplug_after = count
            result = flash("netduinoplus2", "--port", pulled.port, "--image", str(image))
            found = pulled.flash.read(0x08000000, 16)
        assert result.exit_code in (1, 5)
        said = next(
            (words for words in ("half-written", "written and verified") if words in result.stderr), ""
        )
        assert said or found == before
        assert said != "written and verified" or found == after
        states.add(said)
    assert states == {"", "half-written", "written and verified"}


def test_what_the_flash_does_not_keep(rom):
    rom.flash.stuck.update(dict.fromkeys(range(0x08010200, 0x08010240), 0xFF))
    result = flash("netduinoplus2", "--port", rom.port)
    assert result.exit_code == 6
    assert "the board is half-written" in result.stderr


def test_write_protection(rom):
    rom.flash.protected.add(5)
    result = flash("netduinoplus2", "--port", rom.port)
    assert result.exit_code == 1
    assert "sector 5 at 0x08020000 is write-protected" in result.stderr
    assert "stm32loader --unprotect" in result.stderr
    assert rom.flash.erased == []


def test_a_busy_port_names_the_program(rom):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import serial, sys; p = serial.Serial(sys.argv[1], exclusive=True); print(); input()",
            rom.port,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    try:
        holder.stdout.readline()
        result = flash("netduinoplus2", "--port", rom.port)
    finally:
        holder.communicate(b"\n")
    assert result.exit_code == 4
    assert f"(process {holder.pid})" in result.stderr


def test_json(rom):
    lines = [
        json.loads(line) for line in flash("netduinoplus2", "--port", rom.port, "--json").stdout.splitlines()
    ]
    assert [line["event"] for line in lines[:2]] == ["chip", "erase"]
    assert {line["event"] for line in lines} == {"chip", "erase", "write", "verify", "flashed"}
    written = [line for line in lines if line["event"] == "write"]
    assert written[-1]["done"] == written[-1]["total"] == lines[-1]["bytes"]
    assert len(lines) < 320  # one for each percent
    assert lines[-1]["sha256"] == images.find_image(BOARDS["netduinoplus2"]).sha256


def test_quiet(rom):
    result = flash("netduinoplus2", "--port", rom.port, "-q")
    assert (result.exit_code, result.output) == (0, "")


def test_ctrl_c_in_the_middle(rom, monkeypatch):
    """The boot loader takes its time for one block, so that the middle lasts until Ctrl-C came."""
    writing, go_on = threading.Event(), threading.Event()
    program = rom.flash.program

    def slowly(address: int, words: bytes) -> None:
        writing.set()
        go_on.wait()
        program(address, words)

    monkeypatch.setattr(rom.flash, "program", slowly)
    process = begin(rom)
    writing.wait()
    process.send_signal(signal.SIGINT)
    go_on.set()
    _, said = process.communicate()
    assert process.returncode == 130
    assert "interrupted" in said
    assert "then type: wasmote flash netduinoplus2 --runner an3155" in said


def begin(rom: RomThread) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "wasmote", "flash", "netduinoplus2", "--port", rom.port, "--json"]
    # A shell has its background jobs ignore SIGINT, and so would all that such a run of the tests starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_board_that_does_not_answer_afterwards(rom, monkeypatch):
    monkeypatch.setattr(restart, "ANSWER_TIMEOUT_S", 0.2)
    result = flash("netduinoplus2", "--port", rom.port, "--link", f"serial://{rom.port}")
    assert result.exit_code == NoAnswer.exit_code
    assert "flashed and verified, but does not answer" in result.stderr
    assert "set BOOT0 low where it has that, press reset, then: wasmote ls" in result.stderr
    assert "half-written" not in result.stderr


def test_where_the_board_answers_afterwards():
    esp = BOARDS["esp32c3-devkitm"]
    port = Device("serial:id=1", "esp32c3-devkitm", port="/dev/ttyACM0", serial_number="1")
    way = choose(BOARDS, [port], Wish("esp32c3-devkitm"))
    assert link_of(way, [port]) == "serial:///dev/ttyACM0"
    assert esp.runners[0].link
    assert link_of(choose(BOARDS, [DFU_DEVICE], Wish("netduinoplus2")), [DFU_DEVICE, ADAPTER]) is None


def test_a_board_of_the_makers_own_ids_needs_no_name():
    port = Device("serial:id=1", "esp32c3-devkitm", port="/dev/ttyACM0", serial_number="1")
    assert chosen(Wish(), port) == ("esp32c3-devkitm", "esptool", "/dev/ttyACM0")


async def test_what_to_press_is_on_the_board(monkeypatch):
    async def silent(link: str) -> None:
        raise NoAnswer(link)

    monkeypatch.setattr("wasmote.flash.flashing.wait_for_start", silent)
    with pytest.raises(NoAnswer) as caught:
        await wait_for_node("serial:///dev/tty 1", "esp32c3-devkitm")
    assert caught.value.hint == "let go of BOOT, press RST, then: wasmote ls --link 'serial:///dev/tty 1'"


def test_what_is_printed_to_be_typed_is_quoted(monkeypatch, tmp_path):
    esp = BOARDS["esp32c3-devkitm"]
    port = Device("serial:id=1", esp.name, port="/dev/serial by id/#1", serial_number="1")
    way = choose(BOARDS, [port], Wish(esp.name))
    assert way.options == "esp32c3-devkitm --runner esptool --port '/dev/serial by id/#1'"
    monkeypatch.setattr(images, "PACKAGED", tmp_path)
    monkeypatch.setattr(sys, "executable", "/home/a b/python")
    assert how_to_install("numpy>=2") == "'/home/a b/python' -m pip install 'numpy>=2'"
