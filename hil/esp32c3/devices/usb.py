"""USB Serial/JTAG (TRM chapter 30): the serial port's two FIFOs of 64 bytes, and the host behind them.

The host sends when there is room, and fetches a packet as soon as it is there, if anybody has the port open.
"""

from __future__ import annotations

from hil.esp32c3.bus import Registers
from hil.esp32c3.ports import Port

EP1, EP1_CONF, INT_RAW, INT_ST, INT_ENA, INT_CLR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
WR_DONE, IN_FREE, OUT_AVAIL = 1, 2, 4
OUT_RECV_PKT, IN_EMPTY = 1 << 2, 1 << 3
FIFO_BYTES = 64
SOURCE = 26


class UsbSerialJtag(Registers):
    """Packets of up to 64 bytes each way."""

    def __init__(self, port: Port) -> None:
        super().__init__()
        self._port = port
        self._raw = IN_EMPTY
        self._received = b""
        self._filling = b""  # bytes written so far
        self._packet = b""  # ... and handed over, not yet fetched

    def read(self, offset: int) -> int:
        """Return a register; the data register gives a byte away."""
        if offset == EP1:
            byte, self._received = self._received[:1], self._received[1:]
            self.serve()
            return byte[0] if byte else 0
        if offset == EP1_CONF:
            is_free = not self._packet and len(self._filling) < FIFO_BYTES
            return (IN_FREE if is_free else 0) | (OUT_AVAIL if self._received else 0)
        if offset == INT_RAW:
            return self._raw
        if offset == INT_ST:
            return self._raw & super().read(INT_ENA)
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """Set a register; the data register takes a byte."""
        super().write(offset, value)
        if offset == EP1 and not self._packet and len(self._filling) < FIFO_BYTES:
            self._filling += bytes([value & 0xFF])
        elif offset == INT_CLR:
            self._raw &= ~value
        elif offset == EP1_CONF and value & WR_DONE and not self._packet:
            self._packet, self._filling = self._filling, b""
            self.serve()

    def serve(self) -> None:
        """Do what the host would do now."""
        if not self._received:
            self._received = self._port.read(FIFO_BYTES)
            self._raw |= OUT_RECV_PKT if self._received else 0
        if self._packet:
            self._packet = self._packet[self._port.write(self._packet) or 0 :]
            self._raw |= 0 if self._packet else IN_EMPTY

    @property
    def listens(self) -> bool:
        """Whether there is room for what the host sends."""
        return not self._received

    @property
    def is_stuck(self) -> bool:
        """Whether the host has left bytes to be fetched."""
        return bool(self._packet)

    def active(self) -> list[int]:
        """Return the sources that interrupt now."""
        return [SOURCE] if self.read(INT_ST) else []
