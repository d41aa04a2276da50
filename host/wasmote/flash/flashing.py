"""One board, from probing to its /node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from wasmote import keys
from wasmote.devices import Device
from wasmote.errors import NoAnswer, VerificationRefused, WasmoteError
from wasmote.flash.board import FlashBoard
from wasmote.flash.choose import Way
from wasmote.flash.image import Image
from wasmote.flash.images import read_boards
from wasmote.flash.plan import Plan, make_plan
from wasmote.flash.runner import Entry, FlashFault, Progress, Report, Runner
from wasmote.link.url import SerialLink
from wasmote.restart import wait_for_start
from wasmote.shell import command
from wasmote.wire.node import NodeInfo


class Interrupted(FlashFault):
    """The user stopped it in the middle."""

    exit_code: ClassVar[int] = 130


def plan_for(way: Way, image: Image, boards: Sequence[str], trusted: Sequence[bytes] = ()) -> Plan:
    """Plan an image and the public keys that the board is to trust; without any, those it has stay."""
    return make_plan(way.board, image, boards, keys.area(trusted))


def make_runner(way: Way, entry: Entry = Entry.LINES) -> Runner:
    """Make what flashes this way; raises `UsageFault` without its tool, and what opening a port raises."""
    from wasmote.flash.an3155 import An3155
    from wasmote.flash.dfu_util import DfuUtil
    from wasmote.flash.esptool import Esptool
    from wasmote.flash.pyocd import Pyocd

    board, runner, device = way.board, way.runner, way.device
    match runner.name:
        case "dfu-util":
            return DfuUtil(board, runner, device.serial_number)
        case "pyocd":
            return Pyocd(board, runner, device.serial_number)
        case "an3155":
            return An3155(board, runner, device.port or "")
        case "esptool":
            return Esptool(board, runner, device.port or "", entry=entry)
    raise AssertionError(runner.name)


def flash_board(way: Way, runner: Runner, plan: Plan, report: Report, on_chip: Callable[[str], None]) -> None:
    """Ask the chip, write, verify, start. `on_chip` gets what the chip says of itself before it is changed.

    A fault after that says what to type next.
    """
    try:
        on_chip(runner.probe())
    except BaseException:
        runner.close()
        raise
    write_board(way, runner, plan, report)


def write_board(
    way: Way,
    runner: Runner,
    plan: Plan,
    report: Report,
    untouched: Callable[[WasmoteError, Way], WasmoteError] = lambda fault, _: fault,
) -> None:
    """Write, verify, start, with a runner whose chip has answered, and close it.

    A fault says what to type next; `untouched` adds that to one that comes before anything was changed.
    """
    touched = False

    def note(progress: Progress) -> None:
        nonlocal touched
        touched = True
        report(progress)

    try:
        try:
            runner.flash(plan, note)
            runner.verify(plan, note)
        except WasmoteError as fault:
            raise _with_way_out(fault, way) if touched else untouched(fault, way) from None
        except KeyboardInterrupt:
            raise _with_way_out(Interrupted("interrupted"), way) if touched else KeyboardInterrupt from None
        _start(runner, way.board)
    finally:
        runner.close()


def _start(runner: Runner, board: FlashBoard) -> None:
    try:
        runner.start()
    except WasmoteError as fault:
        raise FlashFault(
            f"{fault.message}. All is written and verified, but the chip was not told to start it",
            _way_out(board),
        ) from fault


def _way_out(board: FlashBoard) -> str:
    """What somebody does at the board so that its chip starts the firmware, and not the loader in its ROM."""
    if any(runner.name == "esptool" for runner in board.runners):
        return "let go of BOOT, press RST"
    return "set BOOT0 low where it has that, press reset"


def _with_way_out(fault: WasmoteError, way: Way) -> WasmoteError:
    """Add to a fault that left a half-written board what to do about it."""
    fault.hint = "\n  ".join(
        (
            *((fault.hint,) if fault.hint else ()),
            "the board is half-written and does not start; its boot loader is not harmed:",
            f"{way.runner.enter}, then type: wasmote flash {way.options}",
        )
    )
    return fault


def link_of(way: Way, devices: Sequence[Device]) -> str | None:
    """Where the board's link is, if what was flashed through has it too; None where only the user knows."""
    if not way.runner.link:
        return None
    if way.device.port and "://" not in way.device.port:
        return str(SerialLink(way.device.port))
    same = [
        device.link for device in devices if device.serial_number == way.device.serial_number and device.port
    ]
    return same[0] if way.device.serial_number and same else None


async def wait_for_node(link: str, board: str) -> NodeInfo:
    """Wait until the node answers, and return its /node.

    Raises `NoAnswer`, and `VerificationRefused` where another board answers.
    """
    try:
        info = await wait_for_start(link)
    except NoAnswer:
        raise NoAnswer(
            f"{link}: the board was flashed and verified, but does not answer",
            f"{_way_out(read_boards()[board])}, then: {command('wasmote', 'ls', '--link', link)}",
        ) from None
    if info.board != board:
        raise VerificationRefused(f"{link}: a {info.board} answers here, not the {board} that was flashed")
    return info
