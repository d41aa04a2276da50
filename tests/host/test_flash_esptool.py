"""The real esptool, and the emulated ESP32-C3 in its loader; what esptool says is explained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from wasmote.errors import Busy, DeviceNotFound, NoAnswer, UsageFault, VerificationRefused
from wasmote.flash import esptool, tool
from wasmote.flash.esptool import Esptool
from wasmote.flash.image import Image, Segment
from wasmote.flash.images import read_boards
from wasmote.flash.plan import make_plan
from wasmote.flash.runner import Entry, FlashFault, Progress, Step, WrongChip
from wasmote.flash.tool import ToolFailed
from wasmote.sim import ROOT

BOARD = read_boards()["esp32c3-devkitm"]
WAY = BOARD.runner("esptool")
assert WAY is not None
CODE = os.urandom(9000)
IMAGE = Image(Path("test.bin"), (Segment(BOARD.origin, CODE),), "")


@pytest.fixture
def flash(tmp_path) -> Path:
    return tmp_path / "flash"


@pytest.fixture
def chip(flash: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A chip whose button BOOT was held."""
    command = [sys.executable, "-m", "hil.esp32c3", "--flash", str(flash), "--usb", "pty", "--boot"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture
def port(chip: subprocess.Popen[bytes]) -> str:
    """Its USB port."""
    assert chip.stdout is not None
    return str(json.loads(chip.stdout.readline())["usb"]).removeprefix("serial://")


def plan(key_area: bytes = b""):
    return make_plan(BOARD, IMAGE, [], key_area)


def test_an_image_and_keys_arrive_and_nothing_else_is_touched(port, flash):
    runner = Esptool(BOARD, WAY, port, entry=Entry.HAND)
    told: list[Progress] = []
    try:
        assert runner.probe().startswith("ESP32-C3")
        runner.flash(plan(b"keys"), told.append)
        runner.verify(plan(b"keys"), told.append)
        runner.start()
    finally:
        runner.close()
    content = flash.read_bytes()
    assert BOARD.keys is not None
    keys_at = BOARD.keys.address - BOARD.origin
    assert content[: len(CODE)] == CODE
    assert content[keys_at : keys_at + 4] == b"keys"
    assert set(content[0x4000:keys_at]) == {0xFF}
    written = [progress.done for progress in told if progress.step is Step.WRITE]
    assert written[0] == 0  # before anything is erased
    assert written == sorted(written)
    assert written[-1] == len(CODE) + 3 * 0x1000
    assert told[-1].step is Step.VERIFY


def test_another_chip_is_refused_before_anything_is_erased(port, flash):
    runner = Esptool(BOARD, replace(WAY, target="esp32s3"), port, entry=Entry.HAND)
    try:
        with pytest.raises(
            WrongChip, match="this chip is an ESP32-C3, that of esp32c3-devkitm is an ESP32-S3"
        ):
            runner.probe()
    finally:
        runner.close()
    assert set(flash.read_bytes()) == {0xFF}


def test_a_cable_pulled_in_the_middle(chip, port):
    def pull(progress: Progress) -> None:
        if progress.done:
            chip.kill()

    runner = Esptool(BOARD, WAY, port, entry=Entry.HAND)
    try:
        with pytest.raises(FlashFault, match="the port is gone: was it unplugged"):
            runner.flash(plan(), pull)
    finally:
        runner.close()


def test_a_chip_that_cannot_start_our_image(port, monkeypatch):
    monkeypatch.setattr(esptool, "DIRECT_BOOT_REVISION", (9, 0))
    runner = Esptool(BOARD, WAY, port, entry=Entry.HAND)
    try:
        with pytest.raises(WrongChip, match=r"of revision 0\.3, cannot start our image"):
            runner.probe()
    finally:
        runner.close()


def test_a_busy_port(port):
    import serial

    with serial.Serial(port, exclusive=True):
        runner = Esptool(BOARD, WAY, port, entry=Entry.HAND)
        with pytest.raises(Busy, match="another program has it open"):
            runner.probe()
        runner.close()


def test_a_port_that_is_not_there():
    runner = Esptool(BOARD, WAY, "/dev/ttyNOWHERE")
    with pytest.raises(DeviceNotFound, match="no such port"):
        runner.probe()
    runner.close()


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("Failed to connect to ESP32-C3: No serial data received.", NoAnswer, "no boot loader answers"),
        ("MD5 of file does not match data in flash!", VerificationRefused, "does not hold what was written"),
        ("something new", FlashFault, "something new"),
    ],
)
def test_what_esptool_says_is_explained(monkeypatch, said, kind, words):
    def fail(*_: object) -> str:
        raise ToolFailed("esptool", 2, said)

    monkeypatch.setattr(esptool, "run", fail)
    runner = Esptool(BOARD, WAY, "/dev/null")
    with pytest.raises(kind, match=words):
        runner.flash(plan(), lambda _: None)
    runner.close()


def test_a_port_that_went_away(monkeypatch):
    def fail(*_: object) -> str:
        raise ToolFailed("esptool", 1, "Could not write")

    monkeypatch.setattr(esptool, "run", fail)
    runner = Esptool(BOARD, WAY, "/dev/ttyGONE")
    with pytest.raises(FlashFault, match="was it unplugged"):
        runner.flash(plan(), lambda _: None)
    runner.close()


def test_what_esptool_has_not_verified_is_refused():
    runner = Esptool(BOARD, WAY, "/dev/null")
    with pytest.raises(VerificationRefused, match="verified 0 of 1"):
        runner.verify(plan(), lambda _: None)
    runner.close()


@pytest.mark.parametrize(
    ("entry", "before", "after"),
    [
        (Entry.LINES, "default-reset", "hard-reset"),
        (Entry.HAND, "no-reset", "no-reset"),
        (Entry.NODE, "no-reset", "no-reset"),
    ],
)
def test_the_command_line(entry, before, after):
    runner = Esptool(BOARD, WAY, "/dev/ttyACM0", entry=entry)
    words = runner.command("hard-reset", "write-flash", "0x0", "image.bin")
    runner.close()
    assert words[:5] == [sys.executable, "-m", "esptool", "--chip", "esp32c3"]
    assert words[words.index("--before") + 1] == before
    assert words[words.index("--after") + 1] == after
    assert words[-3:] == ["write-flash", "0x0", "image.bin"]


def test_a_tools_progress_bars_are_lines_and_its_last_words_are_kept():
    lines: list[str] = []
    program = r"print('one\r10 %\r20 %\n\x1b[1mtwo\x1b[0m'); print('', flush=True); raise SystemExit('three')"
    with pytest.raises(ToolFailed) as caught:
        tool.run([sys.executable, "-c", program], lines.append)
    assert lines == ["one", "10 %", "20 %", "two", "three"]
    assert caught.value.said == "one\n10 %\ntwo\nthree"


def test_a_program_that_does_not_run():
    with pytest.raises(UsageFault, match="does not run"):
        tool.run(["/dev/null"])
