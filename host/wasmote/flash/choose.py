"""Which board, by which way, through which port: by what USB says, without touching what is not meant."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wasmote.devices import Device
from wasmote.errors import DeviceNotFound, UsageFault, WasmoteError
from wasmote.flash.board import FlashBoard, RunnerData
from wasmote.shell import command
from wasmote.usb import DFU, PROBES


@dataclass(frozen=True, slots=True)
class Way:
    """A board, how it is flashed, and through what."""

    board: FlashBoard
    runner: RunnerData
    device: Device

    @property
    def options(self) -> str:
        """The options of `wasmote flash` that choose this way again."""
        where: tuple[str, ...] = ()
        if self.device.port and self.runner.name in SERIAL_RUNNERS:
            where = "--port", self.device.port
        elif self.device.serial_number:
            where = "--id", self.device.serial_number
        return command(self.board.name, "--runner", self.runner.name, *where)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for; None: whatever there is."""

    board: str | None = None
    port: str | None = None
    serial_number: str | None = None
    runner: str | None = None


SERIAL_RUNNERS = ("an3155", "esptool")


def fits(runner: str, device: Device) -> bool:
    """Whether this way can go through this device: by its ids, or because it is a serial port."""
    usb_id = (device.vid, device.pid)
    if runner == "dfu-util":
        return usb_id == DFU
    if runner == "pyocd":
        return usb_id in PROBES
    return device.port is not None


def choose(boards: Mapping[str, FlashBoard], devices: Iterable[Device], wish: Wish) -> Way:
    """Find the one way that is meant.

    A device is taken where a board.toml names its USB ids, or where it was named itself. Raises `UsageFault`
    where there are several, `DeviceNotFound` where there is none.
    """
    wanted = (
        [_wanted_board(boards, wish)] if wish.board else [board for board in boards.values() if board.runners]
    )
    plugged = [device for device in devices if not device.emulated]
    named = _named_device(plugged, wish)
    ways = [
        Way(board, runner, device)
        for device in ([named] if named else plugged)
        for board in wanted
        for runner in board.runners
        if wish.runner in (None, runner.name) and fits(runner.name, device)
        if _is_meant(device, board, runner, wish)
    ]
    if not ways:
        raise _none(wanted, plugged, wish)
    _require_one(ways)
    return ways[0]


def _wanted_board(boards: Mapping[str, FlashBoard], wish: Wish) -> FlashBoard:
    board = boards.get(wish.board or "")
    if board is None:
        raise UsageFault(f"there is no board {wish.board}", f"one of: {', '.join(boards)}")
    if not board.runners:
        raise UsageFault(f"{board.name} is not flashed but simulated", f"wasmote sim {board.name} starts one")
    if wish.runner and board.runner(wish.runner) is None:
        known = ", ".join(runner.name for runner in board.runners)
        raise UsageFault(f"{board.name} is not flashed by {wish.runner}", f"--runner is one of: {known}")
    return board


def _named_device(plugged: list[Device], wish: Wish) -> Device | None:
    if wish.port is not None:
        path = wish.port if "://" in wish.port else os.path.realpath(wish.port)
        found = [device for device in plugged if device.port and os.path.realpath(device.port) == path]
        return found[0] if found else Device(link=None, port=wish.port)
    if wish.serial_number is None:
        return None
    mine = [device for device in plugged if device.serial_number == wish.serial_number]
    if not mine:
        numbers = ", ".join(sorted({device.serial_number for device in plugged if device.serial_number}))
        raise DeviceNotFound(
            f"no USB device with the serial number {wish.serial_number} is plugged in",
            f"here are: {numbers}" if numbers else "no device here has one; --port PATH",
        )
    if len(mine) > 1:
        raise UsageFault(f"several devices have the serial number {wish.serial_number}", "--port PATH")
    return mine[0]


def _is_meant(device: Device, board: FlashBoard, runner: RunnerData, wish: Wish) -> bool:
    """Whether this may be done to this device.

    Adapters between USB and a UART have the same ids wherever they are: a board that was not named is not
    looked for behind them, for that alone resets whatever is there.
    """
    if board.name == device.board:
        return True
    is_named = wish.port is not None or wish.serial_number is not None
    if board.name in device.candidates:
        return is_named or wish.board is not None or runner.name not in SERIAL_RUNNERS
    return is_named and (wish.board is not None or not device.candidates)


def _require_one(ways: list[Way]) -> None:
    devices = list(dict.fromkeys(way.device for way in ways))
    if len(devices) > 1:
        seen = "; ".join(f"{_describe(device)}: {_naming(device)}" for device in devices)
        raise UsageFault("several devices could be meant, and none was touched", f"name one: {seen}")
    names = list(dict.fromkeys(way.board.name for way in ways))
    if len(names) > 1:
        raise _which(devices[0], names)


def _which(device: Device, names: Iterable[str]) -> UsageFault:
    return UsageFault(
        f"which board is it? What is on {_describe(device)} does not tell",
        f"name it: wasmote flash {' or '.join(names)}",
    )


def _describe(device: Device) -> str:
    ids = f" ({device.usb_id}, {device.bridge})" if device.usb_id else ""
    return f"{device.port or 'a USB device'}{ids}"


def _naming(device: Device) -> str:
    return f"--port {device.port}" if device.port else f"--id {device.serial_number}"


def _none(wanted: list[FlashBoard], plugged: list[Device], wish: Wish) -> WasmoteError:
    if wish.port:
        how = ", ".join(sorted({runner.name for board in wanted for runner in board.runners}))
        return DeviceNotFound(
            f"{wish.port}: nothing that {wish.runner or how} could flash through",
            "`wasmote devices` lists what is there",
        )
    what = wanted[0].name if wish.board else "board"
    seen = ", ".join(_describe(device) for device in plugged)
    message = f"no {what} that can be flashed is plugged in" + (f"; there is {seen}" if seen else "")
    if not wish.board and (adapter := next((device for device in plugged if device.candidates), None)):
        return _which(adapter, adapter.candidates)
    if not wish.board:
        return DeviceNotFound(message, "wasmote flash BOARD says how that board is made to listen")
    ways = [runner for runner in wanted[0].runners if wish.runner in (None, runner.name)]
    hints = [
        f"{runner.name}: {runner.enter}"
        + (", and name it with --port" if runner.name in SERIAL_RUNNERS else "")
        for runner in ways
    ]
    return DeviceNotFound(message, "\n  ".join(hints))
