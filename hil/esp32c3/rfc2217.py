"""UART0 behind a USB bridge, over the network: Telnet with RFC 2217, which carries DTR and RTS as well.

On a DevKitM RTS alone holds CHIP_EN low, DTR alone GPIO 9, both or neither do nothing. Over a network the two
do not change at nearly the same time, and the pin would be late. So this does what Espressif's own RFC 2217
server does: it knows the beginning of a reset when it sees it, and does the rest by itself.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

import serial
from serial.rfc2217 import PortManager

from hil.esp32c3.ports import SocketPort, listening

CHUNK = 4096


@dataclass(frozen=True)
class Lines:
    """What the bridge does to the chip: levels of CHIP_EN and of the button's pin."""

    is_enabled: bool
    is_boot_pressed: bool


class _Bridge:
    """What pyserial's server takes for a serial port."""

    def __init__(self, changed: Callable[[Lines], None]) -> None:
        self._changed = changed
        self._dtr = self._rts = False
        self.baudrate, self.bytesize, self.stopbits = 115_200, serial.EIGHTBITS, serial.STOPBITS_ONE
        self.parity = serial.PARITY_NONE
        self.xonxoff = self.rtscts = self.break_condition = False
        self.cts = self.dsr = self.ri = self.cd = False

    def reset_input_buffer(self) -> None:
        """Nothing is kept here."""

    def reset_output_buffer(self) -> None:
        """Nothing is kept here."""

    @property
    def dtr(self) -> bool:
        """Data terminal ready."""
        return self._dtr

    @dtr.setter
    def dtr(self, value: bool) -> None:
        if value and not self._dtr and self._rts:
            self._reset(is_boot_pressed=True)
        elif not value:
            self._changed(Lines(is_enabled=True, is_boot_pressed=False))
        self._dtr = value

    @property
    def rts(self) -> bool:
        """Request to send."""
        return self._rts

    @rts.setter
    def rts(self, value: bool) -> None:
        if self._rts and not value and not self._dtr:
            self._reset(is_boot_pressed=False)
        self._rts = value

    def _reset(self, *, is_boot_pressed: bool) -> None:
        for is_enabled in (False, True):
            self._changed(Lines(is_enabled, is_boot_pressed))


class Rfc2217Port(SocketPort):
    """Bytes and lines come in one stream; whoever reads bytes has the lines changed on the way."""

    def __init__(self, port: int, changed: Callable[[Lines], None]) -> None:
        listener, url = listening(f"tcp:{port}")
        super().__init__(listener, url.replace("tcp:", "rfc2217:"))
        self._changed = changed
        self._ready = b""
        self._manager: PortManager | None = None

    def read(self, limit: int) -> bytes:
        """Return what the peer sent, without Telnet's commands."""
        data = super().read(CHUNK)
        if data and self._manager is not None:
            self._ready += b"".join(self._manager.filter(data))
        taken, self._ready = self._ready[:limit], self._ready[limit:]
        return taken

    def write(self, data: bytes) -> int | None:
        """Send with Telnet's escapes; all or nothing."""
        if self._manager is None:
            return None
        return super().write(b"".join(self._manager.escape(data))) and len(data)

    def connected(self, peer: socket.socket) -> None:
        """Begin to talk Telnet."""
        self._ready = b""
        self._manager = PortManager(_Bridge(self._changed), _Connection(peer))

    def disconnected(self) -> None:
        """Forget the peer."""
        self._manager = None


class _Connection:
    """Where pyserial's server sends its answers to."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer

    def write(self, data: bytes) -> None:
        """Send a few bytes."""
        self._peer.send(data)
