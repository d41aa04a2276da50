"""dfu-util: its files, which its own dfu-suffix checks; its command lines, its messages, and itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stand_in_dfu_util
from wasmote.errors import DeviceNotFound, PermissionRefused, UsageFault, VerificationRefused
from wasmote.flash.dfu_util import DfuUtil, dfuse_file, parse_layout
from wasmote.flash.image import Image, Segment
from wasmote.flash.images import read_boards
from wasmote.flash.plan import make_plan
from wasmote.flash.runner import FlashFault, FlashProtected, Progress, Step, WrongChip

BOARD = read_boards()["netduinoplus2"]
WAY = BOARD.runner("dfu-util")
assert WAY is not None
SEGMENTS = (Segment(0x08000000, bytes(392)), Segment(0x08010000, bytes(range(256)) * 700))
PLAN = make_plan(BOARD, Image(Path("test"), SEGMENTS, ""), [])
LAYOUT = [(4, 0x4000), (1, 0x10000), (7, 0x20000)]


@pytest.fixture
def device(tmp_path, monkeypatch) -> Path:
    """The folder of a chip that the stand-in flashes; what is in its flash is kept elsewhere."""
    program = tmp_path / "dfu-util"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {stand_in_dfu_util.__file__} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("STAND_IN", str(tmp_path))
    (tmp_path / "layout").write_text(json.dumps(LAYOUT))
    (tmp_path / "flash").write_bytes(b"\x5a" * 0x100000)
    return tmp_path


def test_an_image_arrives_and_nothing_else_is_touched(device):
    runner = DfuUtil(BOARD, WAY, "3652")
    told: list[Progress] = []
    assert runner.probe() == "1024 KiB of flash in 12 sectors, as STM32F405RG"
    runner.flash(PLAN, told.append)
    runner.verify(PLAN, told.append)
    runner.start()
    runner.close()
    flash = (device / "flash").read_bytes()
    assert flash[:392] == bytes(392)
    assert flash[0x10000 : 0x10000 + 700 * 256] == SEGMENTS[1].data
    assert set(flash[0x4000:0x10000]) == {0x5A}  # records and keys
    assert set(flash[0x40000:]) == {0x5A}  # modules
    assert told[0] == Progress(Step.ERASE, 0, PLAN.size)  # before anything is erased
    assert {progress.step for progress in told} == set(Step)
    written = [progress.done for progress in told if progress.step is Step.WRITE]
    assert (written, written[-1]) == (sorted(written), PLAN.size)
    calls = (device / "calls").read_text().splitlines()
    assert all(call.startswith("--device 0483:df11 --serial 3652 ") for call in calls)
    assert calls[-1].split("--upload")[0].endswith("--alt 0 --dfuse-address 0x08000000:4:leave ")


def test_flash_that_does_not_keep_what_was_written(device):
    runner = DfuUtil(BOARD, WAY, None)
    runner.flash(PLAN, lambda _: None)
    content = bytearray((device / "flash").read_bytes())
    content[0x10001] ^= 1
    (device / "flash").write_bytes(content)
    with pytest.raises(VerificationRefused, match="from 0x08010000 on"):
        runner.verify(PLAN, lambda _: None)
    runner.close()


def test_another_chips_sectors_are_refused_before_anything_is_erased(device):
    (device / "layout").write_text(json.dumps([(4, 0x4000), (1, 0x10000), (3, 0x20000)]))
    runner = DfuUtil(BOARD, WAY, None)
    with pytest.raises(WrongChip, match="04\\*016Kg,01\\*064Kg,03\\*128Kg, is not that of netduinoplus2"):
        runner.probe()
    runner.close()
    assert set((device / "flash").read_bytes()) == {0x5A}


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("dfu-util: No DFU capable USB device available", DeviceNotFound, "no boot loader is on USB"),
        ("dfu-util: Cannot open device: LIBUSB_ERROR_ACCESS", PermissionRefused, "no permission"),
        ("dfu-util: libusb_control_transfer returned -4 (LIBUSB_ERROR_NO_DEVICE)", FlashFault, "unplugged"),
        ("dfu-util: dfuse_download: returned -9 (LIBUSB_ERROR_PIPE)", FlashFault, "refused"),
        ("DFU state(10) = dfuERROR, status(11) = errVENDOR", FlashProtected, "protected"),
        ("dfu-util: something new", FlashFault, "something new"),
    ],
)
def test_what_dfu_util_says_is_explained(device, said, kind, words):
    (device / "say").write_text(said)
    runner = DfuUtil(BOARD, WAY, None)
    with pytest.raises(kind, match=words):
        runner.flash(PLAN, lambda _: None)
    runner.close()


@pytest.mark.parametrize(
    "text", ["", "Cannot open DFU device 0483:df11 found on devnum 5 (LIBUSB_ERROR_ACCESS)"]
)
def test_a_list_without_the_device(device, text, monkeypatch):
    (device / "dfu-util").write_text(f"#!/bin/sh\necho '{text}'\n")
    runner = DfuUtil(BOARD, WAY, None)
    with pytest.raises(PermissionRefused if text else DeviceNotFound) as caught:
        runner.probe()
    assert ("setup --udev" if text else "BOOT0") in caught.value.hint
    runner.close()


def test_without_dfu_util(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageFault, match="dfu-util is not installed") as caught:
        DfuUtil(BOARD, WAY, None)
    assert caught.value.hint == "sudo apt install dfu-util"


@pytest.mark.parametrize(
    ("name", "origin", "sizes"),
    [
        ("@Internal Flash  /0x08000000/02*016Kg,01*1Mg", 0x08000000, [0x4000, 0x4000, 0x100000]),
        ("@Internal Flash   /0x08000000/256*0002Kg", 0x08000000, [0x800] * 256),
        ("@OTP Memory /0x1FFF7800/01*512 e,01*016 e", 0x1FFF7800, [512, 16]),
        ("nonsense", 0, []),
    ],
)
def test_layouts(name, origin, sizes):
    assert parse_layout(name) == (origin, sizes)


needs_dfu_util = pytest.mark.skipif(not shutil.which("dfu-util"), reason="dfu-util is not installed")


@needs_dfu_util
def test_dfu_suffix_takes_our_files(tmp_path):
    path = tmp_path / "image.dfu"
    path.write_bytes(dfuse_file(SEGMENTS))
    done = subprocess.run(["dfu-suffix", "--check", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for line in ("BCD device:\t0xFFFF", "Product ID:\t0xDF11", "Vendor ID:\t0x0483", "BCD DFU:\t0x011A"):
        assert line in done.stdout
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 1
    path.write_bytes(damaged)
    done = subprocess.run(["dfu-suffix", "--check", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode != 0


@needs_dfu_util
def test_dfu_util_itself_takes_our_command_lines_and_finds_no_device():
    runner = DfuUtil(BOARD, WAY, "no such number")
    try:
        with pytest.raises(DeviceNotFound):
            runner.probe()
        with pytest.raises(DeviceNotFound):
            runner.flash(PLAN, lambda _: None)
        with pytest.raises(DeviceNotFound):
            runner.verify(PLAN, lambda _: None)
    finally:
        runner.close()
