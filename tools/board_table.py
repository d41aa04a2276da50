"""Write the tables of boards from board.toml into the documents: README.md and boards/README.md.

A table stands between two comments, `<!-- boards: NAME -->` and `<!-- boards: end -->`. `--check` (part of
`make lint`) exits with status 1 and names the documents that are stale.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from board_keys import BoardError
from board_model import Board
from board_toml import LEVELS, ROOT, board_names, read_board

DOCUMENTS = ("README.md", "boards/README.md")
BEGIN, END = "<!-- boards: {} -->\n", "<!-- boards: end -->\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def mhz(hertz: int) -> str:
    """Return a frequency as people write it."""
    return f"{hertz / 1e6:g} MHz"


def clock(board: Board) -> str:
    """Return the core's clock and the crystal that it comes from."""
    if not board.clock:
        return "the emulator's" if board.emulator else "the host's"
    if "hse_hz" not in board.clock:
        return f"{mhz(board.clock['core_hz'])}, the chip's own oscillator"
    source = "fed with" if board.clock.get("hse_bypass") else "crystal"
    return f"{mhz(board.clock['core_hz'])}, {source} {mhz(board.clock['hse_hz'])}"


def budgets(board: Board) -> str:
    """Return what an image may take of each memory, of how much, and the stack in it."""
    parts = [
        f"{memory.name} {board.budgets[memory.name]:,} of {board.capacity(memory):,}"
        for memory in board.memories
    ]
    if board.memories:
        parts.append(f"stack {board.budgets['stack']:,}")
    return "<br>".join(parts) or "none"


def link(board: Board) -> str:
    """Return how a board is reached."""
    if board.link["kind"] == "pty":
        return "pseudo-terminal" + (", UDP" if board.net else "")
    if board.link["kind"] == "emulated":
        return "an emulated UART"
    if board.link["kind"] == "usb-uart":
        return f"the chip's USB, and UART0 with {board.link['baud']:,} baud"
    port = f"USART{board.link['usart']}" if "usart" in board.link else "UART"
    pins = f"sends on {board.link['tx']}, receives on {board.link['rx']}, {board.link['baud']:,} baud"
    return f"{port}: {pins}" + (", UDP" if board.net else "")


def escape(board: Board) -> str:
    """Return what makes a board start without modules."""
    if board.escape is None:
        return "the emulator's" if board.emulator else "an option"
    if board.escape.is_break:
        return f"break on {board.escape.pin}"
    return f"{board.escape.pin} {LEVELS[board.escape.active]}"


def banks(board: Board) -> str:
    """Return where modules lie."""
    if board.flash is None:
        return "none"
    return " + ".join(
        f"{len(list(run))} x {size // 1024} KiB"
        for size, run in itertools.groupby(sector.size for sector in board.flash.banks)
    )


def sensors(board: Board) -> str:
    """Return sensors with their channels and units."""
    return "<br>".join(
        f"`{sensor.name}`: "
        + ", ".join(f"{name} ({unit})" for name, unit in zip(sensor.channels, sensor.units, strict=True))
        for sensor in board.sensors
    )


def overview(boards: Sequence[Board]) -> str:
    """Return README.md's table: which boards, and how far to trust them."""
    rows = [(f"`{board.name}`", board.title, board.chip, board.cpu, board.support.tested) for board in boards]
    return table(("board", "what", "chip", "cpu", "how it is tested here"), rows)


def hardware(boards: Sequence[Board]) -> str:
    """Return the table of what the boards are."""
    columns = {
        "clock": clock,
        "budgets, bytes": budgets,
        "banks": banks,
        "link": link,
        "boot escape": escape,
        "sensors": sensors,
    }
    rows = [
        (f"`{board.name}`", board.chip, board.cpu, *(column(board) for column in columns.values()))
        for board in boards
    ]
    return table(("board", "chip", "cpu", *columns), rows)


def support(boards: Sequence[Board]) -> str:
    """Return the table of what works on each board, and for what does not, why."""
    rows = [
        (
            f"`{board.name}`",
            "<br>".join(board.support.works),
            "<br>".join(f"**{what}**: {why}" for what, why in board.support.missing.items()),
        )
        for board in boards
    ]
    return table(("board", "works", "does not, and why"), rows)


def over_link(board: Board) -> str:
    """Return by what a board is updated over its link, or why it is not."""
    if board.loader_hears_link:
        return "by " + next(runner.name for runner in board.runners if runner.hears_link)
    if not board.runners:
        return ""
    return f"no: the ROM does not listen on {board.link['tx']} and {board.link['rx']}"


def flashing(boards: Sequence[Board]) -> str:
    """Return the table of how each board is flashed, best way first, and how that was tried."""
    rows = [
        (
            f"`{board.name}`",
            "<br>".join(f"**{runner.name}**: {runner.enter}" for runner in board.runners) or "is simulated",
            "<br>".join(f"**{runner.name}**: {runner.tried}" for runner in board.runners),
            over_link(board),
        )
        for board in boards
    ]
    head = ("board", "by what, and how the chip is made to listen", "how that was tried", "over the link")
    return table(head, rows)


TABLES: dict[str, Callable[[Sequence[Board]], str]] = {
    "overview": overview,
    "hardware": hardware,
    "support": support,
    "flashing": flashing,
}


def filled(document: str, boards: Sequence[Board]) -> str:
    """Return a document's text with every table in it written anew."""
    for name, render in TABLES.items():
        before, begin, rest = document.partition(BEGIN.format(name))
        if not begin:
            continue
        _, end, after = rest.partition(END)
        if not end:
            raise BoardError(f"the table '{name}' has no end: {END.strip()}")
        document = f"{before}{begin}\n{render(boards)}\n{end}{after}"
    return document


def main(argv: list[str] | None = None) -> int:
    """Write the tables, or with --check only compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write the documents whose tables are stale")
    action.add_argument("--check", action="store_true", help="write nothing; exit 1 when a table is stale")
    arguments = parser.parse_args(argv)
    boards = [read_board(ROOT / "boards" / name / "board.toml") for name in board_names()]
    stale = 0
    for name in DOCUMENTS:
        path: Path = ROOT / name
        text = path.read_text(encoding="utf-8")
        wanted = filled(text, boards)
        if wanted == text:
            continue
        stale += 1
        if arguments.write:
            path.write_text(wanted, encoding="utf-8")
            print(f"wrote {name}")
        else:
            print(f"{name} is stale: run tools/board_table.py --write and commit it", file=sys.stderr)
    return int(arguments.check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
