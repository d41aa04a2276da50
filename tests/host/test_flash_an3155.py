"""Our client of AN3155 and somebody else's, against the emulated boot loader."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulated_rom import RomThread, emulated_rom
from hil.stm32_rom.flash import NorFlash
from hil.stm32_rom.protocol import ACK, NACK, Rom
from wasmote.errors import Busy, DeviceNotFound, NoAnswer, PermissionRefused, VerificationRefused
from wasmote.flash.an3155 import An3155
from wasmote.flash.board import FlashBoard
from wasmote.flash.image import Image, Segment
from wasmote.flash.images import read_boards
from wasmote.flash.plan import Plan, make_plan
from wasmote.flash.runner import FlashFault, FlashProtected, Progress, Step, WrongChip

BOARD = read_boards()["netduinoplus2"]
WAY = BOARD.runner("an3155")
assert WAY is not None
CODE = bytes(range(256)) * 5 + b"odd"
IMAGE = Image(Path("test"), (Segment(0x08000000, bytes(400)), Segment(0x08010000, CODE)), "")


@pytest.fixture
def rom():
    with emulated_rom("netduinoplus2") as rom:
        yield rom


def plan() -> Plan:
    return make_plan(BOARD, IMAGE, [])


def client(rom: RomThread, board: FlashBoard = BOARD) -> An3155:
    assert WAY is not None
    return An3155(board, WAY, rom.port)


def flash(rom: RomThread, wanted: Plan | None = None) -> list[Progress]:
    told: list[Progress] = []
    runner = client(rom)
    try:
        runner.probe()
        runner.flash(wanted or plan(), told.append)
        runner.verify(wanted or plan(), told.append)
        runner.start()
    finally:
        runner.close()
    return told


@pytest.mark.parametrize("name", [board.name for board in read_boards().values() if board.runner("an3155")])
def test_the_real_image_lies_in_flash_byte_for_byte(name):
    board = read_boards()[name]
    build = Path(__file__).parents[2] / "build" / name
    way = board.runner("an3155")
    assert way is not None
    with emulated_rom(name) as rom:
        wanted = make_plan(board, Image.read(build / "firmware.hex", board.origin), [])
        runner = An3155(board, way, rom.port)
        assert board.chip in runner.probe()
        runner.flash(wanted, lambda _: None)
        runner.verify(wanted, lambda _: None)
        runner.start()
        runner.close()
        binary = (build / "firmware.bin").read_bytes()
        for segment in wanted.segments:
            at = segment.address - board.origin
            assert rom.flash.read(segment.address, len(segment.data)) == binary[at : at + len(segment.data)]
        assert rom.rom.started == board.origin


def test_only_the_sectors_of_the_image_are_erased(rom):
    rom.flash.content[:] = b"\x5a" * len(rom.flash.content)
    flash(rom)
    assert rom.flash.erased == [0, 4]
    kept = [sector for sector in BOARD.sectors if sector.number not in (0, 4)]
    assert all(rom.flash.read(sector.address, sector.size) == b"\x5a" * sector.size for sector in kept)


def test_vectors_are_written_last_so_that_half_an_image_does_not_start():
    assert plan().segments[-1].address == BOARD.origin


def test_progress_goes_from_nothing_to_all_in_each_step(rom):
    told = flash(rom)
    for step in Step:
        mine = [progress for progress in told if progress.step is step]
        assert (mine[0].done, mine[-1].done) == (0, mine[-1].total)
        assert [progress.done for progress in mine] == sorted(progress.done for progress in mine)


def test_what_is_not_a_multiple_of_a_word_is_filled_up(rom):
    flash(rom)
    assert rom.flash.read(0x08010000, len(CODE) + 2) == CODE + b"\xff\xff"


def test_the_older_erase_command():
    with emulated_rom("netduinoplus2", extended=False) as rom:
        flash(rom)
        assert rom.flash.erased == [0, 4]


def test_a_chip_that_erases_smaller_pages_than_the_boards_sectors(rom):
    rom.flash.sectors = (0x800,) * 512
    runner = An3155(BOARD, replace(WAY, page=0x800), rom.port)
    try:
        runner.probe()
        runner.flash(plan(), lambda _: None)
    finally:
        runner.close()
    assert rom.flash.erased == [*range(8), *range(32, 64)]


def test_a_loader_that_was_synchronized_before_is_found_again(rom):
    for _ in range(3):
        runner = client(rom)
        runner.probe()
        runner.close()


def test_another_chip_is_refused_before_anything_is_erased(rom):
    rom.rom.chip_id = 0x411
    with pytest.raises(WrongChip, match=r"0x411.* netduinoplus2 \(STM32F405RG\) is 0x413"):
        flash(rom)
    assert rom.flash.erased == []


def test_a_chip_that_may_not_be_read(rom):
    rom.rom.readout_protected = True
    with pytest.raises(FlashProtected, match="protected from being read") as caught:
        flash(rom)
    assert "nothing was changed" in caught.value.hint
    assert rom.flash.erased == []


def test_write_protection_is_seen_before_anything_is_erased(rom):
    rom.flash.protected.add(4)
    with pytest.raises(FlashProtected, match="sector 4 at 0x08010000 is write-protected") as caught:
        flash(rom)
    assert "nothing was changed" in caught.value.hint
    assert rom.flash.erased == []


def test_write_protection_that_option_bytes_do_not_tell_is_seen_after_the_erase(rom, monkeypatch):
    monkeypatch.setattr("wasmote.flash.an3155.NWRP", {})
    rom.flash.content[:] = bytes(len(rom.flash.content))
    rom.flash.protected.add(4)
    with pytest.raises(FlashProtected, match="sector 4"):
        flash(rom)


def test_a_cell_that_is_worn_out(rom):
    rom.flash.stuck[0x08010123] = 0x01
    with pytest.raises(VerificationRefused, match="holds 0x22 at 0x08010123, not 0x23"):
        flash(rom)


@pytest.mark.parametrize("count", [0, 1, 20, 500, 1500])
def test_a_cable_pulled_in_the_middle(rom, count):
    rom.board.unplug_after = count
    with pytest.raises((FlashFault, NoAnswer)) as caught:
        flash(rom)
    assert "gone" in caught.value.message or "no boot loader answers" in caught.value.message


def test_silence(tmp_path, monkeypatch):
    monkeypatch.setattr("wasmote.flash.an3155.ANSWER_TIMEOUT_S", 0.01)
    controller, terminal = os.openpty()
    try:
        runner = An3155(BOARD, WAY, os.ttyname(terminal))
        with pytest.raises(NoAnswer, match="no boot loader answers") as caught:
            runner.probe()
        runner.close()
        assert "BOOT0 high" in caught.value.hint
    finally:
        os.close(controller)
        os.close(terminal)


def test_a_port_that_another_program_has_open(rom):
    first = client(rom)
    try:
        with pytest.raises(Busy, match=rf"another program has it open: .*\(process {os.getpid()}\)"):
            client(rom)
    finally:
        first.close()


def test_a_port_that_is_not_there():
    with pytest.raises(DeviceNotFound, match="there is no such port"):
        An3155(BOARD, WAY, "/dev/ttyNOWHERE")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_port_of_somebody_else(rom):
    os.chmod(rom.port, 0o600)
    child = os.fork()
    if child == 0:  # as nobody
        os.setuid(65534)
        try:
            client(rom)
        except PermissionRefused as fault:
            os._exit(0 if "usermod" in fault.hint else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0


# somebody else's client: stm32loader, unmodified. A pseudo-terminal has no control lines, so pyserial must
# not set them.

STM32LOADER = (
    "import runpy, serial; serial.Serial.setRTS = serial.Serial.setDTR = lambda *_: None; "
    "runpy.run_module('stm32loader', run_name='__main__')"
)


def stm32loader(rom: RomThread, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["--port", rom.port, "--parity", "none", "--no-progress", *arguments]
    return subprocess.run(
        [sys.executable, "-c", STM32LOADER, *options], capture_output=True, text=True, check=False
    )


def test_stm32loader_writes_what_our_client_reads(rom, tmp_path):
    whole = tmp_path / "image.bin"
    whole.write_bytes(CODE)
    rom.flash.content[:] = bytes(len(rom.flash.content))
    done = stm32loader(rom, "--erase", "--write", "--verify", "--address", "0x08010000", str(whole))
    assert done.returncode == 0, done.stderr
    assert "Verification OK" in done.stderr + done.stdout
    runner = client(rom)
    try:
        runner.probe()
        runner.verify(Plan(BOARD, IMAGE.segments[1:], ()), lambda _: None)
    finally:
        runner.close()


def test_our_client_writes_what_stm32loader_reads(rom, tmp_path):
    flash(rom)
    rom.call(rom.board.reset_into_loader)
    read = tmp_path / "read.bin"
    done = stm32loader(rom, "--read", "--address", "0x08010000", "--length", str(len(CODE)), str(read))
    assert done.returncode == 0, done.stderr
    assert read.read_bytes() == CODE


# the boot loader itself, byte for byte as AN3155 has it


def loader() -> Rom:
    rom = Rom(0x413, NorFlash(0x08000000, [0x4000, 0x4000]))
    assert rom.feed(b"\x7f") == bytes([ACK])
    return rom


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ("00ff", "79 0b31 00 01 02 11 21 31 44 63 73 82 92 79"),
        ("01fe", "79 31 00 00 79"),
        ("02fd", "79 01 0413 79"),
        ("7f7f", "1f"),  # 7F is no command
        ("00fe", "1f"),  # wrong complement
        ("43bc", "1f"),  # ERASE, which this loader has not
        ("11ee 08000000 08 03fc", "79 79 79 ffffffff"),
        ("11ee 08000000 09", "79 1f"),  # wrong sum
        ("11ee 20000000 20", "79 1f"),  # not flash
        ("11ee 08007ffe 89 03fc", "79 79 1f"),  # beyond its end
        ("11ee 08000000 08 03fd", "79 79 1f"),
        ("31ce 08000000 08 03 01020304 07", "79 79 79"),
        ("31ce 08000000 08 03 01020304 06", "79 79 1f"),
        ("31ce 08000002 0a", "79 1f"),  # not at a word
        ("31ce 08000000 08 02 010203 02", "79 79 1f"),  # not whole words
        ("44bb 0000 0001 01", "79 79"),
        ("44bb 0000 0002 02", "79 1f"),  # there are two sectors
        ("44bb ffff 00", "79 79"),
        ("44bb fffe 01", "79 1f"),  # there is one bank
        ("21de 08000000 08", "79 79"),
        ("21de 00000000 00", "79 1f"),
    ],
)
def test_the_loader_answers(sent, answer):
    assert loader().feed(bytes.fromhex(sent)).hex() == bytes.fromhex(answer).hex()


def test_the_loader_hears_nothing_before_the_first_byte():
    rom = Rom(0x413, NorFlash(0x08000000, [0x4000]))
    assert rom.feed(b"\x00\xff\xc0\x7f") == bytes([ACK])


@given(st.lists(st.sampled_from([*range(256)]) | st.sampled_from([0x31, 0xCE, 0x44, 0xBB, 0x08, 0])))
def test_the_loader_survives_whatever_comes(sent):
    rom = loader()
    rom.feed(bytes(sent))
    assert len(rom.flash.content) == 0x8000


def test_bits_are_only_cleared_until_the_sector_is_erased():
    rom = loader()
    rom.feed(bytes.fromhex("31ce 08000000 08 03 0f0f0f0f 03"))
    rom.feed(bytes.fromhex("31ce 08000000 08 03 3c3c3c3c 03"))
    assert rom.flash.read(0x08000000, 4) == b"\x0c" * 4
    rom.feed(bytes.fromhex("44bb 0000 0000 00"))
    assert rom.flash.read(0x08000000, 4) == b"\xff" * 4


def test_protection_leaves_what_tells_of_the_chip():
    rom = loader()
    assert rom.feed(bytes.fromhex("827d")) == bytes([ACK, ACK])
    assert rom.feed(b"\x7f") == bytes([ACK])  # it was reset
    assert rom.feed(bytes.fromhex("11ee")) == bytes([NACK])
    assert rom.feed(bytes.fromhex("02fd"))[0] == ACK
    rom.flash.content[:] = bytes(len(rom.flash.content))
    assert rom.feed(bytes.fromhex("926d")) == bytes([ACK, ACK])
    assert set(rom.flash.content) == {0xFF}


def test_protected_sectors_are_neither_erased_nor_written_and_nothing_is_said():
    rom = loader()
    assert rom.feed(bytes.fromhex("639c 00 00 00")) == bytes([ACK, ACK])
    rom.feed(b"\x7f")
    rom.flash.content[:4] = b"abcd"
    assert rom.feed(bytes.fromhex("44bb ffff 00")) == bytes([ACK, ACK])
    assert rom.feed(bytes.fromhex("31ce 08000000 08 03 00000000 03")) == bytes([ACK, ACK, ACK])
    assert rom.flash.read(0x08000000, 4) == b"abcd"
    assert rom.feed(bytes.fromhex("738c")) == bytes([ACK, ACK])
    assert rom.flash.protected == set()
