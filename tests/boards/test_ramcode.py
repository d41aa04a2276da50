"""What runs while a sector is erased (HAL_RAMCODE): an STM32's core cannot fetch from flash then."""

from __future__ import annotations

import io
import re
import struct
import subprocess

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from board_toml import read_board
from wasmote.sim import ROOT

BOARDS = ("netduino2", "netduinoplus2", "nucleo-f446re", "stm32f411-blackpill", "stm32f4-discovery")
# The wait, what it calls, and what the alarm calls, by way of pointers as well.
NEEDED = {
    *("wait_in_ram", "chip_flash_begin", "chip_flash_is_busy", "chip_watchdog_feed"),
    *("link_handler", "uart_rings_put", "uart_rings_get", "loop_post", "hal_irq_lock", "hal_irq_unlock"),
    *("time_alarm", "hal_alarm_at", "hal_now_us", "take", "most_due", "wait_for_next"),
    *("hal_sensor_take", "adc_temperature_take", "adc_volts_take", "chip_adc_convert"),
}
BRANCH = re.compile(
    r"\t(?:bl?|cbn?z|b(?:eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le))(?:\.[nw])?\t.*?([0-9a-f]{8}) <"
)
LITERAL = re.compile(r"\t\.word\t0x([0-9a-f]{8})")
HIGH_HALF = re.compile(r"\tmovt\t.*#(\d+)")


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def image(board: str) -> ELFFile:
    return ELFFile(io.BytesIO((ROOT / "build" / board / "firmware.elf").read_bytes()))


def data_section(elf: ELFFile) -> tuple[int, bytes]:
    section = elf.get_section_by_name(".data")
    assert section is not None
    return section["sh_addr"], section.data()


def addresses(elf: ELFFile) -> dict[str, int]:
    table = elf.get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection)
    return {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}


def is_flash(board: str, address: int) -> bool:
    memory = read_board(ROOT / "boards" / board / "board.toml").memories[0]
    return memory.origin <= address < memory.end


def code_in_ram(board: str) -> str:
    """Disassemble the functions among the initialised data."""
    command = ("arm-none-eabi-objdump", "-d", "-j", ".data", str(ROOT / "build" / board / "firmware.elf"))
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    functions = [part for part in listing.split("\n\n") if "\tldr" in part or "\tbx\t" in part]
    return "\n".join(functions)


def test_all_that_is_needed_lies_in_ram(board: str) -> None:
    at = addresses(image(board))
    assert at.keys() >= NEEDED
    assert [name for name in NEEDED if is_flash(board, at[name])] == []


def test_it_neither_calls_nor_reads_what_lies_in_flash(board: str) -> None:
    code = code_in_ram(board)
    targets = [int(found, 16) for found in BRANCH.findall(code)]
    literals = [int(found, 16) for found in LITERAL.findall(code)]
    literals += [int(found) << 16 for found in HIGH_HALF.findall(code)]
    assert len(targets) > len(NEEDED)  # the listing was understood
    assert len(literals) > len(NEEDED)
    assert [hex(address) for address in targets + literals if is_flash(board, address)] == []


def test_the_drivers_that_take_readings_lie_in_ram(board: str) -> None:
    elf = image(board)
    begin, content = data_section(elf)
    at, entry = addresses(elf)["board_sensors"] - begin, struct.Struct("<I8sB3x")  # common/board_sensor.h
    sensors = read_board(ROOT / "boards" / board / "board.toml").sensors
    for number, sensor in enumerate(sensors):
        take, _, channels = entry.unpack_from(content, at + number * entry.size)
        assert channels == len(sensor.channels)
        assert take & ~1 == addresses(elf)[f"{sensor.driver}_take"] & ~1
        assert begin <= take < begin + len(content)
