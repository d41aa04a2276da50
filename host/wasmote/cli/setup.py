"""`wasmote setup`: what a machine needs once."""

from __future__ import annotations

import rich_click as click

from wasmote.cli.common import note, say
from wasmote.cli.examples import examples
from wasmote.errors import UsageFault


@click.command("setup")
@click.option(
    "--udev", is_flag=True, help="The udev rule that lets you use the boards' ports and boot loaders."
)
@click.option("--write", is_flag=True, help="Write it to where it belongs, as root. Default: print it.")
@examples(
    "wasmote setup --udev",
    "wasmote setup --udev > 60-wasmote.rules",
    "wasmote setup --udev --write",
)
def setup(udev: bool, write: bool) -> None:
    """Set this machine up for boards. Nothing is written, and nobody becomes root, unless you say so."""
    from wasmote.udev import RELOAD, RULES_FILE, rules, write_rules

    if not udev:
        raise UsageFault("set up what?", "wasmote setup --udev")
    if write:
        write_rules(RULES_FILE)
        say(f"{RULES_FILE}: written; now type: {RELOAD}")
        return
    click.echo(rules(), nl=False)
    note(f"to use it: wasmote setup --udev | sudo tee {RULES_FILE} && {RELOAD}")
