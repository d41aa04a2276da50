"""`wasmote doctor`: what is missing on this machine, and what mends it."""

from __future__ import annotations

from collections import Counter

import rich_click as click

from wasmote.cli.common import json_option, note, print_json
from wasmote.cli.examples import examples
from wasmote.cli.verbosity import is_quiet

COLORS = {"ok": "green", "note": "yellow", "missing": "red"}


@click.command("doctor")
@json_option
@click.pass_context
@examples(
    "wasmote doctor",
    "wasmote doctor --json",
)
def doctor(context: click.Context, as_json: bool) -> None:
    """Check this machine: Python, compilers, emulators, ports and permissions, models, disk.

    Every line is ok, note (something that some need) or missing, with the command that mends it. The exit
    status is 1 when something is missing without which no module can be built and pushed. No port is opened.
    """
    from wasmote.doctor import State, examine

    counts: Counter[State] = Counter()
    for finding in examine():
        counts[finding.state] += 1
        if finding.state is State.OK and is_quiet():
            continue
        state = finding.state.value
        if as_json:
            fix = {"fix": finding.fix} if finding.fix else {}
            print_json({"state": state, "subject": finding.subject, "text": finding.text, **fix})
            continue
        click.echo(click.style(f"{state:<8}", fg=COLORS[state]) + f"{finding.subject}: {finding.text}")
        if finding.fix:
            click.echo(f"{'':<8}  mend it: {finding.fix}")
    if counts[State.MISSING]:
        note(f"{counts[State.MISSING]} missing")
        context.exit(1)
