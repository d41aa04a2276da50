"""What is plugged in: serial ports told apart by what their USB devices say of themselves.

All of it is read from sysfs. No port is opened: that alone raises DTR and RTS, which resets many boards, and
sends others into their boot loaders.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmote.errors import DeviceNotFound, WasmoteError
from wasmote.flash.images import board_files
from wasmote.life import life_notes
from wasmote.link.url import CoapLink, SerialLink, UsbSerialLink, parse_link
from wasmote.simulators import RunningSimulator, running, runtime_folder
from wasmote.usb import BRIDGES, DFU, PORTLESS, Claims, UsbDevice, find_portless, read_claims

if TYPE_CHECKING:
    from serial.tools.list_ports_common import ListPortInfo
    from watchfiles import Change

    from wasmote.wire.modules import ModuleStatus

UNKNOWN = "unknown"
DEV = Path("/dev")
USB_BUSES = DEV / "bus" / "usb"  # a folder for each bus, with a file for each device


@dataclass(frozen=True, slots=True)
class Device:
    """A port or an emulated board, and the link that reaches it; or what shows a board without a port.

    `board` is a folder of boards/, or UNKNOWN; `bridge` what the USB device is, or UNKNOWN. `port` is the
    device file. `vid`, `pid`, `serial_number` and `product` are what USB says; None where it says nothing.
    `candidates` are boards that show these ids too, which are those of an adapter or a boot loader.
    """

    link: str | None
    board: str = UNKNOWN
    bridge: str = UNKNOWN
    port: str | None = None
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    product: str | None = None
    emulated: bool = False
    candidates: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def usb_id(self) -> str:
        """`VID:PID` in hexadecimal, as lsusb prints it; empty for what is no USB device."""
        return f"{self.vid:04x}:{self.pid:04x}" if self.vid is not None and self.pid is not None else ""

    @property
    def may_be_board(self) -> bool:
        """Whether it is a board, or shows ids that one has."""
        return self.emulated or self.board != UNKNOWN or bool(self.candidates)


@dataclass(frozen=True, slots=True)
class Condition:
    """How a board is, as it says itself: firmware, modules in its slots, whose modules it takes (`mode`)."""

    mode: str
    board: str | None = None
    firmware: str | None = None
    modules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A device came (`present`) or went."""

    device: Device
    present: bool


def find_devices() -> list[Device]:
    """All serial ports of this machine, boards without one, and the emulated boards of this user."""
    from serial.tools import list_ports  # late: other commands do not need pyserial

    claims = read_claims(board_files().values())
    emulated = [_emulated(simulator) for simulator in running(runtime_folder())]
    portless = [_portless(device, claims) for device in find_portless()]
    return [*identify(list_ports.comports(), claims), *portless, *emulated]


def only_board(found: Iterable[Device] | None = None) -> str:
    """Return the link of the only board, emulated or plugged in. Raises DeviceNotFound with what there is.

    A port that shows the ids of no board, a modem's for instance, is not taken for one.
    """
    devices = find_devices() if found is None else list(found)
    boards = [device for device in devices if device.link is not None and device.may_be_board]
    if len(boards) == 1 and boards[0].link is not None:
        return boards[0].link
    how = "name one with --link URL, or set WASMOTE_LINK"
    if boards:
        raise DeviceNotFound(
            f"which board? {len(boards)} are here", "\n  ".join((*map(_in_a_line, boards), how))
        )
    others = [_in_a_line(device) for device in devices]
    raise DeviceNotFound(
        "which board? None is plugged in, and no emulated one runs",
        "\n  ".join((*others, f"{how}; `wasmote sim native` starts an emulated one")),
    )


def _in_a_line(device: Device) -> str:
    name = ", ".join(device.candidates) + "?" if device.candidates else device.board
    return f"{device.link or device.usb_id}: {name}, {device.bridge}"


def identify(ports: Iterable[ListPortInfo], claims: Claims) -> list[Device]:
    """Tell ports apart, in order of their device files."""
    found = sorted(ports, key=lambda port: (len(port.device), port.device))  # ttyACM2 before ttyACM10
    numbers = Counter(port.serial_number for port in found if port.serial_number)
    return [_identify(port, claims, alone=numbers[port.serial_number] == 1) for port in found]


def _identify(port: ListPortInfo, claims: Claims, *, alone: bool) -> Device:
    """Describe a port. Its link is the serial number, which stays when the port's number changes.

    Not where two ports have the same one: those of one device, or cheap bridges, which are all "0001".
    """
    board = Device(
        link=str(UsbSerialLink(port.serial_number) if alone else SerialLink(port.device)),
        bridge=BRIDGES.get((port.vid, port.pid), UNKNOWN),
        port=port.device,
        vid=port.vid,
        pid=port.pid,
        serial_number=port.serial_number or None,
        product=port.product or None,
    )
    return _named(board, claims)


