"""The command line `wasmote`: one verb for each thing people do. Commands are imported when they are used.

Exit status: 0 done, 1 failed, 2 usage or configuration, 3 device not found or no permission, 4 busy,
5 time-out, 6 verification refused, 130 interrupted.
"""

from __future__ import annotations

import difflib
import importlib
import logging
from typing import Any

import rich_click as click
from rich_click import rich_click as rich_settings

from wasmote.cli.common import HelpfulGroup, no_color
from wasmote.cli.examples import examples
from wasmote.cli.verbosity import with_verbosity
from wasmote.errors import UsageFault, WasmoteError
from wasmote.output import OutputFault, guarded_streams

INTERRUPTED = 130  # 128 + SIGINT, as shells have it

# command: module and attribute below wasmote.cli, in the order in which a newcomer needs them
COMMANDS = {
    "demo": "demo:demo",
    "doctor": "doctor:doctor",
    "devices": "devices:devices",
    "setup": "setup:setup",
    "flash": "flash:flash",
    "sim": "sim:sim",
    "new": "new:new",
    "build": "build:build",
    "inspect": "inspect:inspect",
    "keys": "keys:keys",
    "sign": "keys:sign",
    "push": "push:push",
    "run": "push:run",
    "watch": "watch:watch",
    "ls": "node:ls",
    "start": "control:start",
    "stop": "control:stop",
    "confirm": "control:confirm",
    "rollback": "control:rollback",
    "config": "config:config",
    "restart": "restart:restart",
    "get": "node:get",
    "put": "node:put",
    "observe": "observe:observe",
    "monitor": "observe:monitor",
    "record": "record:record",
    "replay": "replay:replay",
    "move": "move:move",
    "host": "move:host",
    "gateway": "gateway:gateway",
    "completion": "completion:completion",
}


class LazyGroup(HelpfulGroup):
    """Imports a command when it is asked for, and gives what fails its message and its exit status."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line; help and usage errors, which rich prints, keep to NO_COLOR as well."""
        rich_settings.COLOR_SYSTEM = None if no_color() else "auto"
        with guarded_streams():
            return super().main(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(f"wasmote.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return with_verbosity(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; of a misspelt one say what was meant, as click does for options."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as fault:
            if close := difflib.get_close_matches(args[0], COMMANDS):
                guess = f"{fault.message} Did you mean {' or '.join(close)}?"
                raise click.UsageError(guess, ctx) from None
            raise

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; end with the status of its error."""
        try:
            return super().invoke(ctx)
        except WasmoteError as fault:
            report(fault)
            ctx.exit(fault.exit_code)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except OSError as fault:
            # What asks for a file in passing (Path.is_file) knows "is not there" only, and not a name of 300
            # characters or a folder that may not be entered.
            if isinstance(fault, OutputFault) or fault.filename is None:
                raise
            report(UsageFault(f"{fault.filename}: {fault.strerror}"))
            ctx.exit(UsageFault.exit_code)


def report(fault: WasmoteError) -> None:
    """Print message and hint on standard error."""
    click.echo(click.style("error: ", fg="red", bold=True) + fault.message, err=True)
    if fault.hint:
        click.echo(f"  {fault.hint}", err=True)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wasmote", prog_name="wasmote")
@click.pass_context
@examples(
    "wasmote doctor",
    "wasmote sim native",
    "wasmote ls --link coap://127.0.0.1:5683",
    "wasmote run models/flood/flood.toml --link coap://127.0.0.1:5683",
)
def main(context: click.Context) -> None:
    """Change what your boards compute without reflashing them.

    A board is named by its link: --link URL, or the environment variable WASMOTE_LINK. `wasmote devices`
    lists the links of the boards that are plugged in; `wasmote sim` starts emulated ones.
    """
    if no_color():
        context.color = False
    logging.basicConfig(format="%(name)s: %(message)s")


with_verbosity(main)
