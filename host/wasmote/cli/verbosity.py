"""-v and -q, which every command takes, before its name and after it."""

from __future__ import annotations

import logging

import rich_click as click

_KEY = "wasmote.verbosity"  # in the context's meta, which a command shares with its groups
_LEVELS = {0: logging.CRITICAL, 1: logging.INFO}


def is_quiet() -> bool:
    """Whether only what was asked for is printed, and errors."""
    context = click.get_current_context(silent=True)
    return context is not None and context.meta.get(_KEY, 0) < 0


def _count(context: click.Context, parameter: click.Parameter, times: int) -> None:
    step = -times if parameter.name == "quiet" else times
    context.meta[_KEY] = verbosity = context.meta.get(_KEY, 0) + step
    # A lossy line makes aiocoap warn of every message that it drops: that is for those who look for it.
    logging.getLogger("wasmote.coap").setLevel(_LEVELS.get(max(verbosity, 0), logging.DEBUG))


def _options() -> list[click.Parameter]:
    return [
        click.Option(
            ["-v", "--verbose"],
            count=True,
            metavar="",
            expose_value=False,
            callback=_count,
            help="Log what happens on the link; -vv logs every message.",
        ),
        click.Option(
            ["-q", "--quiet"],
            count=True,
            metavar="",
            expose_value=False,
            callback=_count,
            help="Print what was asked for and errors; no progress, no notes, no confirmations.",
        ),
    ]


def with_verbosity(command: click.Command) -> click.Command:
    """Give a command, and all commands below a group, these options; once."""
    if not any(parameter.name == "quiet" for parameter in command.params):
        command.params.extend(_options())
    if isinstance(command, click.Group):
        for below in command.commands.values():
            with_verbosity(below)
    return command
