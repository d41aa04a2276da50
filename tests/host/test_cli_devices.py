"""`wasmote devices`: ports told apart without opening them, and what comes and goes."""

from __future__ import annotations

import asyncio
import builtins
import io
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from fake_node import INFO, FakeNode
from test_cli import Background
from wasmote import devices, simulators
from wasmote.cli import main
from wasmote.devices import (
    UNKNOWN,
    Device,
    device_files,
    find_devices,
    identify,
    watch_devices,
)
from wasmote.flash import images
from wasmote.link.url import parse_link
from wasmote.simulators import RunningSimulator, registered, running
from wasmote.usb import BRIDGES, PORTLESS, Claim, find_portless, read_claims
from wasmote.wire.modules import ModuleState, ModuleStatus


def port(
    device: str, vid: int | None = None, pid: int | None = None, serial: str | None = None
) -> ListPortInfo:
    found = ListPortInfo(device)
    found.vid, found.pid, found.serial_number = vid, pid, serial
    return found


ST_LINK = port("/dev/ttyACM0", 0x0483, 0x374B, "0667FF")
CH340 = port("/dev/ttyUSB0", 0x1A86, 0x7523)
CP2102 = [port(f"/dev/ttyUSB{number}", 0x10C4, 0xEA60, "0001") for number in (2, 10)]
BUILT_IN = port("/dev/ttyS0")


def test_bridges_are_named_by_their_ids():
    named = {device.port: device.bridge for device in identify([ST_LINK, CH340, *CP2102, BUILT_IN], {})}
    assert named == {
        "/dev/ttyACM0": "ST-LINK/V2-1 virtual COM port",
        "/dev/ttyUSB0": "CH340",
        "/dev/ttyUSB2": "CP210x",
        "/dev/ttyUSB10": "CP210x",
        "/dev/ttyS0": UNKNOWN,
    }


def test_a_bridge_alone_does_not_tell_the_board():
    assert [device.board for device in identify([ST_LINK, BUILT_IN], {})] == [UNKNOWN, UNKNOWN]
    shared = {(0x0483, 0x374B): (Claim("nucleo", shared=True),)}
    assert [(device.board, device.candidates) for device in identify([ST_LINK], shared)] == [
        (UNKNOWN, ("nucleo",))
    ]


def test_ids_of_its_own_tell_the_board():
    own = {(0x0483, 0x374B): (Claim("nucleo", note="nucleo: look here"),)}
    device = identify([ST_LINK], own)[0]
    assert (device.board, device.candidates, device.notes) == ("nucleo", (), ("nucleo: look here",))


def test_ids_that_several_boards_name_tell_none():
    both = {(0x0483, 0x374B): (Claim("nucleo"), Claim("discovery"))}
    device = identify([ST_LINK], both)[0]
    assert (device.board, device.candidates) == (UNKNOWN, ("nucleo", "discovery"))


def test_the_link_is_the_serial_number_where_that_names_one_port():
    links = {device.port: device.link for device in identify([ST_LINK, CH340, *CP2102], {})}
    assert links == {
        "/dev/ttyACM0": "serial:id=0667FF",
        "/dev/ttyUSB0": "serial:///dev/ttyUSB0",  # a CH340 has none
        "/dev/ttyUSB2": "serial:///dev/ttyUSB2",  # two that say the same
        "/dev/ttyUSB10": "serial:///dev/ttyUSB10",
    }
    for link in links.values():
        assert str(parse_link(link)) == link


def test_ports_are_in_natural_order():
    assert [device.port for device in identify(reversed(CP2102), {})] == ["/dev/ttyUSB2", "/dev/ttyUSB10"]


def write_board(folder: Path, name: str, usb: str) -> None:
    (folder / name).mkdir()
    (folder / name / "board.toml").write_text(f'name = "{name}"\n{usb}\n')


def test_boards_say_in_their_files_how_they_are_known(tmp_path):
    write_board(tmp_path, "mine", "usb = [{ vid = 0x1209, pid = 0x0001 }, { vid = 0x303A, pid = 0x1001 }]")
    write_board(tmp_path, "yours", 'usb = [{ vid = 0x303A, pid = 0x1001, shared = true, note = "so" }]')
    write_board(tmp_path, "without", "")
    assert read_claims(sorted(tmp_path.glob("*/board.toml"))) == {
        (0x1209, 0x0001): (Claim("mine"),),
        (0x303A, 0x1001): (Claim("mine"), Claim("yours", shared=True, note="so")),
    }


