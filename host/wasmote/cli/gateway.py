"""`wasmote gateway`: the daemon that deploys modules, follows boards and runs models."""

from __future__ import annotations

import asyncio
from pathlib import Path

import rich_click as click

from wasmote.cli.common import HelpfulGroup, counted, json_option, print_json, say, trace_option
from wasmote.cli.examples import examples

_file = click.argument("file", type=click.Path(path_type=Path))
_links = click.option(
    "--link",
    "links",
    metavar="NAME=URL",
    multiple=True,
    help="Reach board NAME here; repeatable. Default: FILE's links.",
)


@click.group(cls=HelpfulGroup)
@examples(
    "wasmote gateway check models/flood/gateway.toml",
    "wasmote gateway run models/flood/gateway.toml",
)
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
@examples(
    "wasmote gateway run models/flood/gateway.toml",
    "wasmote gateway run gateway.toml --link a=serial:id=A1 --store /var/lib/wasmote/store.sqlite",
)
def run(file: Path, links: tuple[str, ...], store: Path | None, port: int | None, log_level: str) -> None:
    """Run the gateway that the TOML file FILE describes, until SIGTERM or Ctrl-C.

    Predictions go to standard output as JSON lines, the log to standard error, and both to whoever asks the
    HTTP address for /predictions, /boards and /events. A POST to /moves moves a module: `wasmote move`.
    """
    from wasmote.gateway.config import load, override
    from wasmote.gateway.core import Gateway
    from wasmote.gateway.logs import log_to_stderr

    log = log_to_stderr(log_level)
    config = override(load(file, links), store=store, port=port)
    asyncio.run(Gateway(config, log=log).run())


@gateway.command()
@_file
@_links
@json_option
@examples(
    "wasmote gateway check models/flood/gateway.toml",
    "wasmote gateway check gateway.toml --json",
)
def check(file: Path, links: tuple[str, ...], as_json: bool) -> None:
    """Check the configuration FILE: that modules build, that models run and fit them. Touches no board."""
    from wasmote.gateway.config import load
    from wasmote.gateway.core import Gateway

    config = load(file, links)
    asyncio.run(Gateway(config).load())
    parts = {"boards": config.boards, "modules": config.modules, "pipelines": config.pipelines}
    counts = {what: len(entries) for what, entries in parts.items()}
    if as_json:
        print_json({"file": str(file), **counts})
    else:
        said = ", ".join(counted(count, what.removesuffix("s")) for what, count in counts.items())
        say(f"{file}: {said}, all fit")
