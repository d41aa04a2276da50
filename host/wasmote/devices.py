"""What is plugged in: serial ports told apart by what their USB devices say of themselves.

All of it is read from sysfs. No port is opened: that alone raises DTR and RTS, which resets many boards, and
sends others into their boot loaders.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmote.link.url import SerialLink, UsbSerialLink
from wasmote.sim import ROOT
from wasmote.simulators import RunningSimulator, running, runtime_folder

if TYPE_CHECKING:
    from serial.tools.list_ports_common import ListPortInfo
    from watchfiles import Change

UNKNOWN = "unknown"
DEV = Path("/dev")

UsbId = tuple[int, int]

# What sits between USB and a board's UART, by idVendor and idProduct. Sources: the device tables of Linux's
# drivers/usb/serial (cp210x.c, ch341.c, ftdi_sio.c, pl2303.c), the CDC-ACM devices of usb.ids, ST's UM2448
# and the udev rules of OpenOCD (contrib/60-openocd.rules) for ST-LINK, Espressif's usb-pids for 303A.
BRIDGES: Mapping[UsbId, str] = {
    (0x0483, 0x374B): "ST-LINK/V2-1 virtual COM port",
    (0x0483, 0x3752): "ST-LINK/V2-1 virtual COM port",
    (0x0483, 0x374E): "STLINK-V3 virtual COM port",
    (0x0483, 0x374F): "STLINK-V3 virtual COM port",
    (0x0483, 0x3753): "STLINK-V3 virtual COM ports",
    (0x0483, 0x5740): "STM32 USB virtual COM port",
    (0x303A, 0x1001): "ESP32 USB Serial/JTAG",
    (0x10C4, 0xEA60): "CP210x",
    (0x10C4, 0xEA70): "CP2105",
    (0x10C4, 0xEA71): "CP2108",
    (0x1A86, 0x5523): "CH341",
    (0x1A86, 0x7522): "CH340",
    (0x1A86, 0x7523): "CH340",
    (0x1A86, 0x55D3): "CH343",
    (0x1A86, 0x55D4): "CH9102",
    (0x0403, 0x6001): "FT232R",
    (0x0403, 0x6010): "FT2232",
    (0x0403, 0x6011): "FT4232H",
    (0x0403, 0x6014): "FT232H",
    (0x0403, 0x6015): "FT-X",
    (0x067B, 0x2303): "PL2303",
}


@dataclass(frozen=True, slots=True)
class Device:
    """A port or an emulated board, and the link that reaches it.

    `board` is a folder of boards/, or UNKNOWN; `bridge` what the USB device is, or UNKNOWN. `port` is the
    device file. `vid`, `pid`, `serial_number` and `product` are what USB says; None where it says nothing.
    """

    link: str
    board: str = UNKNOWN
    bridge: str = UNKNOWN
    port: str | None = None
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    product: str | None = None
    emulated: bool = False

    @property
    def usb_id(self) -> str:
        """`VID:PID` in hexadecimal, as lsusb prints it; empty for what is no USB device."""
        return f"{self.vid:04x}:{self.pid:04x}" if self.vid is not None and self.pid is not None else ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A device came (`present`) or went."""

    device: Device
    present: bool


def find_devices() -> list[Device]:
    """All USB and built-in serial ports of this machine, and the emulated boards of this user."""
    from serial.tools import list_ports  # late: other commands do not need pyserial

    emulated = [_emulated(simulator) for simulator in running(runtime_folder())]
    return [*identify(list_ports.comports(), known_boards(ROOT / "boards")), *emulated]


def known_boards(folder: Path) -> dict[UsbId, str]:
    """The boards that `usb = [{ vid = ..., pid = ... }]` in their board.toml makes known.

    An id that several boards name (that of a bridge, which many boards carry) tells none of them apart.
    """
    claims: dict[UsbId, set[str]] = {}
    for path in sorted(folder.glob("[!_]*/board.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("usb", []):
            claims.setdefault((entry["vid"], entry["pid"]), set()).add(path.parent.name)
    return {usb_id: names.pop() for usb_id, names in claims.items() if len(names) == 1}


def identify(ports: Iterable[ListPortInfo], boards: Mapping[UsbId, str]) -> list[Device]:
    """Tell ports apart, in order of their device files."""
    found = sorted(ports, key=lambda port: (len(port.device), port.device))  # ttyACM2 before ttyACM10
    numbers = Counter(port.serial_number for port in found if port.serial_number)
    return [_identify(port, boards, alone=numbers[port.serial_number] == 1) for port in found]


def _identify(port: ListPortInfo, boards: Mapping[UsbId, str], *, alone: bool) -> Device:
    """Describe a port. Its link is the serial number, which stays when the port's number changes.

    Not where two ports have the same one: those of one device, or cheap bridges, which are all "0001".
    """
    usb_id = (port.vid, port.pid)
    return Device(
        link=str(UsbSerialLink(port.serial_number) if alone else SerialLink(port.device)),
        board=boards.get(usb_id, UNKNOWN),
        bridge=BRIDGES.get(usb_id, UNKNOWN),
        port=port.device,
        vid=port.vid,
        pid=port.pid,
        serial_number=port.serial_number or None,
        product=port.product or None,
    )


def _emulated(simulator: RunningSimulator) -> Device:
    return Device(
        link=simulator.link,
        board=simulator.board,
        bridge="emulated",
        port=simulator.serial and simulator.serial.removeprefix("serial://"),
        emulated=True,
    )


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


async def device_files(dev: Path = DEV) -> AsyncGenerator[object, None]:
    """Yield whenever a terminal in /dev, or a file of the running emulators, comes or goes."""
    from watchfiles import awatch

    folders = [dev]
    if (simulators := runtime_folder()) is not None:
        simulators.mkdir(mode=0o700, parents=True, exist_ok=True)
        folders.append(simulators)
    async for changed in awatch(*folders, watch_filter=_is_device, recursive=False, debounce=400):
        yield changed


def _is_device(_: Change, path: str) -> bool:
    name = Path(path).name
    return name.startswith("tty") or name.endswith(".json")


def to_json(device: Device) -> dict[str, Any]:
    """For programs: ids as hexadecimal text, absent values left out."""
    members = {
        "link": device.link,
        "board": device.board,
        "bridge": device.bridge,
        "port": device.port,
        "usb": device.usb_id or None,
        "serial_number": device.serial_number,
        "product": device.product,
        "emulated": device.emulated,
    }
    return {key: value for key, value in members.items() if value is not None}
