"""The image for the ESP32-C3: where its ROM and buses want things, and nothing that the core has not."""

from __future__ import annotations

import re
import subprocess

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from board_model import Board
from board_toml import read_board
from wasmote.sim import ROOT

BUILD = ROOT / "build/esp32c3-devkitm"
CODE, DATA, ROM = range(0x42000000, 0x42400000), range(0x3C000000, 0x3C400000), range(0x40000000, 0x40060000)
IRAM = range(0x40380000, 0x40382000)
# TRM section 1.4: the core has no mie and no mip; these are what it has of those that an image needs.
CSRS = {"mstatus", "mtvec", "mepc", "mcause", "mtval", *(f"pmpcfg{n}" for n in range(4))}
CSRS |= {f"pmpaddr{n}" for n in range(16)}
NEEDED_IN_RAM = {
    *("trap_interrupt", "interrupt_entry", "fault_entry", "usb_handler", "uart0_handler", "alarm_handler"),
    *("wake_handler", "uart_rings_put", "uart_rings_get", "loop_post", "hal_now_us", "hal_alarm_at"),
    *("hal_sensor_take", "chip_temperature_take", "adc_volts_take", "memset", "strlen", "hal_reset"),
}


@pytest.fixture
def board() -> Board:
    return read_board(ROOT / "boards/esp32c3-devkitm/board.toml")


def addresses() -> dict[str, int]:
    with (BUILD / "firmware.elf").open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        return {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}


def listing(*options: str) -> str:
    command = ("riscv64-unknown-elf-objdump", "-d", *options, str(BUILD / "firmware.elf"))
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_rom_finds_its_mark_and_the_way_in() -> None:
    """Two words at the start of flash; behind them is the first instruction."""
    image = (BUILD / "firmware.bin").read_bytes()
    assert image[:8] == bytes.fromhex("1d04dbae") * 2
    assert addresses()["_start"] == CODE.start + 8


def test_vectors_are_aligned_and_lie_in_ram() -> None:
    vectors = addresses()["__vectors"]
    assert vectors % 256 == 0
    assert vectors in IRAM


def test_constants_lie_where_the_other_window_shows_them() -> None:
    with (BUILD / "firmware.elf").open("rb") as file:
        elf = ELFFile(file)
        constants = elf.get_section_by_name(".rodata")
        (segment,) = [part for part in elf.iter_segments() if part["p_vaddr"] == constants["sh_addr"]]
    assert constants["sh_addr"] in DATA
    assert segment["p_paddr"] - CODE.start == constants["sh_addr"] - DATA.start


def test_what_runs_while_flash_is_busy_lies_in_ram() -> None:
    at = addresses()
    assert [name for name in sorted(NEEDED_IN_RAM) if at[name] not in IRAM] == []


def test_it_neither_calls_nor_reads_flash() -> None:
    """Each address that an instruction of .iram makes or goes to."""
    code = listing("-j", ".iram")
    goals = [int(found, 16) for found in re.findall(r"\t(?:j|jal|b\w+|c\.\w+)\t.*?\b([0-9a-f]{8}) <", code)]
    goals += [int(found, 16) for found in re.findall(r"# ([0-9a-f]{8}) <", code)]
    high_halves = [int(found, 16) << 12 for found in re.findall(r"\tlui\t\w+,0x([0-9a-f]+)", code)]
    assert len(goals) > 50  # the listing was understood
    assert len(high_halves) > 20
    assert [hex(goal) for goal in goals + high_halves if goal in CODE or goal in DATA] == []
    assert ROM.start in high_halves  # it does call the ROM


def test_the_core_knows_all_instructions_and_registers() -> None:
    code = listing("-M", "no-aliases")
    used = set(re.findall(r"\tcsrr\w+\t(?:\w+,)?(\w+),\w+", code))
    assert used <= CSRS
    assert "mstatus" in used  # the listing was understood
    with (BUILD / "firmware.elf").open("rb") as file:
        (attributes,) = [
            {attribute.tag: attribute.value for attribute in part.iter_attributes()}
            for section in ELFFile(file).get_section_by_name(".riscv.attributes").iter_subsections()
            for part in section.iter_subsubsections()
        ]
    extensions = {part.rstrip("p0123456789") for part in attributes["TAG_ARCH"].split("_")}
    assert extensions == {"rv32i", "m", "c", "zicsr", "zmmul"}


def test_nothing_allocates_and_nothing_reaches_the_roms_memory(board: Board) -> None:
    at = addresses()
    assert not at.keys() & {"malloc", "calloc", "realloc", "free", "_sbrk"}
    sram = {memory.name: memory for memory in board.memories}["sram"]
    assert sram.origin <= at["__arena_end"] <= sram.end == 0x3FCDC000
