"""`wasmote flash`: put the firmware onto a board."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from wasmote.cli.common import (
    json_option,
    note,
    print_columns,
    print_json,
    progress_bar,
    say,
)
from wasmote.cli.examples import examples
from wasmote.errors import UsageFault
from wasmote.link.url import SerialLink
from wasmote.shell import command

if TYPE_CHECKING:
    from wasmote.flash.choose import Way
    from wasmote.flash.image import Image
    from wasmote.flash.over_link import Running
    from wasmote.flash.plan import Plan
    from wasmote.flash.runner import Report


@click.command("flash")
@click.argument("board", required=False)
@click.option("--port", metavar="PATH", help="Flash through this serial port.")
@click.option("--id", "serial_number", metavar="SERIAL", help="The USB device with this serial number.")
@click.option(
    "--runner",
    type=click.Choice(["dfu-util", "an3155", "pyocd", "esptool"]),
    help="How to flash. Default: the first of the board's ways that what is plugged in allows.",
)
@click.option(
    "--key",
    "key_texts",
    metavar="KEY",
    multiple=True,
    help="A key that the board is to trust: a name of `wasmote keys list`, a file, or 64 hexadecimal digits; "
    "up to four times. The board begins anew with these. Default: it keeps its keys and modules.",
)
@click.option(
    "--image",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A .hex or .bin file. Default: the one that came with wasmote, or that `make firmware` built.",
)
@click.option(
    "--over-link",
    is_flag=True,
    help="Update a board that runs wasmote, at --link or --port: its firmware starts the loader.",
)
@click.option(
    "--signer",
    metavar="KEY",
    envvar="WASMOTE_KEY",
    help="With --over-link: sign that with this key, which the board trusts. Default: the environment "
    "variable WASMOTE_KEY.",
)
@click.option("--no-reset", is_flag=True, help="esptool: the board is in its boot loader, do not reset it.")
@click.option(
    "--link",
    metavar="URL",
    help="Where the board answers then. Default: the same port, where that is its link.",
)
@json_option
@examples(
    "wasmote flash",
    "wasmote flash stm32f4-discovery",
    "wasmote flash netduinoplus2 --port /dev/ttyUSB0 --key release",
    "wasmote flash netduinoplus2 --runner dfu-util --link serial:///dev/ttyUSB0",
    "wasmote flash --over-link --link serial:///dev/ttyACM0 --signer release",
)
def flash(
    board: str | None,
    port: str | None,
    serial_number: str | None,
    runner: str | None,
    key_texts: tuple[str, ...],
    image: Path | None,
    over_link: bool,
    signer: str | None,
    no_reset: bool,
    link: str | None,
    as_json: bool,
) -> None:
    """Write the firmware onto BOARD, check it, and wait until the board answers.

    The board is found by its USB ids; no other port is opened. Its chip is asked what it is before anything
    is erased. Modules, records and keys on the board are kept, unless --key gives it new keys.
    """
    from wasmote.devices import find_devices
    from wasmote.flash.choose import Wish, choose
    from wasmote.flash.flashing import flash_board, link_of, make_runner, plan_for
    from wasmote.flash.images import find_image, read_boards
    from wasmote.flash.runner import Entry
    from wasmote.keys import find_key

    if over_link:
        if key_texts or serial_number or runner or no_reset:
            raise UsageFault(
                "--over-link keeps the board's keys, and the link says what it goes through",
                "leave --key, --id, --runner and --no-reset out",
            )
        if link is None and port is None:  # no board gets other firmware because it is the only one
            raise UsageFault("over which link? None was given", "--link URL; `wasmote devices` lists links")
        _update(link or str(SerialLink(str(port))), board, image, signer, as_json)
        return
    boards, devices = read_boards(), find_devices()
    way = choose(boards, devices, Wish(board, port, serial_number, runner))
    found = find_image(way.board, image)
    plan = plan_for(way, found, list(boards), [find_key(text).public for text in key_texts])
    if not found.names([way.board.name]):
        note(f"{found.path}: this image says of no board that it is for it")
    started = make_runner(way, Entry.HAND if no_reset else Entry.LINES)
    with _reporting(as_json) as report:
        flash_board(way, started, plan, report, lambda chip: _tell_chip(way, chip, as_json))
    _tell_flashed(way, found, plan, as_json)
    where = link or link_of(way, devices)
    if no_reset:
        note(f"now press its reset button; then: {command('wasmote', 'ls', '--link', where or 'LINK')}")
    elif where:
        _tell_node(where, way.board.name, as_json)
    else:
        note(f"its link is {way.board.link}; `wasmote ls --link LINK` asks it")


def _update(link: str, board: str | None, image: Path | None, signer: str | None, as_json: bool) -> None:
    """Write new firmware onto the board at a link; what it keeps is compared."""
    from wasmote.devices import find_devices
    from wasmote.flash import over_link
    from wasmote.flash.flashing import plan_for
    from wasmote.flash.images import find_image, read_boards
    from wasmote.keys import find_key

    boards = read_boards()
    running = asyncio.run(over_link.ask(link))
    if board not in (None, running.info.board):
        raise UsageFault(f"{link}: a {running.info.board} answers here, not a {board}", "nothing was changed")
    way = over_link.way_over_link(boards, running, link, find_devices())
    found = find_image(way.board, image)
    plan = plan_for(way, found, list(boards))
    over_link.require_tool(way)
    asyncio.run(over_link.send_to_loader(link, running, find_key(signer) if signer else None))
    with _reporting(as_json) as report:
        over_link.write_over_link(way, plan, report, lambda chip: _tell_chip(way, chip, as_json))
    _tell_flashed(way, found, plan, as_json)
    _tell_node(link, way.board.name, as_json)
    after = asyncio.run(over_link.ask(link))
    over_link.require_kept(link, running, after)
    _tell_kept(after, as_json)


def _tell_kept(after: Running, as_json: bool) -> None:
    names = [f"{module.name} {module.version}" for module in after.modules if module.name is not None]
    if as_json:
        print_json({"event": "kept", "modules": names, "keys": [key.hex() for key in after.info.key_ids]})
    else:
        keys = ", ".join(key.hex() for key in after.info.key_ids) or "none"
        say(f"kept: modules {', '.join(names) or 'none'}; keys {keys}")


@contextmanager
def _reporting(as_json: bool) -> Iterator[Report]:
    """Show steps as bars, or as lines of JSON: one for each percent."""
    from rich.progress import DownloadColumn

    from wasmote.flash.runner import Progress, Step

    if as_json:
        told: set[tuple[Step, int]] = set()

        def tell(progress: Progress) -> None:
            percent = (progress.step, 100 * progress.done // max(1, progress.total))
            if percent not in told:
                told.add(percent)
                print_json({"event": progress.step.value, "done": progress.done, "total": progress.total})

        yield tell
        return
    with progress_bar(DownloadColumn()) as bar:
        tasks: dict[Step, Any] = {}

        def show(progress: Progress) -> None:
            if progress.step not in tasks:
                tasks[progress.step] = bar.add_task(f"{progress.step.value:<6}", total=progress.total)
            bar.update(tasks[progress.step], completed=progress.done)

        yield show


def _tell_chip(way: Way, chip: str, as_json: bool) -> None:
    through = way.device.port or way.device.usb_id
    if as_json:
        members = {"board": way.board.name, "runner": way.runner.name, "through": through, "chip": chip}
        print_json({"event": "chip", **members})
    else:
        say(f"{way.board.name} by {way.runner.name} through {through}: {chip}")


def _tell_flashed(way: Way, image: Image, plan: Plan, as_json: bool) -> None:
    if as_json:
        members = {"board": way.board.name, "bytes": plan.size, "sha256": image.sha256}
        print_json({"event": "flashed", **members})
    else:
        say(f"{way.board.name}: wrote and verified {plan.size:,} bytes")


def _tell_node(link: str, board: str, as_json: bool) -> None:
    from wasmote.cli.node import node_rows
    from wasmote.cli.render import plain
    from wasmote.flash.flashing import wait_for_node

    info = asyncio.run(wait_for_node(link, board))
    if as_json:
        print_json({"event": "node", "link": link, "node": plain(info)})
    else:
        print_columns(node_rows(info, link), indent="  ")