def test_the_boards_here_show_what_is_shared():
    """Neither has USB ids of its own: what is plugged in is an ST-LINK or the chip's boot loader."""
    claims = read_claims(images.board_files().values())
    assert Claim("netduinoplus2", True) in [replace(claim, note=None) for claim in claims[0x0483, 0xDF11]]
    for usb_id in ((0x0483, 0x374B), (0x0483, 0x3748), (0x0483, 0xDF11)):
        assert usb_id in BRIDGES or usb_id in PORTLESS
        assert "stm32f4-discovery" in [claim.board for claim in claims[usb_id] if claim.shared]


def plug_in(sysfs: Path, name: str, vid: str, pid: str, **more: str) -> None:
    for file, text in {"idVendor": vid, "idProduct": pid, **more}.items():
        path = sysfs / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def test_boards_without_a_serial_port(tmp_path):
    plug_in(tmp_path, "usb1", "1d6b", "0002")
    plug_in(tmp_path, "1-1", "0483", "df11", serial="3652", product="STM32  BOOTLOADER")
    plug_in(tmp_path, "1-1:1.0", "0483", "df11")  # an interface of it
    plug_in(tmp_path, "1-2", "0483", "3748", product="STM32 STLink")
    plug_in(tmp_path, "1-3", "0483", "374b")  # has a port
    (tmp_path / "1-4").mkdir()  # on its way out
    assert [(device.pid, device.serial_number, device.product) for device in find_portless(tmp_path)] == [
        (0xDF11, "3652", "STM32  BOOTLOADER"),
        (0x3748, None, "STM32 STLink"),
    ]


def test_usb_ids_are_four_hexadecimal_digits():
    assert Device("serial:///dev/x", vid=0x483, pid=0x374B).usb_id == "0483:374b"
    assert all(0 < number <= 0xFFFF for usb_id in [*BRIDGES, *PORTLESS] for number in usb_id)
    assert not BRIDGES.keys() & PORTLESS.keys()


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[ListPortInfo]:
    """The ports of this machine: a list to change."""
    ports: list[ListPortInfo] = []
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    monkeypatch.setattr(devices, "find_portless", lambda: find_portless(tmp_path / "usb"))
    monkeypatch.setattr(images, "CHECKOUT", tmp_path)
    (tmp_path / "boards").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return ports


def test_no_port_is_opened(plugged, monkeypatch):
    plugged.extend([ST_LINK, CH340])
    opened: list[str] = []
    real_open, real_os_open = io.open, os.open

    def spy(path, *arguments, **options):
        opened.append(str(path))
        return real_open(path, *arguments, **options)

    def os_spy(path, *arguments, **options):
        opened.append(str(path))
        return real_os_open(path, *arguments, **options)

    monkeypatch.setattr(builtins, "open", spy)
    monkeypatch.setattr(io, "open", spy)
    monkeypatch.setattr(os, "open", os_spy)
    assert len(find_devices()) == 2
    assert not [path for path in opened if path.startswith("/dev/tty")]


def test_devices_as_a_table_and_as_json(plugged):
    plugged.extend([ST_LINK, CH340])
    table = CliRunner().invoke(main, ["devices"]).output.splitlines()
    assert table[0].split() == ["link", "board", "is", "port", "usb", "firmware", "modules", "mode"]
    assert table[1].startswith("serial:id=0667FF")
    assert re.search("1a86:7523  - +- +not asked$", table[2])
    lines = [json.loads(line) for line in CliRunner().invoke(main, ["devices", "--json"]).output.splitlines()]
    assert lines[0] == {
        "link": "serial:id=0667FF",
        "board": "unknown",
        "bridge": "ST-LINK/V2-1 virtual COM port",
        "port": "/dev/ttyACM0",
        "usb": "0483:374b",
        "serial_number": "0667FF",
        "emulated": False,
    }


def test_what_answers_without_a_port_is_asked_whose_modules_it_takes(monkeypatch):
    with Background(FakeNode(), udp=True) as board:
        found = [
            Device(board.url, "native", emulated=True),
            Device("tcp://127.0.0.1:1", "netduino2", emulated=True),
        ]
        monkeypatch.setattr(devices, "find_devices", lambda: found)
        table = CliRunner().invoke(main, ["devices"]).output.splitlines()
    assert table[1].endswith("development mode: takes unsigned modules")
    assert table[2].endswith("not asked")  # another program may be using its line


def test_a_board_says_what_is_on_probation(monkeypatch):
    fake = FakeNode()
    fake.slots[0] = ModuleStatus(0, ModuleState.RUNNING, "flood", "1.0.0", probation=7)
    with Background(fake, udp=True) as board:
        monkeypatch.setattr(devices, "find_devices", lambda: [Device(board.url, "native", emulated=True)])
        table = CliRunner().invoke(main, ["devices"]).output
    assert "flood 1.0.0 running (on probation for 7 events)" in table


