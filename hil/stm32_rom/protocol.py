"""The loader itself, without a port: bytes in, bytes out. Section numbers are those of ST's AN3155."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Generator, Sequence

from hil.stm32_rom.flash import NorFlash

SYNC, ACK, NACK = 0x7F, 0x79, 0x1F
VERSION = 0x31  # of the protocol
GET, GET_VERSION, GET_ID, READ, GO, WRITE = 0x00, 0x01, 0x02, 0x11, 0x21, 0x31
ERASE, EXTENDED_ERASE = 0x43, 0x44
WRITE_PROTECT, WRITE_UNPROTECT, READOUT_PROTECT, READOUT_UNPROTECT = 0x63, 0x73, 0x82, 0x92
MASS_ERASE, EXTENDED_MASS_ERASE, SPECIAL_ERASE = 0xFF, 0xFFFF, 0xFFF0

OPTION_BYTES = 0x1FFFC000  # of STM32F2 and F4 (RM0090 section 3.9.2); 16 bytes, nWRP at 8
RDP_OFF, RDP_ON = 0xAA, 0x55

Step = Generator[None, int, None]  # is sent each byte that comes


def checksum(data: Sequence[int]) -> int:
    """Exclusive or of all bytes."""
    return functools.reduce(operator.xor, data, 0)


class Reset(Exception):
    """The chip resets, back into its loader: BOOT0 is still high."""


class Rom:
    """One chip in its boot loader. `chip_id` is its PID; `extended` chooses between both kinds of erase."""

    def __init__(self, chip_id: int, flash: NorFlash, *, extended: bool = True) -> None:
        self.chip_id = chip_id
        self.flash = flash
        self.readout_protected = False
        self.started: int | None = None  # the address that GO named
        self.commands: list[int] = []  # taken since it was made
        erase = EXTENDED_ERASE if extended else ERASE
        self._handlers: dict[int, Callable[[], Step]] = {
            GET: self._get,
            GET_VERSION: self._get_version,
            GET_ID: self._get_id,
            READ: self._read,
            GO: self._go,
            WRITE: self._write,
            erase: self._extended_erase if extended else self._erase,
            WRITE_PROTECT: self._write_protect,
            WRITE_UNPROTECT: self._write_unprotect,
            READOUT_PROTECT: self._readout_protect,
            READOUT_UNPROTECT: self._readout_unprotect,
        }
        self._replies = bytearray()
        self.reset()

    def reset(self) -> None:
        """Reset the chip, with BOOT0 high: its loader waits for the first byte."""
        self.started = None
        self._session = self._run()
        next(self._session)

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the line; return those that go back."""
        for byte in data:
            if self.started is not None:
                break
            try:
                self._session.send(byte)
            except Reset:
                self.reset()
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def _run(self) -> Step:
        while (yield) != SYNC:  # the baud rate is measured by this byte
            pass
        self._send(ACK)
        while self.started is None:
            command, complement = (yield), (yield)
            if command ^ complement != 0xFF or command not in self._handlers or self._refuses(command):
                self._send(NACK)
                continue
            self.commands.append(command)
            self._send(ACK)
            yield from self._handlers[command]()
        yield  # the program runs

    def _refuses(self, command: int) -> bool:
        """Readout protection leaves only what tells of the chip, and what ends the protection."""
        return self.readout_protected and command not in (GET, GET_VERSION, GET_ID, READOUT_UNPROTECT)

    def _send(self, *data: int) -> None:
        self._replies.extend(data)

    def _take(self, count: int) -> Generator[None, int, bytes]:
        data = bytearray()
        while len(data) < count:
            data.append((yield))
        return bytes(data)

    # what tells of the chip: 3.1 to 3.3

    def _get(self) -> Step:
        self._send(len(self._handlers), VERSION, *self._handlers, ACK)
        yield from ()

    def _get_version(self) -> Step:
        self._send(VERSION, 0, 0, ACK)
        yield from ()

    def _get_id(self) -> Step:
        self._send(1, *self.chip_id.to_bytes(2, "big"), ACK)
        yield from ()

    # memory: 3.4 to 3.6

    def _address(self) -> Generator[None, int, int | None]:
        """An address and its checksum; None, and NACK, where the sum is wrong."""
        data = yield from self._take(5)
        if checksum(data) != 0:
            self._send(NACK)
            return None
        return int.from_bytes(data[:4], "big")

    def _read(self) -> Step:
        address = yield from self._address()
        if address is None:
            return
        if not self._readable(address, 1):
            self._send(NACK)
            return
        self._send(ACK)
        count, complement = yield from self._take(2)
        if count ^ complement != 0xFF or not self._readable(address, count + 1):
            self._send(NACK)
            return
        self._send(ACK, *self._memory(address, count + 1))

    def _options(self) -> bytes:
        level = RDP_ON if self.readout_protected else RDP_OFF
        not_protected = ~sum(1 << number for number in self.flash.protected) & 0xFFF
        return bytes([0xFF, level, *[0xFF] * 6]) + not_protected.to_bytes(2, "little") + bytes(6)

    def _readable(self, address: int, count: int) -> bool:
        return self.flash.has(address, count) or 0 <= address - OPTION_BYTES <= 16 - count

    def _memory(self, address: int, count: int) -> bytes:
        if self.flash.has(address, count):
            return self.flash.read(address, count)
        return self._options()[address - OPTION_BYTES :][:count]

    def _go(self) -> Step:
        address = yield from self._address()
        if address is None:
            return
        if self.flash.has(address, 8):
            self._send(ACK)
            self.started = address
        else:
            self._send(NACK)

    def _write(self) -> Step:
        address = yield from self._address()
        if address is None:
            return
        if not self.flash.has(address, 1) or address % 4:
            self._send(NACK)
            return
        self._send(ACK)
        (count,) = yield from self._take(1)
        data = yield from self._take(count + 2)
        words = data[:-1]
        if count ^ checksum(data) or len(words) % 4 or not self.flash.has(address, len(words)):
            self._send(NACK)
            return
        self.flash.program(address, words)
        self._send(ACK)

    # erasing: 3.7 and 3.8

    def _erase(self) -> Step:
        (count,) = yield from self._take(1)
        data = yield from self._take(1 if count == MASS_ERASE else count + 2)
        numbers = range(len(self.flash.sectors)) if count == MASS_ERASE else data[:-1]
        self._erase_sectors(numbers, count ^ checksum(data))

    def _extended_erase(self) -> Step:
        head = yield from self._take(2)
        count = int.from_bytes(head, "big")
        data = yield from self._take(1 if count >= SPECIAL_ERASE else 2 * (count + 1) + 1)
        if count == EXTENDED_MASS_ERASE:
            self._erase_sectors(range(len(self.flash.sectors)), checksum(head + data))
        elif count >= SPECIAL_ERASE:  # of a bank: these chips have one
            self._send(NACK)
        else:
            numbers = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2)]
            self._erase_sectors(numbers, checksum(head + data))

    def _erase_sectors(self, numbers: Sequence[int], wrong: int) -> None:
        if wrong or any(number >= len(self.flash.sectors) for number in numbers):
            self._send(NACK)
            return
        for number in numbers:
            self.flash.erase(number)
        self._send(ACK)

    # protection: 3.9 to 3.12; each ends with a reset

    def _write_protect(self) -> Step:
        (count,) = yield from self._take(1)
        data = yield from self._take(count + 2)
        if count ^ checksum(data):
            self._send(NACK)
            return
        self.flash.protected = set(data[:-1])
        self._send(ACK)
        raise Reset

    def _write_unprotect(self) -> Step:
        yield from ()
        self.flash.protected.clear()
        self._send(ACK)
        raise Reset

    def _readout_protect(self) -> Step:
        yield from ()
        self.readout_protected = True
        self._send(ACK)
        raise Reset

    def _readout_unprotect(self) -> Step:
        yield from ()
        self.readout_protected = False
        self._erase_sectors(range(len(self.flash.sectors)), wrong=0)
        raise Reset
