"""What USB ids tell: the adapters that stand between USB and a board, and the boards that say theirs."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys/bus/usb/devices")

UsbId = tuple[int, int]

# What sits between USB and a board's UART, by idVendor and idProduct. Sources: the device tables of Linux's
# drivers/usb/serial (cp210x.c, ch341.c, ftdi_sio.c, pl2303.c), the CDC-ACM devices of usb.ids, ST's UM2448
# and the udev rules of OpenOCD (contrib/60-openocd.rules) for ST-LINK and CMSIS-DAP, Espressif's usb-pids for
# 303A.
BRIDGES: Mapping[UsbId, str] = {
    (0x0483, 0x374B): "ST-LINK/V2-1 virtual COM port",
    (0x0483, 0x3752): "ST-LINK/V2-1 virtual COM port",
    (0x0483, 0x374E): "STLINK-V3 virtual COM port",
    (0x0483, 0x374F): "STLINK-V3 virtual COM port",
    (0x0483, 0x3753): "STLINK-V3 virtual COM ports",
    (0x0483, 0x5740): "STM32 USB virtual COM port",
    (0x303A, 0x1001): "ESP32 USB Serial/JTAG",
    (0x0D28, 0x0204): "CMSIS-DAP virtual COM port",
    (0x2E8A, 0x000C): "CMSIS-DAP virtual COM port",
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

DFU: UsbId = (0x0483, 0xDF11)  # the boot loader in an STM32's ROM

# What shows that a board is plugged in, but has no serial port. Sources: as for ST-LINK; ST's AN2606.
PORTLESS: Mapping[UsbId, str] = {
    (0x0483, 0x3748): "ST-LINK/V2, without a serial port",
    DFU: "STM32 boot loader (DFU)",
}

# Debug probes: those of the lists above that are.
PROBES: frozenset[UsbId] = frozenset(
    usb_id
    for usb_id, name in (*BRIDGES.items(), *PORTLESS.items())
    if name.startswith(("ST-LINK", "STLINK", "CMSIS-DAP"))
)


@dataclass(frozen=True, slots=True)
class Claim:
    """An entry of `usb` in a board.toml.

    `shared`: other boards show the same, because it is an adapter's or a boot loader's. `note` says what to
    know of the board when this is plugged in.
    """

    board: str
    shared: bool = False
    note: str | None = None


Claims = Mapping[UsbId, tuple[Claim, ...]]


def read_claims(files: Iterable[Path]) -> dict[UsbId, tuple[Claim, ...]]:
    """What board.toml files say of USB ids, by id."""
    claims: dict[UsbId, tuple[Claim, ...]] = {}
    for path in files:
        board = tomllib.loads(path.read_text(encoding="utf-8"))
        for entry in board.get("usb", []):
            claim = Claim(board["name"], entry.get("shared", False), entry.get("note"))
            usb_id = entry["vid"], entry["pid"]
            claims[usb_id] = (*claims.get(usb_id, ()), claim)
    return claims


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """A USB device, as sysfs has it; nothing is asked of the device itself."""

    vid: int
    pid: int
    serial_number: str | None
    product: str | None


def find_portless(sysfs: Path = SYSFS) -> list[UsbDevice]:
    """The devices of PORTLESS that are plugged in."""
    devices = (_read_device(folder) for folder in sorted(sysfs.glob("*")) if ":" not in folder.name)
    return [device for device in devices if device and (device.vid, device.pid) in PORTLESS]


def _read_device(folder: Path) -> UsbDevice | None:
    vid, pid, *names = _read_files(folder, "idVendor", "idProduct", "serial", "product")
    if not (vid and pid):  # it was pulled out in this moment
        return None
    return UsbDevice(int(vid, 16), int(pid, 16), *names)


def _read_files(folder: Path, *names: str) -> Iterator[str | None]:
    for name in names:
        try:
            yield (folder / name).read_text(encoding="utf-8", errors="replace").strip() or None
        except OSError:
            yield None
