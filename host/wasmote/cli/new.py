"""`wasmote new`: the beginning of a module."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from wasmote.build.scaffold import LANGUAGES, create
from wasmote.cli.common import json_option, print_json, say
from wasmote.cli.examples import examples
from wasmote.shell import command


@click.command("new")
@click.argument("name", type=click.Path(path_type=Path))
@click.option(
    "--lang",
    "language",
    type=click.Choice(list(LANGUAGES)),
    default="c",
    show_default=True,
    help="Language of its source; as is AssemblyScript.",
)
@json_option
@examples(
    "wasmote new alarm",
    "wasmote new alarm --lang rust",
)
def new(name: Path, language: str, as_json: bool) -> None:
    """Make a folder NAME with a module of this name, which builds and runs as it is.

    It is an alarm: fed with heights, it emits their mean and whether that is above a limit. NAME is 1 to 31
    characters of a-z, 0-9, _ and -; a folder that is there already is left alone.
    """
    source, project = create(name, language)
    if as_json:
        print_json({"source": str(source), "project": str(project)})
        return
    run = command("wasmote", "run", project)
    say(f"{source}\n{project}\nbuild it, push it and print what it emits:\n  {run}")
    say("in another terminal, feed a reading, time in ms and height:")
    say("  wasmote put /sensors/level '[[1000, [1.2]]]'")
