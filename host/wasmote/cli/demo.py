"""`wasmote demo`: the whole product in a minute, on emulated boards."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.console import Console

from wasmote.cli.examples import examples
from wasmote.demo.material import is_packaged
from wasmote.errors import WasmoteError
from wasmote.flash.images import CHECKOUT

if TYPE_CHECKING:
    from wasmote.demo.story import Summary

TIMES = "(emulated time: in QEMU 8 ns an instruction, native this machine's; no chip's)"
WARM_UP_DAYS = 365  # the module's longest memory halves in 45 days


@click.command("demo")
@click.option(
    "--data", type=click.Path(path_type=Path), envvar="WASMOTE_DATA", help="Recorded river days, CSV."
)
@click.option("--days", default=730, show_default=True, type=click.IntRange(min=60), help="Days to predict.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where results go. Default: wasmote-demo in this folder; of a checkout, build/demo.",
)
@examples("wasmote demo", "wasmote demo --days 365 --out results")
def demo(data: Path | None, days: int, out: Path | None) -> None:
    """Predict two years of a river from two emulated boards, while their module is swapped and moved.

    An installed package runs two native boards; a checkout one in QEMU and one native.

    In the middle comes a new release, then a bad one that the boards roll back; then the module moves to the
    gateway and back. The predictions are those of a module that nothing happens to.

    The module first sees a year that is not scored, so that its memory of past rain is filled.
    """
    console = Console()
    started = time.monotonic()
    out = out or (Path("wasmote-demo") if is_packaged() else CHECKOUT / "build" / "demo")
    try:
        summary = _run(console, data, days, out)
    except (WasmoteError, ExceptionGroup) as raised:
        if (log := out / "gateway.log").exists():
            click.echo(f"the gateway's log: {log}", err=True)
        if (out / "gateway.sqlite").exists():
            click.echo(f"its database: {_kept(out)}", err=True)
        raise _first(raised) from None
    _close(console, summary, out, time.monotonic() - started)


def _kept(out: Path) -> Path:
    """Put what a failed run has stored where the next one leaves it alone; return where."""
    folder = out / time.strftime("failed-%Y%m%d-%H%M%S")
    folder.mkdir(exist_ok=True)
    for path in out.glob("gateway.sqlite*"):
        path.rename(folder / path.name)
    return folder / "gateway.sqlite"


def _run(console: Console, data: Path | None, days: int, out: Path) -> Summary:
    from wasmote.demo.material import load_material
    from wasmote.demo.story import tell, write
    from wasmote.gateway.logs import log_to

    out.mkdir(parents=True, exist_ok=True)
    with (out / "gateway.log").open("w", encoding="utf-8") as log:
        log_to(log, "debug", as_json=False)
        material = load_material(data, days, WARM_UP_DAYS, out)
        summary = asyncio.run(tell(material, console))
    write(summary, out)
    return summary


def _first(raised: WasmoteError | ExceptionGroup[Exception]) -> WasmoteError:
    """The error to report: what several tasks raised at once has one cause. A bug is raised on."""
    while isinstance(raised, ExceptionGroup):
        known, unknown = raised.split(WasmoteError)
        if known is None or unknown is not None:
            raise raised
        raised = known.exceptions[0]
    return raised


def _close(console: Console, summary: Summary, out: Path, seconds: float) -> None:
    from wasmote.demo.story import PLOT

    def line(label: str, text: str) -> None:
        console.print(f"  {label:<14}{text}", highlight=False)

    console.print()
    line("data", summary.data)
    line("samples", f"{summary.samples} days to each board, after {WARM_UP_DAYS} to fill its memory")
    line("features", f"{summary.features} vectors from each board, bit-equal to wasmtime's")
    line("predictions", f"{summary.predictions} for each board, equal to the last bit")
    line("skill", f"Nash-Sutcliffe efficiency {summary.nse:.4f}")
    for name, board in summary.boards.items():
        state = "state handed over" if board["state_handed_over"] else "state began anew"
        line(f"swap, {name}", f"{board['swap_gap_ms']:.2f} ms without a running module, {state}")
        line("", f"a bad release rolled back by itself: {str(board['rolled_back']).partition(':')[0]}")
        line("", f"moved to the gateway and back, {board['moved_paused_s']:.2f} s without events")
    line("", TIMES)
    line("sequence gaps", f"{summary.sequence_gaps}")
    if (out / PLOT).exists():
        line("plot", str(out / PLOT))
    line("summary", str(out / "summary.json"))
    console.print(f"\n[bold green]done[/] in {seconds:.0f} s", highlight=False)
