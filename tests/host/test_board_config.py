"""board.toml: what is generated from it, and what is refused with which words."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest

import board_config
import board_toml
import size_report
from board_keys import BoardError
from board_model import Board
from wasmote.sim import ROOT

GOOD = (ROOT / "boards/netduinoplus2/board.toml").read_text()


def read(folder: Path, text: str) -> Board:
    path = folder / "netduinoplus2" / "board.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return board_toml.read_board(path)


@pytest.mark.parametrize("path", sorted(ROOT.glob("boards/*/board.toml")), ids=lambda path: path.parent.name)
def test_every_board_is_sound(path: Path) -> None:
    board = board_toml.read_board(path)
    assert board.support.works
    assert all(board_config.outputs(board).values())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('cpu = "cortex-m4f"', "", "'cpu' is missing"),
        ('chip = "STM32F405RG"', 'chips = "STM32F405RG"', "unknown: chips"),
        ("net = false", 'net = "no"', "'net' must be bool"),
        ('name = "netduinoplus2"', 'name = "other"', "must be that of its folder"),
        ('family = "stm32f4"', 'family = "z80"', "no boards/families/z80/family.mk"),
        ("firmware = [4, 5]", "firmware = [4, 12]", "'firmware' must hold numbers 0..11"),
        ("firmware = [4, 5]", "firmware = [0, 5]", "sector 0 has two uses"),
        ("vectors = [0]\n", "vectors = [0]\nrecord = [1]\n", "[flash]: unknown: record"),
        ("banks = [6, 7,", "banks = [5, 7,", "sector 5 has two uses"),
        ("firmware = [4, 5]", "firmware = []", "'firmware' must name a sector"),
        ("banks = [6, 7, 8, 9, 10, 11]", "banks = []", "1 to 16 for 'banks'"),
        ("count = 7", "count = 6", "its sectors hold 917504 bytes"),
        ("origin = 0x10000000", "origin = 0x20010000", "sram and ccm overlap at 0x20010000"),
        ('tx = "PB6"', 'tx = "B6"', "'tx' must be a pin such as PB6"),
        ('rx = "PB7"', "", "[link]: 'rx' is missing"),
        ('kind = "uart"', 'kind = "usb"', "'kind' must be one of uart, usb-uart, pty, emulated"),
        ("hse_hz = 25_000_000", "hse_hz = -8", "[clock]: 'hse_hz' must be a number >= 0, is -8"),
        ("sram = 122_880", "ram = 122_880", "[budgets]: unknown: ram"),
        ("stack = 12_288", "# none", "[budgets]: 'stack' is missing"),
        ("inputs = [10, 11]", "input = [10, 11]", "[[sensor]] analog: unknown: input"),
        ("MODULE_BANK_BYTES = 65536", "MODULE_BANKS = 3", "MODULE_BANKS is none of firmware/config.h"),
        ("MODULE_BANK_BYTES = 65536", "MODULE_BANK_BYTES = 131076", "but a bank has 131072"),
        ('units = ["V", "V"]', 'units = ["V"]', "2 channels but 1 units"),
        ("inputs = [10, 11]", "inputs = [10]", "a number 0..255 for each channel"),
        ('name = "analog"', 'name = "temp"', "the same name: temp, temp"),
        ('name = "analog"', 'name = "A 0"', "1 to 31 of a-z"),
        ('file = "qemu_stm32.c"', 'file = "none.c"', "no boards/emulators/none.c"),
        ("arena = true", "arena = false", "one of them, and no other, must say 'arena = true'"),
        ('program = "qemu-system-arm"', "", "[emulator]: 'program' is missing"),
        ("ccm = 0x20020000", "tcm = 0x20020000", "no [[memory]] is called tcm"),
        ("[budgets]", "[budget]", "unknown: budget"),
        ("[clock]", "[[usb]]\nvid = 0x10000\npid = 1\n[clock]", "usb: 'vid' has 16 bits, is 0x10000"),
        ("[clock]", "[[usb]]\nvid = 1\n[clock]", "usb: 'pid' is missing"),
        ("[budgets]", "[budgets", "not TOML"),
        ('"flash.c"', '"none.c"', "boards/families/stm32f4/none.c, which is not there"),
        ('file = "qemu_stm32.c"', 'module = "hil.nix"', "[emulator]: unknown: machine, "),
        ("[clock]", '[escape]\npin = "0"\nactive = "low"\n[clock]', "[escape]: 'pin' must be a pin"),
        ("[clock]", '[escape]\npin = "PA0"\nactive = "up"\n[clock]', "'active' must be one of low, high"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(BoardError) as fault:
        read(tmp_path, GOOD.replace(old, new))
    assert words in str(fault.value)


def test_a_board_that_is_not_there_is_one_message() -> None:
    make = subprocess.run(
        ["make", "-s", "firmware", "BOARD=nope"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert make.returncode == 2
    assert make.stdout == ""
    fault, _ = make.stderr.splitlines()  # the other is make's own, about the target
    known = ", ".join(board_toml.board_names())
    assert fault.endswith(f"*** there is no board 'nope'; there are: {known}.  Stop.")
    assert not (ROOT / "build/nope").exists()


def test_any_key_with_a_value_of_another_type_is_one_clear_error(tmp_path: Path) -> None:
    """No line of a board.toml can be broken so that the build ends in a traceback."""
    lines = GOOD.splitlines()
    for number, line in enumerate(lines):
        key, equals, _ = line.partition(" = ")
        if not equals:
            continue
        for wrong in ("[[]]", "{}", "-1", "true", '""', "1979-05-27"):
            text = "\n".join([*lines[:number], f"{key} = {wrong}", *lines[number + 1 :]])
            with contextlib.suppress(BoardError):
                read(tmp_path, text)
    for damaged in (b"\xff", b"name = ", b"[[memory]]", b"memory = [1]", b"link = 3"):
        path = tmp_path / "netduinoplus2" / "board.toml"
        path.write_bytes(damaged)
        with pytest.raises(BoardError):
            board_toml.read_board(path)


def test_firmware_takes_whole_sectors_and_emulation_moves_regions(tmp_path: Path) -> None:
    board = read(tmp_path, GOOD)
    assert board.firmware_bytes == 192 * 1024
    files = board_config.outputs(board)
    assert "flash (rx) : ORIGIN = 0x08010000, LENGTH = 196608" in files["memory.ld"]
    assert "vectors (rx) : ORIGIN = 0x08000000, LENGTH = 16384" in files["memory.ld"]
    assert "#define BOARD_FLASH_RECORDS {0x4000, 0x4000}, {0x8000, 0x4000}\n" in files["board_config.h"]
    assert "ccm (rw) : ORIGIN = 0x10000000, LENGTH = 65536" in files["memory.ld"]
    assert "ccm (rw) : ORIGIN = 0x20020000, LENGTH = 65536" in files["memory-emulated.ld"]
    assert 'REGION_ALIAS("arena", ccm);' in files["memory.ld"]


def test_the_boot_escape_is_a_button_or_else_a_break_on_the_link(tmp_path: Path) -> None:
    header = board_config.outputs(read(tmp_path, GOOD))["board_config.h"]
    assert "#define BOARD_ESCAPE_PORT 1u\n#define BOARD_ESCAPE_PIN 7u\n" in header  # rx
    assert "#define BOARD_ESCAPE_ACTIVE 0u\n#define BOARD_ESCAPE_IS_BREAK 1\n" in header
    button = GOOD.replace("[clock]", '[escape]\npin = "PA0"\nactive = "high"\n[clock]')
    header = board_config.outputs(read(tmp_path, button))["board_config.h"]
    assert "#define BOARD_ESCAPE_PORT 0u\n#define BOARD_ESCAPE_PIN 0u\n" in header
    assert "#define BOARD_ESCAPE_ACTIVE 1u\n#define BOARD_ESCAPE_IS_BREAK 0\n" in header
    emulated = board_toml.read_board(ROOT / "boards/qemu-rv32/board.toml")
    assert "BOARD_ESCAPE" not in board_config.outputs(emulated)["board_config.h"]


def test_header_holds_pins_clock_and_limits(tmp_path: Path) -> None:
    header = board_config.outputs(read(tmp_path, GOOD))["board_config.h"]
    for line in ("BOARD_LINK_TX_PORT 1u", "BOARD_LINK_TX_PIN 6u", "BOARD_HSE_HZ 25000000u"):
        assert f"#define {line}\n" in header
    assert "#define MODULE_BANK_BYTES 65536\n" in header


MAP = """\
Linker script and memory map

