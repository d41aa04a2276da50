"""The demo's picture: observed and predicted flow, the rain above them, and the largest flood in close-up."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wasmote.errors import WasmoteError
from wasmote.series import datetime_of

if TYPE_CHECKING:
    from wasmote.demo.tally import Day

INK, OBSERVED, RAIN = "#22313f", "#9fb3c8", "#4f8fc0"
FORECASTS = ("#d9480f", "#0b7285")  # one a board
CLOSE_UP_DAYS = 21  # before and after the peak


class PlotFault(WasmoteError):
    """There is nothing here to draw with."""


@dataclass(frozen=True)
class Caption:
    """What the picture says besides the flows: when each board changed over, from which release to which."""

    title: str
    nse: float
    swaps_ms: tuple[int, ...]
    versions: tuple[str, str]


def draw(days: list[Day], boards: tuple[str, ...], caption: Caption, path: Path) -> None:
    """Write the picture as PNG."""
    plt = _pyplot()
    times = [datetime_of(day.time_ms) for day in days]
    figure, (wide, close) = plt.subplots(
        2, 1, figsize=(12, 8.2), dpi=130, height_ratios=(3, 2), layout="constrained"
    )
    figure.patch.set_facecolor("white")
    figure.get_layout_engine().set(h_pad=0.14, w_pad=0.1)
    _flows(wide, times, days, boards, width=1.1)
    _rain(wide, times, days)
    _mark_swaps(wide, [datetime_of(moment) for moment in caption.swaps_ms], caption.versions)
    wide.set_title(caption.title, loc="left", fontsize=14, fontweight="bold", color=INK, pad=26)
    _subtitle(
        wide,
        f"{len(days)} days, Nash-Sutcliffe efficiency {caption.nse:.3f}; both boards agree to the last bit",
    )
    _legend(wide)
    peak = max(range(len(days)), key=lambda index: days[index].flow)
    part = slice(max(0, peak - CLOSE_UP_DAYS), peak + CLOSE_UP_DAYS + 1)
    _flows(close, times[part], days[part], boards, width=1.8, dots=True)
    close.set_title(
        f"The largest flood: {days[peak].flow:.0f} m³/s on {times[peak]:%d %B %Y}",
        loc="left",
        fontsize=11,
        color=INK,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    plt.close(figure)


def _flows(
    axes: Any,
    times: list[datetime],
    days: list[Day],
    boards: tuple[str, ...],
    *,
    width: float,
    dots: bool = False,
) -> None:
    observed = [day.flow for day in days]
    axes.fill_between(times, observed, color=OBSERVED, alpha=0.55, linewidth=0, label="observed")
    axes.plot(times, observed, color=INK, linewidth=0.7, alpha=0.6)
    for index, board in enumerate(boards):
        predicted = [day.predicted[board] for day in days]
        style = {"linewidth": width} if index == 0 else {"linewidth": width, "linestyle": (0, (2, 3))}
        marker = {"marker": "o", "markersize": 3.2} if dots and index == 0 else {}
        axes.plot(times, predicted, color=FORECASTS[index % 2], label=f"forecast, {board}", **style, **marker)
    axes.set_ylabel("mean daily flow, m³/s", color=INK)
    axes.set_xlim(times[0], times[-1])
    highest = max(max(day.flow, *(day.predicted[board] for board in boards)) for day in days)
    axes.set_ylim(0, 1.08 * highest)
    axes.grid(axis="y", color="#e3e8ee", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    _date_ticks(axes, "%-d %b" if dots else "%b %Y")


def _rain(axes: Any, times: list[datetime], days: list[Day]) -> None:
    """Rain from the top down, as hydrologists draw it."""
    rain = np.array([day.rain for day in days])
    above = axes.twinx()
    above.bar(times, rain, width=1.0, color=RAIN, alpha=0.75, linewidth=0, label="rain")
    above.set_ylim(4.2 * max(float(rain.max()), 1.0), 0)
    ticks = [tick for tick in (0, 10, 20, 30, 40, 50) if tick <= rain.max()]
    above.set_yticks(ticks)
    above.set_ylabel("rain, mm/day", color=RAIN, loc="top")
    above.tick_params(colors=RAIN, labelsize=8)
    for side in ("top", "left", "bottom"):
        above.spines[side].set_visible(False)
    above.spines["right"].set_color(RAIN)
    above.spines["right"].set_bounds(0, ticks[-1])
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * 1.28)  # room for the rain


def _mark_swaps(axes: Any, moments: list[datetime], versions: tuple[str, str]) -> None:
    for moment, color in zip(moments, FORECASTS, strict=False):
        axes.axvline(moment, ymax=0.76, color=color, linewidth=1.3, linestyle=(0, (5, 3)))
    axes.annotate(
        f"module swapped on both boards, {versions[0]} → {versions[1]}",
        xy=(max(moments), 0.71),
        xycoords=("data", "axes fraction"),
        xytext=(7, 0),
        textcoords="offset points",
        color=INK,
        fontsize=9,
    )


def _subtitle(axes: Any, text: str) -> None:
    axes.annotate(
        text, xy=(0, 1), xycoords="axes fraction", xytext=(0, 9), textcoords="offset points", color="#5c6b7a"
    )


def _legend(axes: Any) -> None:
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False, fontsize=9, labelcolor=INK
    )


def _date_ticks(axes: Any, form: str) -> None:
    dates = importlib.import_module("matplotlib.dates")
    axes.xaxis.set_major_locator(dates.AutoDateLocator(minticks=5, maxticks=10))
    axes.xaxis.set_major_formatter(dates.DateFormatter(form))


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError as fault:
        raise PlotFault(
            "the plot needs matplotlib, which is not installed", "pip install 'wasmote[plot]'"
        ) from fault
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
