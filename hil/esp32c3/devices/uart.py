"""UART0 (TRM chapter 26): FIFOs of 128 bytes, and a line of 115,200 baud each way.

What the host sends before there is room waits outside, as with flow control: an overrun cannot be shown.
"""

from __future__ import annotations

from hil.esp32c3.bus import Registers
from hil.esp32c3.clock import Clock
from hil.esp32c3.ports import Port

FIFO, INT_RAW, INT_ST, INT_ENA, INT_CLR = 0x00, 0x04, 0x08, 0x0C, 0x10
STATUS, CONF0, CONF1, MEM_CONF, FSM_STATUS, UPDATE_ID = 0x1C, 0x20, 0x24, 0x60, 0x6C, 0x80
MEM_CONF_AT_RESET = 0x000A_0012
SENDING = 1 << 4  # in FSM_STATUS: the transmitter is not idle
TXFIFO_EMPTY, RXFIFO_TOUT = 1 << 1, 1 << 8
RXFIFO_RST, REG_UPDATE = 1 << 17, 1 << 31
FIFO_BYTES = 128
BYTE_S = 1 / 11_520
SOURCE = 21


class Uart(Registers):
    """The receive interrupt comes with the first byte, as if the line had paused behind it."""

    def __init__(self, port: Port, clock: Clock) -> None:
        super().__init__({MEM_CONF: MEM_CONF_AT_RESET})
        self._port, self._clock = port, clock
        self._received = self._sending = b""
        self._raw = 0
        self._heard_until = self._sent_until = 0.0  # the line was used up to this time

    def read(self, offset: int) -> int:
        """Return a register; the FIFO gives a byte away. What is on the line has left it."""
        if offset == FIFO:
            byte, self._received = self._received[:1], self._received[1:]
            return byte[0] if byte else 0
        if offset == STATUS:
            self._send()
            return len(self._received) | len(self._sending[1:]) << 16
        if offset == FSM_STATUS:
            self._send()
            return SENDING if self._sending else 0
        if offset == INT_RAW:
            return self._status()
        if offset == INT_ST:
            return self._status() & super().read(INT_ENA)
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """Set a register; the FIFO takes a byte while it has room."""
        super().write(offset, value & ~REG_UPDATE if offset == UPDATE_ID else value)
        if offset == FIFO:
            self._send()
            self._sending += bytes([value & 0xFF])[: FIFO_BYTES - len(self._sending)]
        elif offset == INT_CLR:
            self._raw &= ~value
        elif offset == CONF0 and value & RXFIFO_RST:
            self._received = b""

    def say(self, text: str) -> None:
        """Send what the ROM says, which waits for it."""
        self._port.write(text.encode())

    def serve(self) -> None:
        """Take what came in on the line until now, and give what went out."""
        self._send()
        is_free = self._clock.now() >= self._heard_until
        data = self._port.read(FIFO_BYTES - len(self._received) if is_free else 0)
        if data:
            self._received += data
            self._raw |= RXFIFO_TOUT
            self._heard_until = self._clock.now() + len(data) * BYTE_S

    @property
    def listens(self) -> bool:
        """Whether what comes in can be taken now."""
        return len(self._received) < FIFO_BYTES and self._clock.now() >= self._heard_until

    def deadline(self) -> float | None:
        """When there will be something to do, in seconds of the clock."""
        times = [self._heard_until] if self._clock.now() < self._heard_until else []
        if self._sending:
            above = len(self._sending) - self._threshold
            times.append(self._sent_until + (above + 1 if above >= 0 else len(self._sending)) * BYTE_S)
        return min(times, default=None)

    def active(self) -> list[int]:
        """Return the sources that interrupt now."""
        return [SOURCE] if self.read(INT_ST) else []

    @property
    def _threshold(self) -> int:
        return super().read(CONF1) >> 9 & 0x1FF

    def _send(self) -> None:
        """Let out what the line has carried until now; a host that does not read misses it."""
        now = self._clock.now()
        count = int((now - self._sent_until) / BYTE_S)
        if self._sending and count:
            self._port.write(self._sending[:count])
        self._sending = self._sending[count:]
        self._sent_until = self._sent_until + count * BYTE_S if self._sending else now

    def _status(self) -> int:
        self._send()
        if len(self._sending) < self._threshold:
            self._raw |= TXFIFO_EMPTY
        return self._raw