def _portless(device: UsbDevice, claims: Claims) -> Device:
    usb_id = (device.vid, device.pid)
    board = Device(
        None,
        bridge=PORTLESS[usb_id],
        vid=device.vid,
        pid=device.pid,
        serial_number=device.serial_number,
        product=device.product,
    )
    return _named(board, claims)


def _named(device: Device, claims: Claims) -> Device:
    """Name the board, where its ids are its own; else those that it may be."""
    if device.vid is None or device.pid is None:
        return device
    found = claims.get((device.vid, device.pid), ())
    notes = tuple(claim.note for claim in found if claim.note)
    if len(found) == 1 and not found[0].shared:
        return replace(device, board=found[0].board, notes=notes)
    return replace(device, candidates=tuple(claim.board for claim in found), notes=notes)


def _emulated(simulator: RunningSimulator) -> Device:
    return Device(
        link=simulator.link,
        board=simulator.board,
        bridge="emulated",
        port=simulator.serial and simulator.serial.removeprefix("serial://"),
        emulated=True,
    )


async def ask(device: Device, *, opens_ports: bool) -> Condition | None:
    """Ask a board how it is; a `mode` says why, where it does not answer. None: it was not asked.

    A process that answers over UDP is asked in any case: there is no port that would be opened.
    """
    if (device.vid, device.pid) == DFU:
        return Condition("in its boot loader")
    if device.link is None or not (opens_ports or isinstance(parse_link(device.link), CoapLink)):
        return None
    from wasmote.node import Node  # late: who does not ask does not need aiocoap

    try:
        async with await Node.connect(device.link) as node:
            info, modules = await node.info(), await node.modules()
    except WasmoteError as fault:
        return Condition(f"not known: {fault.message}")
    told = tuple(_told(module) for module in modules if module.name)
    return Condition(info.mode, info.board, info.firmware, told)


def _told(module: ModuleStatus) -> str:
    """A module in one phrase: what it is, what it does, and what is to be known of its life."""
    state = f"{module.name} {module.version or ''}".strip() + f" {module.state.name.lower()}"
    notes = "; ".join(life_notes(module))
    return f"{state} ({notes})" if notes else state


def compare(before: Iterable[Device], now: Iterable[Device]) -> list[Arrival]:
    """What changed between two looks; departures first, so that no port is there twice."""
    old, new = list(before), list(now)
    gone = [Arrival(device, present=False) for device in old if device not in new]
    return gone + [Arrival(device, present=True) for device in new if device not in old]


async def watch_devices(
    find: Callable[[], list[Device]] = find_devices, changes: AsyncIterator[object] | None = None
) -> AsyncGenerator[Arrival, None]:
    """Yield what is there, then everything that comes and goes.

    `changes` yields whenever something may have changed: by default when the kernel makes or removes a device
    file (inotify), which is after sysfs has all that it says of the device.
    """
    known: list[Device] = []
    stirred = device_files() if changes is None else changes
    stir = await _begin(stirred)
    try:
        while True:
            now = find()
            for arrival in compare(known, now):
                yield arrival
            known = now
            if await stir is None:
                return
            stir = await _begin(stirred)
    finally:
        stir.cancel()
        await asyncio.wait([stir])


async def _begin(stirred: AsyncIterator[object]) -> asyncio.Task[object]:
    """Begin to wait for the next change before the next look: what comes between them is seen."""

    async def following() -> object:
        return await anext(stirred, None)

    task = asyncio.create_task(following(), name="waiting for device files")
    await asyncio.sleep(0)  # it runs up to where it waits
    return task


async def device_files(dev: Path = DEV, buses: Path = USB_BUSES) -> AsyncGenerator[object, None]:
    """Yield whenever a terminal in /dev, a USB device, or a file of the running emulators comes or goes."""
    from watchfiles import awatch

    folders = [dev, *_folders(buses)]
    if (simulators := runtime_folder()) is not None:
        folders.append(simulators)
    async for changed in awatch(*folders, watch_filter=_is_device, recursive=False, debounce=400):
        yield changed


def _folders(path: Path) -> list[Path]:
    return sorted(path.glob("*"))


def _is_device(_: Change, path: str) -> bool:
    name = Path(path).name
    return name.startswith("tty") or name.endswith(".json") or name.isdigit()


def to_json(device: Device, condition: Condition | None = None) -> dict[str, Any]:
    """For programs: ids as hexadecimal text, absent values left out."""
    told = condition or Condition("")
    members = {
        "link": device.link,
        "board": told.board or device.board,
        "candidates": list(device.candidates) or None,
        "bridge": device.bridge,
        "port": device.port,
        "usb": device.usb_id or None,
        "serial_number": device.serial_number,
        "product": device.product,
        "emulated": device.emulated,
        "notes": list(device.notes) or None,
        "firmware": told.firmware,
        "modules": list(told.modules) if told.firmware else None,
        "mode": told.mode or None,
    }
    return {key: value for key, value in members.items() if value is not None}
