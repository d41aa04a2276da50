"""What several commands share: the options --link and --json, and a way to run coroutines."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

import rich_click as click

from wasmote.errors import UsageFault

P = ParamSpec("P")


def _require_link(_: click.Context, __: click.Parameter, value: str | None) -> str:
    if value is None:
        raise UsageFault(
            "which board? No link was given",
            "--link serial:///dev/ttyACM0, or set WASMOTE_LINK; `wasmote sim native` starts an emulated one",
        )
    return value


link_option = click.option(
    "--link",
    metavar="URL",
    envvar="WASMOTE_LINK",
    callback=_require_link,
    help="serial:///dev/ttyACM0?baud=115200, tcp://HOST:PORT, unix:/PATH or coap://HOST[:PORT]. "
    "Default: the environment variable WASMOTE_LINK.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


def run_async(command: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a command of a coroutine function."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(command(*args, **kwargs))

    return run


def print_json(value: object, *, indent: int | None = None) -> None:
    """Print one JSON value on standard output, at once."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=indent))
