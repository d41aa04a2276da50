"""What is linked: the emulated image against the shipped one, and no heap."""

from __future__ import annotations

import struct

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import board_config
import size_report
from wasmote.sim import ROOT

FOLDER = ROOT / "build" / "netduinoplus2"
BOARD = board_config.read_board(ROOT / "boards/netduinoplus2/board.toml")
CHIP = "boards/families/stm32f4/chip.c.o"
EMULATOR = "boards/emulators/qemu_stm32.c.o"


def objects(image: str) -> set[str]:
    """Names of all objects of ours that an image holds something of."""
    found = size_report.pieces((FOLDER / f"{image}.map").read_text())
    return {piece.owner.partition("obj/")[2] for piece in found if "/obj/" in piece.owner}


@pytest.mark.parametrize("app", ["firmware", "check"])
def test_the_emulated_image_differs_by_one_object(app: str) -> None:
    shipped, emulated = objects(app), objects(f"{app}-qemu")
    assert shipped - emulated == {CHIP}
    assert emulated - shipped == {EMULATOR}


def symbols(image: str) -> set[str]:
    with (FOLDER / f"{image}.elf").open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        return {symbol.name for symbol in table.iter_symbols()}


@pytest.mark.parametrize("image", ["firmware", "firmware-qemu"])
def test_nothing_allocates(image: str) -> None:
    assert not symbols(image) & {"malloc", "calloc", "realloc", "free", "_sbrk"}


def test_the_binary_starts_with_stack_and_entry() -> None:
    stack, entry = struct.unpack("<II", (FOLDER / "firmware.bin").read_bytes()[:8])
    memory = {memory.name: memory for memory in BOARD.memories}
    assert stack == memory["sram"].origin + BOARD.budgets["stack"]
    assert memory["flash"].origin <= entry < memory["flash"].origin + BOARD.firmware_bytes
    assert entry & 1  # Thumb


def test_the_arena_fills_the_core_coupled_memory() -> None:
    with (FOLDER / "firmware.elf").open("rb") as file:
        arena = ELFFile(file).get_section_by_name(".arena")
    memory = {memory.name: memory for memory in BOARD.memories}
    assert arena["sh_addr"] == memory["ccm"].origin
    assert arena["sh_size"] == memory["ccm"].size
    assert arena["sh_type"] == "SHT_NOBITS"
