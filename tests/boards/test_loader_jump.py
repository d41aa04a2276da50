"""The way into an STM32's ROM: the image that ships, from its reset until it is there, on Unicorn's core."""

from __future__ import annotations

import struct

import pytest
from elftools.elf.elffile import ELFFile
from unicorn import UC_ARCH_ARM, UC_HOOK_MEM_WRITE, UC_MODE_MCLASS, UC_MODE_THUMB, Uc
from unicorn.arm_const import UC_ARM_REG_MSP, UC_ARM_REG_PC, UC_ARM_REG_SP

from board_toml import ROOT

IMAGE = ROOT / "build" / "stm32f411-blackpill" / "firmware.elf"
FLASH, SRAM, PERIPHERALS, SYSTEM_MEMORY, CORE = (
    0x0800_0000,
    0x2000_0000,
    0x4000_0000,
    0x1FFF_0000,
    0xE000_E000,
)
APB2ENR, MEMRMP = 0x4002_3844, 0x4001_3800
ROM_STACK, ROM_ENTRY = 0x2000_2D40, 0x1FFF_3DD0  # somewhere in its memories
MAGIC, LOADER, WITHOUT_MODULES = 0x4E58_5421, 2, 1
INSTRUCTIONS = 2000  # more than the way takes, less than filling RAM does


def start(how: int) -> tuple[Uc, list[int]]:
    """Reset a chip whose firmware has noted how to start; return it, and the registers that it wrote."""
    core = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    for at, size in ((FLASH, 0x8_0000), (SRAM, 0x2_0000), (PERIPHERALS, 0x3_0000), (SYSTEM_MEMORY, 0x8000)):
        core.mem_map(at, size)
    core.mem_map(CORE, 0x1000)
    with IMAGE.open("rb") as file:
        elf = ELFFile(file)
        for segment in elf.iter_segments("PT_LOAD"):
            core.mem_write(segment["p_paddr"], segment.data())
        note = elf.get_section_by_name(".symtab").get_symbol_by_name("note")[0]["st_value"]
    core.mem_write(note, struct.pack("<II", MAGIC ^ how, how))
    core.mem_write(SYSTEM_MEMORY, struct.pack("<II", ROM_STACK, ROM_ENTRY | 1))
    written: list[int] = []
    core.hook_add(
        UC_HOOK_MEM_WRITE,
        lambda *found: written.append(found[2]),
        begin=PERIPHERALS,
        end=PERIPHERALS + 0x2_FFFF,
    )
    stack, entry = struct.unpack("<II", core.mem_read(FLASH, 8))
    core.reg_write(UC_ARM_REG_SP, stack)
    core.emu_start(entry, ROM_ENTRY, count=INSTRUCTIONS)
    return core, written


def test_the_rom_gets_the_chip_as_a_reset_leaves_it() -> None:
    core, written = start(LOADER)
    assert core.reg_read(UC_ARM_REG_PC) == ROM_ENTRY
    assert core.reg_read(UC_ARM_REG_MSP) == ROM_STACK
    assert written == [APB2ENR, MEMRMP]


@pytest.mark.parametrize("how", [0, WITHOUT_MODULES])
def test_other_starts_do_not_go_there(how: int) -> None:
    core, written = start(how)
    assert FLASH <= core.reg_read(UC_ARM_REG_PC) < FLASH + 0x8_0000
    assert written == []
