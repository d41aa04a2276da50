"""Opens serial ports and sockets; nothing else does. Every way to fail has its own message and fix."""

from __future__ import annotations

import asyncio
import errno
import grp
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import cast

from wasmote.errors import Busy, DeviceNotFound, NoAnswer, PermissionRefused, WasmoteError
from wasmote.link.holders import holders
from wasmote.link.url import SerialLink, StreamLink, TcpLink, UnixLink, UsbSerialLink

CONNECT_TIMEOUT_S = 5.0

ProtocolFactory = Callable[[], asyncio.Protocol]


async def open_port(link: StreamLink, factory: ProtocolFactory) -> asyncio.Transport:
    """Open a link for the protocol that `factory` makes.

    Raises `DeviceNotFound`, `PermissionRefused`, `Busy` or `NoAnswer`.
    """
    if isinstance(link, UsbSerialLink):
        link = find_port(link)  # at every opening: a device that was plugged in again may have another number
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            return await _open(link, factory)
    except TimeoutError as fault:
        raise NoAnswer(
            f"{link}: no connection within {CONNECT_TIMEOUT_S:.0f} s", "is the host up and reachable?"
        ) from fault
    except OSError as fault:
        raise explain(link, fault) from fault


def find_port(link: UsbSerialLink) -> SerialLink:
    """Find the port that a USB device has now; the first one of a device with several.

    Raises `DeviceNotFound`.
    """
    from serial.tools import list_ports  # late: sockets do not need pyserial

    ports = [port for port in list_ports.comports() if port.serial_number]
    mine = [port for port in ports if port.serial_number == link.serial_number]
    if mine:
        first = min(
            mine, key=lambda port: (port.location or "", port.device)
        )  # location ends in the interface
        return SerialLink(first.device, link.baud)
    numbers = sorted({f"{port.serial_number} ({port.device})" for port in ports})
    raise DeviceNotFound(
        f"{link}: no USB device with this serial number is plugged in",
        f"serial numbers here: {', '.join(numbers)}" if numbers else _what_ports_there_are(),
    )


async def _open(link: SerialLink | TcpLink | UnixLink, factory: ProtocolFactory) -> asyncio.Transport:
    loop = asyncio.get_running_loop()
    match link:
        case SerialLink():
            import serial_asyncio_fast  # late: sockets do not need pyserial

            # exclusive: without it a second opener is let in, and both lose bytes
            transport, _ = await serial_asyncio_fast.create_serial_connection(
                loop, factory, link.path, baudrate=link.baud, exclusive=True
            )
            return cast(asyncio.Transport, transport)
        case TcpLink():
            stream, _ = await loop.create_connection(factory, link.host, link.port)
            return stream
        case UnixLink():
            stream, _ = await loop.create_unix_connection(factory, link.path)
            return stream


def explain(link: SerialLink | TcpLink | UnixLink, fault: OSError) -> WasmoteError:
    """Turn what the operating system said of a link into what a person can act on."""
    if isinstance(fault, socket.gaierror):
        return DeviceNotFound(f"{link}: host not found", "check the name, or give its IP address")
    match fault.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return DeviceNotFound(f"{link}: there is no such {_noun(link)}", _what_there_is(link))
        case errno.EACCES | errno.EPERM:
            return PermissionRefused(f"{link}: no permission to open it", _permission_hint(link))
        case errno.EBUSY | errno.EAGAIN:
            return _busy(link)
        case errno.ECONNREFUSED:
            return DeviceNotFound(f"{link}: nothing listens there", "start the emulator or the server first")
        case errno.ENOTTY | errno.EINVAL:
            return _no_serial_port(link)
        case None if isinstance(link, SerialLink):  # pyserial keeps the number of a termios error to itself
            return _no_serial_port(link)
    return DeviceNotFound(f"{link}: cannot be opened: {fault}", "check the cable and the address")


def _no_serial_port(link: SerialLink | TcpLink | UnixLink) -> DeviceNotFound:
    return DeviceNotFound(f"{link}: this is no serial port", _what_there_is(link))


def _busy(link: SerialLink | TcpLink | UnixLink) -> Busy:
    message = f"{link}: another program has it open"
    if isinstance(link, TcpLink):
        return Busy(message, "close the other program")
    if found := holders(link.path):
        return Busy(f"{message}: {', '.join(map(str, found))}", "close that program, and try again")
    return Busy(
        message,
        f"close the other program (a gateway, a terminal); `sudo fuser -v {link.path}` names it",
    )


def _noun(link: StreamLink) -> str:
    return "port" if isinstance(link, SerialLink) else "socket"


def _what_there_is(link: StreamLink) -> str:
    return (
        _what_ports_there_are() if isinstance(link, SerialLink) else "start the program that makes it first"
    )


def _what_ports_there_are() -> str:
    from serial.tools import list_ports

    ports = sorted(port.device for port in list_ports.comports())
    found = f"serial ports here: {', '.join(ports)}" if ports else "no serial port is plugged in"
    return f"{found}; is the cable a data cable?"


def _permission_hint(link: SerialLink | TcpLink | UnixLink) -> str:
    if isinstance(link, TcpLink):
        return "a firewall on this machine forbids it"
    user = os.environ.get("USER", "$USER")
    return f"add yourself to its group (sudo usermod -aG {owning_group(link.path)} {user}) and log in again"


def owning_group(path: str) -> str:
    """Return the group that may open a device file; Debian's, where it has no name here."""
    try:
        return grp.getgrgid(Path(path).stat().st_gid).gr_name
    except (OSError, KeyError):
        return "dialout"