.text           0x08000000      0x300
 .text          0x08000000      0x100 build/b/obj/firmware/net/slip.c.o
 .text.a_function_with_a_long_name
                0x08000100       0x80 build/b/obj/wasm3-port/engine.c.o
 .text          0x08000180       0x40 /usr/lib/libc_nano.a(libc_a-memcpy.o)

.data           0x20002000       0x10 load address 0x080001c0
 .data.state    0x20002000       0x10 build/b/obj/boards/families/f/hal.c.o

.stack          0x20000000     0x2000
.bss            0x20002010       0x20
 .bss.ring      0x20002010       0x20 build/b/obj/firmware/core/loop.c.o

/DISCARD/
 .eh_frame      0x00000000      0x999 build/b/obj/firmware/core/loop.c.o
"""


def test_sizes_are_counted_by_part() -> None:
    sizes = size_report.measure(MAP)
    parts = {"engine": 0x80, "net": 0x100, "modules": 0, "crypto": 0, "libc": 0x40, "board": 0x10, "stack": 0}
    assert sizes["flash"] == parts
    assert sizes["ram"] == {**dict.fromkeys(parts, 0), "modules": 0x20, "board": 0x10, "stack": 0x2000}


MERGED = """\
Linker script and memory map

.rodata         0x08000000       0x64
 .rodata.str1.1
                0x08000000       0x50 build/b/obj/firmware/net/slip.c.o
                                 0x90 (size before relaxing)
 .rodata.str1.1
                0x08000004       0x60 build/b/obj/firmware/main.c.o
