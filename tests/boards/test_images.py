"""What is linked: the emulated image against the shipped one, no heap, and the instructions of the core."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import size_report
from board_model import Board
from board_toml import read_board
from wasmote.sim import ROOT

BOARDS = ("netduino2", "netduinoplus2", "nucleo-f446re", "stm32f411-blackpill", "stm32f4-discovery")
IMAGES = [(board, "firmware") for board in BOARDS] + [("netduino2", "check"), ("netduinoplus2", "check")]
CHIP = {
    f"boards/{file}.c.o"
    for file in ("families/stm32f4/chip", "families/stm32f4/flash", "common/stm32/escape")
}
CALLED_BY_CHIP = {"boards/common/bare/escape.c.o"}  # by nothing else
EMULATOR = "boards/emulators/qemu_stm32.c.o"


def built(board: str, file: str) -> Path:
    return ROOT / "build" / board / file


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest) -> Board:
    return read_board(ROOT / "boards" / str(request.param) / "board.toml")


def objects(board: str, image: str) -> set[str]:
    """Names of all objects of ours that an image holds something of."""
    found = size_report.pieces(built(board, f"{image}.map").read_text())
    return {piece.owner.partition("obj/")[2] for piece in found if "/obj/" in piece.owner}


@pytest.mark.parametrize(("board", "app"), IMAGES)
def test_the_emulated_image_differs_by_one_file(board: str, app: str) -> None:
    shipped, emulated = objects(board, app), objects(board, f"{app}-qemu")
    assert shipped - emulated <= CHIP | CALLED_BY_CHIP  # the linker leaves out what is not called
    assert "boards/families/stm32f4/chip.c.o" in shipped - emulated
    assert emulated - shipped == {EMULATOR}


def symbols(board: Board, image: str) -> set[str]:
    with built(board.name, f"{image}.elf").open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        return {symbol.name for symbol in table.iter_symbols()}


ALLOCATORS = {"malloc", "calloc", "realloc", "free", "_sbrk"}


@pytest.mark.parametrize("image", ["firmware", "firmware-qemu"])
def test_nothing_allocates(board: Board, image: str) -> None:
    assert not symbols(board, image) & ALLOCATORS


def test_the_binary_starts_with_stack_and_entry(board: Board) -> None:
    stack, entry = struct.unpack("<II", built(board.name, "firmware.bin").read_bytes()[:8])
    memory = {memory.name: memory for memory in board.memories}
    assert stack == memory["sram"].origin + board.budgets["stack"]
    begin = board.origin(memory["flash"])
    assert begin <= entry < begin + board.firmware_bytes
    assert entry & 1  # Thumb


def test_the_arena_lies_where_the_board_says(board: Board) -> None:
    with built(board.name, "firmware.elf").open("rb") as file:
        arena = ELFFile(file).get_section_by_name(".arena")
    (memory,) = [memory for memory in board.memories if memory.arena]
    assert memory.name == ("ccm" if "ccm" in {memory.name for memory in board.memories} else "sram")
    assert memory.origin <= arena["sh_addr"] < memory.end
    assert arena["sh_size"] == board.limits.get("MODULE_ARENA_BYTES", 64 * 1024)
    assert arena["sh_type"] == "SHT_NOBITS"


def test_only_the_f405_has_floating_point_in_hardware(board: Board) -> None:
    with built(board.name, "firmware.elf").open("rb") as file:
        section = ELFFile(file).get_section_by_name(".ARM.attributes")
        tags = {
            a.tag: a.value
            for s in section.iter_subsections()
            for ss in s.iter_subsubsections()
            for a in ss.iter_attributes()
        }
    assert ("TAG_FP_ARCH" in tags) == (board.cpu == "cortex-m4f")


def test_the_report_agrees_with_the_image_about_each_region(board: Board) -> None:
    """The linker's map as the report reads it, against the addresses in the ELF file."""
    report = json.loads(built(board.name, "size.json").read_text())["regions"]
    with built(board.name, "firmware.elf").open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(symbols, SymbolTableSection)
        loaded = ELFFile(file).get_section_by_name(".data")
        ends = {
            name: symbols.get_symbol_by_name(name)[0]["st_value"] for name in ("__data_load", "__arena_end")
        }
        noinit = ELFFile(file).get_section_by_name(".noinit")
    memory = {memory.name: memory for memory in board.memories}
    ram_end = {"sram": noinit["sh_addr"] + noinit["sh_size"]}
    ram_end[next(memory.name for memory in board.memories if memory.arena)] = ends["__arena_end"]
    assert report["flash"]["used"] == ends["__data_load"] + loaded["sh_size"] - board.origin(memory["flash"])
    for name, end in ram_end.items():
        assert report[name]["used"] == end - memory[name].origin
    for name, region in report.items():
        assert region["used"] + region["free"] == board.capacity(memory[name])
        assert region["used"] <= board.budgets[name]


@pytest.fixture
def rv32() -> Board:
    return read_board(ROOT / "boards/qemu-rv32/board.toml")


def test_rv32_has_neither_floating_point_nor_atomic_instructions(rv32: Board) -> None:
    with built(rv32.name, "firmware.elf").open("rb") as file:
        elf = ELFFile(file)
        (attributes,) = [
            {attribute.tag: attribute.value for attribute in part.iter_attributes()}
            for section in elf.get_section_by_name(".riscv.attributes").iter_subsections()
            for part in section.iter_subsubsections()
        ]
        rvc, float_abi = 1, 6
        assert elf["e_flags"] & (rvc | float_abi) == rvc  # compressed, soft float
    extensions = {part.rstrip("p0123456789") for part in attributes["TAG_ARCH"].split("_")}
    assert extensions == {"rv32i", "m", "c", "zicsr", "zmmul"}


def test_rv32_starts_where_the_machine_does_and_vectors_are_aligned(rv32: Board) -> None:
    with built(rv32.name, "firmware.elf").open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        at = {
            name: table.get_symbol_by_name(name)[0]["st_value"]
            for name in ("_start", "__vectors", "__tls_start")
        }
        bss = elf.get_section_by_name(".bss")
        thread_local = elf.get_section_by_name(".tbss")
    assert at["_start"] == rv32.memories[0].origin
    assert at["__vectors"] % 256 == 0
    assert at["__tls_start"] == bss["sh_addr"]
    assert thread_local["sh_size"] <= bss["sh_size"]


def test_rv32_allocates_nothing_and_its_report_agrees_with_the_image(rv32: Board) -> None:
    assert not symbols(rv32, "firmware") & ALLOCATORS
    report = json.loads(built(rv32.name, "size.json").read_text())["regions"]
    with built(rv32.name, "firmware.elf").open("rb") as file:
        arena = ELFFile(file).get_section_by_name(".arena")
    sram = rv32.memories[1]
    assert report["sram"]["used"] == arena["sh_addr"] + arena["sh_size"] - sram.origin
    assert report["flash"]["used"] <= rv32.budgets["flash"]