def test_a_board_that_is_asked_says_its_firmware_and_modules(monkeypatch):
    """Once, and while we watch; it is what it says it is, whatever its adapter looks like."""

    async def one_look(found: list[Device]) -> AsyncIterator[devices.Arrival]:
        for device in found:
            yield devices.Arrival(device, present=True)
            yield devices.Arrival(device, present=False)

    fake = FakeNode()
    with Background(fake) as board:
        found = [Device(board.url, candidates=("disco",))]
        monkeypatch.setattr(devices, "find_devices", lambda: found)
        monkeypatch.setattr(devices, "watch_devices", lambda: one_look(found))
        asked = json.loads(CliRunner().invoke(main, ["devices", "--ask", "--json"]).output)
        arrived, left = CliRunner().invoke(main, ["devices", "--watch", "--ask"]).output.splitlines()
        silent = CliRunner().invoke(main, ["devices", "--watch"]).output.splitlines()
    assert (asked["board"], asked["firmware"], asked["modules"]) == ("fake", INFO.firmware, [])
    assert asked["mode"].startswith("development mode")
    assert arrived.startswith(f"+ {board.url}  fake")
    assert arrived.endswith(f"  {INFO.firmware}  -  development mode: takes unsigned modules")
    assert left == silent[1] == f"- {board.url}  disco?  unknown  -"
    assert silent[0] == f"+ {board.url}  disco?  unknown  -"


def test_what_may_be_a_board_is_explained(plugged, tmp_path):
    plugged.append(ST_LINK)
    plug_in(tmp_path / "usb", "1-1", "0483", "df11", product="STM32  BOOTLOADER")
    both = "[[usb]]\nvid = 0x0483\npid = {}\nshared = true\n"
    write_board(tmp_path / "boards", "disco", both.format("0x374B") + both.format("0xDF11"))
    write_board(tmp_path / "boards", "nucleo", both.format("0x374B") + 'note = "nucleo: look here"')
    result = CliRunner().invoke(main, ["devices"])
    _, stlink, bootloader = result.stdout.splitlines()
    assert stlink.split("  ")[:2] == ["serial:id=0667FF", "disco, nucleo?"]
    assert bootloader.startswith("-  ")
    assert "disco?" in bootloader
    assert bootloader.endswith("in its boot loader")
    assert "STM32 boot loader (DFU) (STM32  BOOTLOADER)" in bootloader
    assert result.stderr.startswith("nucleo: look here\n?: the USB ids are those of an adapter")
    lines = [json.loads(line) for line in CliRunner().invoke(main, ["devices", "--json"]).output.splitlines()]
    assert [line["candidates"] for line in lines] == [["disco", "nucleo"], ["disco"]]
    assert "link" not in lines[1]


def test_nothing_plugged_in_is_said_on_standard_error(plugged):
    result = CliRunner().invoke(main, ["devices"])
    assert (result.exit_code, result.stdout) == (0, "")
    assert "wasmote sim native" in result.stderr
    assert CliRunner().invoke(main, ["devices", "-q"]).output == ""


async def test_what_comes_and_goes_is_told():
    looks = [[], identify([CH340], {}), identify([CH340, BUILT_IN], {}), identify([BUILT_IN], {})]

    async def three_changes() -> AsyncIterator[object]:
        for number in range(3):
            yield number + 1

    told = [
        (arrival.present, arrival.device.port)
        async for arrival in watch_devices(lambda: looks.pop(0), three_changes())
    ]
    assert told == [(True, "/dev/ttyUSB0"), (True, "/dev/ttyS0"), (False, "/dev/ttyUSB0")]


async def test_what_comes_while_we_look_is_not_missed():
    """The next change is waited for before we look: one that comes in between is followed by another look."""
    stirs: asyncio.Queue[object] = asyncio.Queue()
    waiting = False
    there: list[list[Device]] = [[], identify([CH340], {})]

    async def changes() -> AsyncIterator[object]:
        nonlocal waiting
        while True:
            waiting = True
            yield await stirs.get()

    def look() -> list[Device]:
        assert waiting
        if len(there) > 1:
            stirs.put_nowait(True)  # it is plugged in now, too late for this look
        return there.pop(0)

    async with aclosing(watch_devices(look, changes())) as arrivals:
        assert (await anext(arrivals)).device.bridge == "CH340"


