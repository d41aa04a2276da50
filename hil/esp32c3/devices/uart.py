"""UART0 (TRM chapter 26): FIFOs of 128 bytes. Bytes come in no faster than at 115,200 baud.

What the host sends before there is room waits outside, as with flow control: an overrun cannot be shown. What
the board sends is gone at once, whether anybody reads it or not.
"""

from __future__ import annotations

from hil.esp32c3.bus import Registers
from hil.esp32c3.clock import Clock
from hil.esp32c3.ports import Port

FIFO, INT_RAW, INT_ST, INT_ENA, INT_CLR = 0x00, 0x04, 0x08, 0x0C, 0x10
STATUS, CONF0, UPDATE_ID = 0x1C, 0x20, 0x80
TXFIFO_EMPTY, RXFIFO_TOUT = 1 << 1, 1 << 8
RXFIFO_RST, REG_UPDATE = 1 << 17, 1 << 31
FIFO_BYTES = 128
BYTES_PER_S = 11_520
SOURCE = 21


class Uart(Registers):
    """The receive interrupt comes with the first byte, as if the line had paused behind it."""

    def __init__(self, port: Port, clock: Clock) -> None:
        super().__init__()
        self._port, self._clock = port, clock
        self._received = b""
        self._raw = TXFIFO_EMPTY
        self._line_free_at = 0.0

    def read(self, offset: int) -> int:
        """Return a register; the FIFO gives a byte away."""
        if offset == FIFO:
            byte, self._received = self._received[:1], self._received[1:]
            return byte[0] if byte else 0
        if offset == STATUS:
            return len(self._received)
        if offset == INT_RAW:
            return self._status()
        if offset == INT_ST:
            return self._status() & super().read(INT_ENA)
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """Set a register; the FIFO takes a byte."""
        super().write(offset, value & ~REG_UPDATE if offset == UPDATE_ID else value)
        if offset == FIFO:
            self.send(bytes([value & 0xFF]))
        elif offset == INT_CLR:
            self._raw &= ~value
        elif offset == CONF0 and value & RXFIFO_RST:
            self._received = b""

    def send(self, data: bytes) -> None:
        """Send bytes out."""
        self._port.write(data)

    def serve(self) -> None:
        """Take what came in on the line until now."""
        is_free = self._clock.now() >= self._line_free_at
        data = self._port.read(FIFO_BYTES - len(self._received) if is_free else 0)
        if data:
            self._received += data
            self._raw |= RXFIFO_TOUT
            self._line_free_at = self._clock.now() + len(data) / BYTES_PER_S

    @property
    def listens(self) -> bool:
        """Whether there is room for what comes in."""
        return len(self._received) < FIFO_BYTES

    def deadline(self) -> float | None:
        """When the line is free again, in seconds of the clock."""
        return self._line_free_at if self._clock.now() < self._line_free_at else None

    def active(self) -> list[int]:
        """Return the sources that interrupt now."""
        return [SOURCE] if self.read(INT_ST) else []

    def _status(self) -> int:
        return self._raw | TXFIFO_EMPTY
