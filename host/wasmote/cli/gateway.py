"""`wasmote gateway`: the daemon that deploys modules, follows boards and runs models."""

from __future__ import annotations

import asyncio
from pathlib import Path

import rich_click as click

from wasmote.cli.common import trace_option

_file = click.argument("file", type=click.Path(path_type=Path))
_links = click.option(
    "--link",
    "links",
    metavar="NAME=URL",
    multiple=True,
    help="Reach board NAME here; repeatable. Default: FILE's links.",
)


@click.group()
def gateway() -> None:
    """Deploy modules to boards, follow their streams, feed models."""


@gateway.command()
@_file
@_links
@click.option(
    "--store", type=click.Path(path_type=Path, dir_okay=False), help="Database to write. Default: FILE's."
)
@click.option("--port", type=click.IntRange(0, 65535), help="HTTP port; 0 takes a free one. Default: FILE's.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="How much to log.",
)
@trace_option
def run(file: Path, links: tuple[str, ...], store: Path | None, port: int | None, log_level: str) -> None:
    """Run the gateway that the TOML file FILE describes, until SIGTERM or Ctrl-C.

    Predictions go to standard output as JSON lines, the log to standard error, and both to whoever asks the
    HTTP address for /predictions and /boards.
    """
    from wasmote.gateway.config import load, override
    from wasmote.gateway.core import Gateway
    from wasmote.gateway.logs import log_to_stderr

    log_to_stderr(log_level)
    config = override(load(file, links), store=store, port=port)
    asyncio.run(Gateway(config).run())


@gateway.command()
@_file
@_links
def check(file: Path, links: tuple[str, ...]) -> None:
    """Check the configuration FILE, and that modules build and models fit them. Touches no board."""
    from wasmote.gateway.config import load
    from wasmote.gateway.core import Gateway

    config = load(file, links)
    asyncio.run(Gateway(config).load())
    click.echo(
        f"{file}: {len(config.boards)} boards, {len(config.modules)} modules, "
        f"{len(config.pipelines)} pipelines, all fit"
    )