async def test_a_device_file_that_appears_wakes_the_watch(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    dev = tmp_path / "dev"
    dev.mkdir()

    def find() -> list[Device]:
        return identify([ListPortInfo(str(path)) for path in dev.glob("tty*")], {})

    async with aclosing(watch_devices(find, device_files(dev, tmp_path / "no bus"))) as arrivals:
        coming = asyncio.create_task(anext(arrivals))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        (dev / "null").touch()
        (dev / "ttyACM0").touch()
        arrived = await coming
        (dev / "ttyACM0").unlink()
        left = await anext(arrivals)
    assert (arrived.present, left.present) == (True, False)
    assert arrived.device == left.device


async def test_devices_without_a_terminal_are_watched(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    dev, bus = tmp_path / "dev", tmp_path / "bus" / "001"
    dev.mkdir()
    bus.mkdir(parents=True)
    async with aclosing(device_files(dev, bus.parent)) as changes:
        coming = asyncio.create_task(anext(changes))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        (bus / "017").touch()
        assert await coming


BOARD = RunningSimulator("native", "coap://127.0.0.1:40000", "serial:///dev/pts/9", os.getpid())


def test_running_simulators_are_listed_while_they_run(tmp_path):
    with registered(BOARD, tmp_path):
        assert running(tmp_path) == [BOARD]
    assert running(tmp_path) == []


def test_what_a_killed_simulator_left_is_removed(tmp_path):
    left = tmp_path / "sim-1.json"
    left.write_text('{"board": "native", "link": "coap://h", "serial": null, "process_id": 1}')
    assert running(tmp_path) == []
    assert not left.exists()


@pytest.fixture
def temporary(monkeypatch, tmp_path) -> Path:
    """No login session: where the runtime folder is then."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(simulators.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path / f"wasmote-{os.getuid()}"


def test_without_a_login_session_the_folder_is_a_temporary_one(temporary):
    assert simulators.runtime_folder() == temporary
    assert temporary.stat().st_mode & 0o777 == 0o700
    with registered(BOARD, simulators.runtime_folder()):
        assert running(simulators.runtime_folder()) == [BOARD]


def test_a_temporary_folder_that_others_may_write_is_not_used(temporary):
    temporary.mkdir()
    temporary.chmod(0o777)
    assert simulators.runtime_folder() is None


def test_a_link_in_place_of_the_temporary_folder_is_not_followed(temporary, tmp_path):
    temporary.symlink_to(tmp_path)
    assert simulators.runtime_folder() is None


def test_without_a_folder_nothing_is_registered():
    with registered(BOARD, None):
        assert running(None) == []


def test_simulators_are_devices(plugged):
    with registered(BOARD, simulators.runtime_folder()):
        (device,) = find_devices()
    assert (device.board, device.link, device.emulated) == ("native", "coap://127.0.0.1:40000", True)
    assert device.port == "/dev/pts/9"


EMULATED = Device("coap://127.0.0.1:5683", "native", "emulated", emulated=True)
MODEM = Device("serial:///dev/ttyACM3", bridge="a modem", port="/dev/ttyACM3")
MAYBE = Device("serial:id=X1", bridge="CP210x", candidates=("esp32c3-devkitm",))
LOADER = Device(None, "stm32f4-discovery", "STM32 boot loader", vid=0x0483, pid=0xDF11)


@pytest.mark.parametrize("board", [EMULATED, MAYBE, Device("serial:id=2", "netduino2", "USB")])
def test_the_only_board_needs_no_link(board):
    assert devices.only_board([MODEM, board, LOADER]) == board.link


@pytest.mark.parametrize(
    ("found", "message", "listed"),
    [
        ([EMULATED, MAYBE, MODEM], "which board? 2 are here", [EMULATED, MAYBE]),
        ([MODEM, LOADER], "which board? None is plugged in, and no emulated one runs", [MODEM, LOADER]),
        ([], "which board? None is plugged in, and no emulated one runs", []),
    ],
)
def test_without_one_board_there_is_a_list(found, message, listed, monkeypatch):
    monkeypatch.setattr(devices, "find_devices", lambda: found)
    result = CliRunner(env={"WASMOTE_LINK": None}).invoke(main, ["ls"])
    assert result.exit_code == 3
    first, *rest = result.stderr.splitlines()
    assert first == f"error: {message}"
    assert len(rest) == len(listed) + 1
    for line, device in zip(rest, listed, strict=False):
        assert line.startswith(f"  {device.link or device.usb_id}: ")
    assert "--link URL, or set WASMOTE_LINK" in rest[-1]


def test_a_command_says_which_board_it_took(monkeypatch):
    with Background(FakeNode()) as background:
        monkeypatch.setattr(devices, "find_devices", lambda: [replace(EMULATED, link=background.url)])
        result = CliRunner(env={"WASMOTE_LINK": None}).invoke(main, ["get", "/node"])
    assert result.exit_code == 0
    assert result.stderr == f"{background.url}: the only board here\n"


def test_completion_looks_for_no_board(monkeypatch):
    monkeypatch.setattr(devices, "find_devices", lambda: pytest.fail("looked"))
    environment = {"_WASMOTE_COMPLETE": "bash_complete", "COMP_WORDS": "wasmote ls --", "COMP_CWORD": "2"}
    result = CliRunner(env=environment | {"WASMOTE_LINK": None}).invoke(main, prog_name="wasmote")
    assert "--json" in result.output
