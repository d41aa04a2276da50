"""The tables of boards in the documents, and the template of a family."""

from __future__ import annotations

import re

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import board_table
from board_keys import BoardError
from board_toml import ROOT, board_names, read_board

TEMPLATE = ROOT / "build" / "_template"
BOARDS = [read_board(ROOT / "boards" / name / "board.toml") for name in board_names()]


def test_the_tables_hold_what_the_boards_say() -> None:
    begin, end = board_table.BEGIN.format("support"), board_table.END
    text = board_table.filled(f"before\n{begin}stale\n{end}after\n", BOARDS)
    assert text.startswith(f"before\n{begin}\n| board |")
    assert text.endswith(f"|\n\n{end}after\n")
    assert "stale" not in text
    for board in BOARDS:
        assert f"| `{board.name}` | {board.support.works[0]}" in text
        for what, why in board.support.missing.items():
            assert f"**{what}**: {why}" in text
    assert board_table.filled(text, BOARDS) == text


def test_a_table_without_an_end_is_named() -> None:
    with pytest.raises(BoardError, match="'hardware' has no end"):
        board_table.filled(board_table.BEGIN.format("hardware"), BOARDS)


def test_every_board_is_in_every_table() -> None:
    for render in board_table.TABLES.values():
        rows = render(BOARDS).splitlines()
        assert [row.split("`")[1] for row in rows[2:]] == board_names()
        assert len({row.count("|") for row in rows}) == 1


def test_the_template_is_no_board() -> None:
    assert "_template" not in board_names()


def test_the_template_implements_every_function_of_the_hal() -> None:
    declared = set(re.findall(r"\b(hal_\w+)\(", (ROOT / "firmware/hal.h").read_text()))
    defined = set()
    for path in TEMPLATE.glob("obj/boards/**/*.o"):
        with path.open("rb") as file:
            symbols = ELFFile(file).get_section_by_name(".symtab")
            assert isinstance(symbols, SymbolTableSection)
            defined |= {symbol.name for symbol in symbols.iter_symbols() if symbol["st_shndx"] != "SHN_UNDEF"}
    on_a_network = {"hal_udp_recv", "hal_udp_send"}  # which this board has not
    assert declared - on_a_network == {name for name in defined if name.startswith("hal_")}
