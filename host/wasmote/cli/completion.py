"""`wasmote completion`: the script that makes a shell complete commands and options."""

from __future__ import annotations

import rich_click as click
from click.shell_completion import get_completion_class

from wasmote.cli.examples import examples

VARIABLE = "_WASMOTE_COMPLETE"  # click looks for it when wasmote starts: _PROGRAM_COMPLETE


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
@examples(
    "wasmote completion bash >> ~/.bashrc",
    "wasmote completion zsh >> ~/.zshrc",
    "wasmote completion fish > ~/.config/fish/completions/wasmote.fish",
)
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes wasmote's commands and options in SHELL.

    It belongs into the shell's start-up file, or where fish looks for completions. bash must be 4.4 or newer.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "wasmote", VARIABLE).source())
