"""What several commands share: options, what is printed where, and a way to run coroutines."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import rich_click as click

from wasmote.cli.table import table_lines, terminal_width
from wasmote.cli.verbosity import is_quiet
from wasmote.errors import UsageFault, WasmoteError
from wasmote.link import trace
from wasmote.link.connection import is_link_loss
from wasmote.output import OutputFault, calling

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

    from wasmote.node import Node

P = ParamSpec("P")


class HelpfulGroup(click.RichGroup):
    """Without a command it prints its help, which is no mistake: git, cargo and docker do so as well."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments of the group itself."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), color=ctx.color)
            ctx.exit()
        return super().parse_args(ctx, args)


def no_color() -> bool:
    """Whether the user wants no colors, https://no-color.org: set, and not empty."""
    return bool(os.environ.get("NO_COLOR"))


def require_link(value: str | None) -> str:
    """Return the link; where none was given, that of the only board. Raises DeviceNotFound."""
    if value is not None:
        return value
    from wasmote.devices import only_board

    link = only_board()
    note(f"{link}: the only board here")
    return link


def _check_link(context: click.Context, _: click.Parameter, value: str | None) -> str | None:
    return value if context.resilient_parsing else require_link(value)


def _start_trace(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    if path is not None:
        trace.start(path)
        context.call_on_close(trace.stop)


trace_option = click.option(
    "--trace",
    metavar="FILE.pcapng",
    envvar="WASMOTE_TRACE",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_start_trace,
    expose_value=False,
    help="Write every message into this file, for Wireshark. "
    "Default: the environment variable WASMOTE_TRACE.",
)

_link_option = click.option(
    "--link",
    metavar="URL",
    envvar="WASMOTE_LINK",
    callback=_check_link,
    help="serial:///dev/ttyACM0?baud=115200, serial:id=SERIAL, tcp://HOST:PORT, unix:/PATH or "
    "coap://HOST[:PORT]. Default: the environment variable WASMOTE_LINK, else the only board that is there.",
)


def link_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what every command that talks to a board has: --link and --trace."""
    return _link_option(trace_option(command))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


def run_async(command: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a command of a coroutine function."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            asyncio.run(_interruptible(command(*args, **kwargs)))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None

    return run


async def _interruptible(command: Coroutine[Any, Any, None]) -> None:
    """Let every Ctrl-C and SIGTERM cancel the command, so that it tidies up and lets go of the port.

    asyncio's own handler cancels at the first one only: a second one, as impatient people and process groups
    send it, would raise KeyboardInterrupt anywhere, even in the middle of a write.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    loop.set_exception_handler(_report_bug)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
    with _ended_by_faults_elsewhere(task):
        await command


@contextmanager
def _ended_by_faults_elsewhere(task: asyncio.Task[Any]) -> Iterator[None]:
    """Cancel the command when an output fails in another task or in a callback, and raise that fault."""
    found: list[OutputFault] = []

    def end(fault: OutputFault) -> None:
        if asyncio.current_task(task.get_loop()) is not task:  # where it is, the exception ends it
            found.append(fault)
            task.cancel()

    with calling(end):
        try:
            yield
        except asyncio.CancelledError:
            if found:
                raise found[0] from None
            raise


def _report_bug(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what asyncio reports, but not a port or an output that broke: these are no bugs."""
    if not is_link_loss(context) and not isinstance(context.get("exception"), OutputFault):
        loop.default_exception_handler(context)


async def check_slot(node: Node, slot: int | None) -> None:
    """Raise `UsageFault` for a slot that the node does not have."""
    if slot is not None and slot >= (slots := (await node.info()).slots):
        raise UsageFault(f"{node.url}: there is no slot {slot}", f"its slots are 0 to {slots - 1}")


def tell_waiting(fault: WasmoteError) -> None:
    """Say on standard error that a link broke, and that the command goes on when it is back."""
    note(f"{fault.message}; waiting for it")


def say(text: str) -> None:
    """Confirm on standard output what was done; not with --quiet. What was asked for is no confirmation."""
    if not is_quiet():
        click.echo(text)


def note(text: str) -> None:
    """Tell on standard error what is worth knowing beside the output; not with --quiet."""
    if not is_quiet():
        click.echo(text, err=True)


def counted(count: int, noun: str) -> str:
    """Put a number before a noun: 1 module, 2 modules."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def print_columns(rows: Sequence[tuple[str, ...]], indent: str = "", *, head: bool = False) -> None:
    """Print columns; on a terminal they fit it. `head`: the first row names the columns."""
    width = terminal_width()
    for line in table_lines(rows, None if width is None else width - len(indent), head=head):
        click.echo(f"{indent}{line}".rstrip())


def progress_bar(*columns: ProgressColumn, transient: bool = False) -> Progress:
    """Make a progress bar on standard error, which shows itself on a terminal only, and not with --quiet."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    shown = (TextColumn("{task.description}"), BarColumn(), *columns)
    disable = is_quiet() or not sys.stderr.isatty()
    return Progress(*shown, console=Console(stderr=True), transient=transient, disable=disable)


def print_json(value: object, *, indent: int | None = None) -> None:
    """Print one JSON value on standard output, at once."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=indent))