"""


def test_strings_that_the_linker_merged_are_counted_once() -> None:
    sizes = size_report.measure(MERGED)["flash"]
    assert (sizes["net"], sizes["modules"]) == (4, 0x60)


REGIONS = """\
Linker script and memory map

.vectors        0x08000000      0x188
.text           0x08010000      0x300
.data           0x20002000       0x10 load address 0x08010304
.stack          0x20000000     0x2000
.a_section_with_a_long_name
                0x20002018       0x20
.arena          0x10000000       0x40
.debug_info     0x00000000      0x999
"""


def test_regions_count_up_to_their_last_section_with_gaps_and_initial_values(tmp_path: Path) -> None:
    board = read(tmp_path, GOOD)
    assert size_report.regions(REGIONS, board) == {"flash": 0x314, "sram": 0x2038, "ccm": 0x40}


def test_a_region_over_its_budget_is_named() -> None:
    used = {"flash": 464, "sram": 8240}
    assert size_report.over_budget(used, {"flash": 464, "sram": 8240}) == []
    over = ["sram takes 8,240 bytes, its budget is 8,239"]
    assert size_report.over_budget(used, {"flash": 464, "sram": 8239}) == over


def test_a_link_that_fills_a_region_fails_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    board = read(tmp_path, GOOD.replace("sram = 122_880", "sram = 8_000"))
    monkeypatch.setattr(size_report, "read_board", lambda _: board)
    (tmp_path / "map").write_text(REGIONS)
    report = tmp_path / "size.json"
    arguments = ["netduinoplus2", "--map", str(tmp_path / "map"), "--json", str(report)]
    assert size_report.main(arguments) == 1
    assert not report.exists()
    words = "boards/netduinoplus2/board.toml: [budgets] sram takes 8,248 bytes, its budget is 8,000\n"
    assert capsys.readouterr().err == words
