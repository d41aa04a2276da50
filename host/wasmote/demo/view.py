"""The demo on a terminal: a table that grows with the predictions; plain lines where there is no terminal."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from wasmote.demo.tally import Day
from wasmote.series import datetime_of

ROWS = 16
BAR_CELLS_MAX = 34
OTHER_COLUMNS = 70  # cells that the rest of a row takes
PLAIN_EVERY = 30
REFRESH_HZ = 12


class View(AbstractContextManager["View"]):
    """Shows steps, then days as they are predicted, then closing lines."""

    def __init__(self, console: Console, boards: tuple[str, ...], days: int, highest: float) -> None:
        self._console = console
        self._boards = boards
        self._days = days
        self._highest = highest
        self._cells_of_bar = min(max(console.width - OTHER_COLUMNS, 8), BAR_CELLS_MAX)
        self._shown: deque[Day] = deque(maxlen=ROWS)
        self._count = 0
        self._note = ""
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(
                console=self._console, refresh_per_second=REFRESH_HZ, get_renderable=self._picture
            )
            self._live.__enter__()
        else:
            self._console.print(self._plain_head(), highlight=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, fault, trace)

    def day(self, day: Day) -> None:
        """Show a day."""
        self._shown.append(day)
        self._count += 1
        if self._live is None and (self._count % PLAIN_EVERY == 0 or self._count == self._days):
            self._console.print(self._plain_row(day), highlight=False)

    def note(self, text: str) -> None:
        """Say what is going on."""
        self._note = text
        if self._live is None:
            self._console.print(f"  {text}", highlight=False)

    # ---- terminal ---------------------------------------------------------------------------

    def _picture(self) -> RenderableType:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        table.add_column("day")
        table.add_column("rain", justify="right")
        table.add_column("observed", justify="right")
        for board in self._boards:
            table.add_column(board, justify="right", style="cyan")
        table.add_column("")
        table.add_column(Text.assemble(("▆ ", "blue"), "observed  ", ("◆ ", "bold yellow"), "forecast"))
        table.add_column("module")
        for day in self._shown:
            table.add_row(*self._cells(day))
        return Group(table, self._progress(), Text(self._note, style="dim"))

    def _cells(self, day: Day) -> list[RenderableType]:
        predicted = [f"{day.predicted[board]:.1f}" for board in self._boards]
        equal = len(set(day.predicted.values())) == 1
        return [
            f"{datetime_of(day.time_ms):%d %b %Y}",
            f"{day.rain:.1f} mm",
            f"{day.flow:.1f}",
            *predicted,
            Text("=", "green") if equal else Text("≠", "bold red"),
            self._bar(day),
            Text(day.version, "magenta" if day.version != self._shown[0].version else "dim"),
        ]

    def _bar(self, day: Day) -> Text:
        """The observed flow as a bar, with the forecast as a mark on it."""
        cells = self._cells_of_bar
        scale = (cells - 1) / self._highest
        filled = round(day.flow * scale)
        mark = min(max(round(day.predicted[self._boards[0]] * scale), 0), cells - 1)
        bar = Text()
        for cell in range(cells):
            if cell == mark:
                bar.append("◆", "bold yellow")
            else:
                bar.append("▆" if cell < filled else " ", "blue")
        return bar

    def _progress(self) -> RenderableType:
        line = Table.grid(padding=(0, 1))
        line.add_row(
            ProgressBar(total=self._days, completed=self._count, width=50),
            f"{self._count} of {self._days} days",
        )
        return line

    # ---- no terminal ------------------------------------------------------------------------

    def _plain_head(self) -> str:
        boards = "".join(f"{board:>10}" for board in self._boards)
        return f"{'day':<12}{'rain mm':>9}{'observed':>10}{boards}  module   (flows in m3/s)"

    def _plain_row(self, day: Day) -> str:
        boards = "".join(f"{day.predicted[board]:>10.1f}" for board in self._boards)
        return (
            f"{datetime_of(day.time_ms):%Y-%m-%d}  {day.rain:>9.1f}{day.flow:>10.1f}{boards}  {day.version}"
        )
