"""Tables as lines of text, no wider than the terminal that shows them: what is long is wrapped, not cut."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

GAP = "  "


def terminal_width() -> int | None:
    """How many columns standard output has; None where it is no terminal, and lines may be of any length."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table_lines(
    rows: Sequence[tuple[str, ...]], width: int | None = None, *, head: bool = False
) -> Iterator[str]:
    """Yield a table's lines: columns as wide as their widest cell, or what there is room for.

    Words are kept whole, since a link or a path is copied. Where they are too long for columns, each row
    becomes a block of lines, with the names in the first row, the `head`, before its cells.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if width is not None:
        least = [max(map(_longest_word, column)) for column in zip(*rows, strict=True)]
        if sum(least) + len(GAP) * (len(least) - 1) > width:
            yield from _blocks(rows, width, head=head)
            return
        _shrink(widths, least, width)
    for row in rows:
        yield from _row_lines(row, widths)


def _shrink(widths: list[int], least: Sequence[int], total: int) -> None:
    """Narrow the widest columns until all fit; each has room for its longest word."""
    while sum(widths) + len(GAP) * (len(widths) - 1) > total:
        _, widest = max((width, at) for at, width in enumerate(widths) if width > least[at])
        widths[widest] -= 1


def _row_lines(row: tuple[str, ...], widths: Sequence[int]) -> Iterator[str]:
    cells = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, cells))):
        parts = (cell[number] if number < len(cell) else "" for cell in cells)
        yield GAP.join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()


def _blocks(rows: Sequence[tuple[str, ...]], width: int, *, head: bool) -> Iterator[str]:
    names = rows[0] if head else ("",) * len(rows[0])
    for row in rows[1:] if head else rows:
        for at, (name, cell) in enumerate(zip(names, row, strict=True)):
            label = f"{name}: " if name else ""
            begin = "" if at == 0 else GAP
            yield from textwrap.wrap(
                label + cell,
                width,
                initial_indent=begin,
                subsequent_indent=begin + GAP,
                break_long_words=False,
                break_on_hyphens=False,
            )


def _wrapped(cell: str, width: int) -> list[str]:
    if len(cell) <= width:
        return [cell]
    return textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False)


def _longest_word(cell: str) -> int:
    return max(map(len, cell.split()), default=0)
