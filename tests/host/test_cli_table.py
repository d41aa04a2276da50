"""Tables fit the terminal, and no word of them is lost."""

from __future__ import annotations

import os
import pty
import struct
import subprocess
import sys
import termios
from fcntl import ioctl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_node import FakeNode
from test_cli import Background
from wasmote.cli.table import table_lines
from wasmote.wire.modules import ModuleState, ModuleStatus

ROWS = [
    ("slot", "state", "note"),
    ("0", "trapped", "module alarm: out of bounds memory access; starts again in 1.0 s"),
    ("1", "running", ""),
]


def test_without_a_terminal_columns_are_as_wide_as_their_cells():
    assert list(table_lines(ROWS)) == [
        "slot  state    note",
        "0     trapped  module alarm: out of bounds memory access; starts again in 1.0 s",
        "1     running",
    ]


def test_the_widest_column_is_wrapped():
    assert list(table_lines(ROWS, 40)) == [
        "slot  state    note",
        "0     trapped  module alarm: out of",
        "               bounds memory access;",
        "               starts again in 1.0 s",
        "1     running",
    ]


def test_words_that_are_too_long_for_columns_become_blocks():
    rows = [("link", "board"), ("serial:id=0669FF505254877567", "stm32f4-discovery?")]
    assert list(table_lines(rows, 34, head=True)) == [
        "link: serial:id=0669FF505254877567",
        "  board: stm32f4-discovery?",
    ]


words = st.text(st.characters(categories=("L", "N", "P"), max_codepoint=0x2FF), min_size=1, max_size=12)
cells = st.lists(words, max_size=8).map(" ".join)


@given(st.lists(st.tuples(cells, cells, cells), min_size=2, max_size=5), st.integers(20, 80), st.booleans())
def test_every_line_fits_and_every_word_is_there(rows, width, head):
    lines = list(table_lines(rows, width, head=head))
    longest = max((len(word) for row in rows for cell in row for word in cell.split()), default=0)
    assert all(len(line) <= max(width, longest + 4) for line in lines)
    text = " ".join(lines)
    assert all(word in text for row in rows for cell in row for word in cell.split())


@pytest.mark.parametrize("columns", [60, 200])
def test_ls_fits_the_terminal(columns):
    fake = FakeNode()
    error = "module alarm: out of bounds memory access in a long way of saying so"
    fake.slots[0] = ModuleStatus(0, ModuleState.TRAPPED, "alarm", "1.0.0", error=error)
    with Background(fake, udp=True) as background:
        controller, terminal = pty.openpty()
        ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "wasmote", "ls", "--link", background.url],
            stdout=terminal,
            env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
        )
        os.close(terminal)
        said = read_all(controller)
        assert process.wait() == 0
    lines = said.replace("\r", "").splitlines()
    assert max(map(len, lines)) <= columns
    assert (error in said) is (columns == 200)


def read_all(controller: int) -> str:
    """Read until the other end is closed, which a pseudo-terminal tells as EIO (pty(7))."""
    said = b""
    with os.fdopen(controller, "rb", buffering=0) as file:
        while True:
            try:
                chunk = file.read(4096)
            except OSError:
                return said.decode()
            if not chunk:
                return said.decode()
            said += chunk
