"""`wasmote sim`: start an emulated board and print its link."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import json_option, note, print_json, run_async
from wasmote.cli.examples import examples
from wasmote.simulators import RunningSimulator, registered, runtime_folder

if TYPE_CHECKING:
    from wasmote.sim import Simulator


@click.command("sim")
@click.argument("board")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Listen on 127.0.0.1:PORT (native: UDP, else TCP). Default: 5683, where that is free, else any free "
    "one; a Unix socket with QEMU.",
)
@click.option(
    "--instance",
    type=click.IntRange(0, 255),
    default=0,
    show_default=True,
    help="A number of its own for each board of a kind: part of its unique id.",
)
@click.option(
    "--image",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Image to run. Default: what `make firmware` built.",
)
@click.option(
    "--key",
    "keys",
    metavar="KEY",
    multiple=True,
    help="Flash the board with this key, a name of `wasmote keys list` or a file: it takes only what its "
    "keys signed. Up to four times.",
)
@click.option(
    "--flash",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the board's flash in this file, for the next time. Default: it is gone in the end.",
)
@click.option(
    "--without-modules", is_flag=True, help="Hold the boot escape: the board starts none of its modules."
)
@json_option
@run_async
@examples(
    "wasmote sim native --port 5683",
    "wasmote sim netduinoplus2 --json",
    "wasmote sim netduinoplus2 --key release --flash board.flash",
)
async def sim(
    board: str,
    port: int | None,
    instance: int,
    image: Path | None,
    keys: tuple[str, ...],
    flash: Path | None,
    without_modules: bool,
    as_json: bool,
) -> None:
    """Start an emulated BOARD, print its link, and run it until Ctrl-C.

    BOARD is native (a Linux process), esp32c3-devkitm (in hil/esp32c3), or in QEMU netduino2, netduinoplus2,
    nucleo-f446re, qemu-rv32, stm32f4-discovery or stm32f411-blackpill; the beginning of a name will do where
    no other begins so. Build its firmware before, with make firmware BOARD=native.
    """
    from wasmote.keys import find_key
    from wasmote.sim import BoardImage, Simulator

    trusted = [find_key(key).public for key in keys]
    start = functools.partial(
        Simulator.start,
        board,
        instance=instance,
        image=image,
        flash=flash,
        keys=trusted,
        without_modules=without_modules,
    )
    usual = port is None and BoardImage.find(board, image).is_program
    async with await (_start_at_usual_port(start) if usual else start(port=port)) as simulator:
        entry = RunningSimulator(simulator.board, simulator.url, simulator.serial_url, os.getpid())
        with registered(entry, runtime_folder()):
            _tell(entry, as_json)
            await simulator.wait()


async def _start_at_usual_port(start: Callable[..., Awaitable[Simulator]]) -> Simulator:
    """Start a board where the README expects it, CoAP's own port, unless something else listens there."""
    from wasmote.link.url import COAP_PORT
    from wasmote.sim import SimulatorFault

    if _is_free(COAP_PORT):
        try:
            return await start(port=COAP_PORT)
        except SimulatorFault:
            if _is_free(COAP_PORT):
                raise
            # another one was faster
    return await start()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _tell(entry: RunningSimulator, as_json: bool) -> None:
    if as_json:
        print_json({"board": entry.board, "link": entry.link, "serial": entry.serial})
        return
    click.echo(entry.link)
    if entry.serial:
        click.echo(entry.serial)
    note("running; in another terminal: wasmote ls --link LINK. Ctrl-C ends it.")
