"""A board that runs wasmote already: its firmware sends it to its ROM's loader, which listens on the link."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmote.devices import Device
from wasmote.errors import DeviceNotFound, LinkDown, NoAnswer, UsageFault, VerificationRefused, WasmoteError
from wasmote.flash.board import FlashBoard
from wasmote.flash.choose import SERIAL_RUNNERS, Way
from wasmote.flash.flashing import Interrupted, make_runner, write_board
from wasmote.flash.runner import Entry, FlashFault, Report, Runner
from wasmote.flash.tool import find_module
from wasmote.link.connection import backoff
from wasmote.link.url import SerialLink, UsbSerialLink, parse_link
from wasmote.node import Node
from wasmote.restart import order_restart
from wasmote.shell import command
from wasmote.wire.modules import ModuleState
from wasmote.wire.node import NextStart

if TYPE_CHECKING:
    from wasmote.flash.plan import Plan
    from wasmote.keys import Key
    from wasmote.wire.modules import ModuleStatus
    from wasmote.wire.node import NodeInfo

LOADER_TIMEOUT_S = 10.0  # from the order to the loader's answer, a USB device's return included


@dataclass(frozen=True, slots=True)
class Running:
    """A board as it was before its update."""

    info: NodeInfo
    modules: Sequence[ModuleStatus]


async def ask(link: str) -> Running:
    """Ask a node what it is, and what it runs."""
    async with await Node.connect(link) as node:
        return Running(await node.info(), await node.modules())


def way_over_link(
    boards: Mapping[str, FlashBoard], running: Running, link: str, devices: Sequence[Device]
) -> Way:
    """Return how the board at this link is flashed over it.

    Raises `UsageFault` where its loader does not listen there, with the ways that there are.
    """
    board = boards.get(running.info.board)
    if board is None:
        raise UsageFault(f"{link}: there is no image for {running.info.board}", f"for: {', '.join(boards)}")
    runner = next((way for way in board.runners if way.link and way.name in SERIAL_RUNNERS), None)
    if runner is None:
        ways = "\n  ".join(f"{way.name}: {way.enter}" for way in board.runners)
        raise UsageFault(
            f"{board.name}: no loader in its chip listens on its link, {board.link}",
            f"wasmote flash {board.name}, by one of:\n  {ways}"
            if ways
            else "it is not flashed but simulated",
        )
    return Way(board, runner, Device(link, board=board.name, port=_port(link, devices)))


def _port(link: str, devices: Sequence[Device]) -> str:
    match parse_link(link):
        case SerialLink(path=path):
            return path
        case UsbSerialLink(serial_number=number):
            ports = [device.port for device in devices if device.serial_number == number and device.port]
            if ports:
                return ports[0]
    raise UsageFault(f"{link}: loaders are spoken to through a serial port", "--link serial:///dev/…")


def require_tool(way: Way) -> None:
    """Raise `UsageFault` without the tool, as long as the board still runs."""
    if way.runner.name == "esptool":
        find_module("esptool")


async def send_to_loader(link: str, running: Running, signer: Key | None) -> None:
    """Order the board to restart into its loader.

    Raises `VerificationRefused` where it is not the one that was asked before.
    """
    async with await Node.connect(link) as node:
        info = await node.info()
        if info.unique_id != running.info.unique_id:
            raise VerificationRefused(f"{link}: another board answers than just now", "nothing was changed")
        with contextlib.suppress(NoAnswer, LinkDown):  # the answer was lost: whether it is there is seen then
            await order_restart(node, info, NextStart.LOADER, signer)


def write_over_link(way: Way, plan: Plan, report: Report, on_chip: Callable[[str], None]) -> None:
    """Wait for the loader, write, verify, start; `on_chip` gets what the chip says of itself.

    A fault says how the board gets out of the loader.
    """
    try:
        runner, chip = open_loader(way)
        on_chip(chip)
        write_board(way, runner, plan, report, unchanged)
    except KeyboardInterrupt:
        raise unchanged(Interrupted("interrupted"), way) from None


def open_loader(way: Way) -> tuple[Runner, str]:
    """Wait until the loader answers; a USB device may go and come back before."""
    until = time.monotonic() + LOADER_TIMEOUT_S
    for pause in backoff():
        try:
            return _probed(way)
        except (NoAnswer, DeviceNotFound) as fault:
            if time.monotonic() >= until:
                raise unchanged(fault, way) from fault
            time.sleep(pause)
        except WasmoteError as fault:
            raise unchanged(fault, way) from fault
    raise AssertionError("back-off does not end")


def _probed(way: Way) -> tuple[Runner, str]:
    runner = make_runner(way, Entry.NODE)
    try:
        return runner, runner.probe()
    except BaseException:
        runner.close()
        raise


def unchanged(fault: WasmoteError, way: Way) -> WasmoteError:
    """Add to a fault that left the board in its loader, as it was, what to do about it."""
    fault.hint = (
        "the board waits in its ROM's loader, and nothing in its flash was changed.\n"
        "  Take its power away and give it back: then it starts as it was. Or flash it:\n"
        f"  wasmote flash {way.options}" + (" --no-reset" if way.runner.name == "esptool" else "")
    )
    return fault


def require_kept(link: str, before: Running, after: Running) -> None:
    """Raise `FlashFault` where keys are others, or a module that ran does not run again."""
    if after.info.key_ids != before.info.key_ids:
        raise FlashFault(
            f"{link}: the board trusts other keys than before", command("wasmote", "ls", "--link", link)
        )
    for old, new in zip(before.modules, after.modules, strict=False):
        ran = old.state is ModuleState.RUNNING
        if new.digest != old.digest or (ran and new.state is not ModuleState.RUNNING):
            raise FlashFault(
                f"{link}: slot {old.slot}: {old.name or 'nothing'} was {old.state.name.lower()}, "
                f"and now {new.name or 'nothing'} is {new.state.name.lower()}",
                f"{command('wasmote', 'ls', '--link', link)} says why",
            )
