"""The ROM's serial loader: SLIP frames with a command each (esptool's documentation, "Serial Protocol").

esptool uploads a program of its own, the stub, and goes on with that, unless it is told not to. The stub is
not run: once it was started, this answers as it would. Flash takes no time here.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from enum import IntEnum

from hil.esp32c3 import bus
from hil.esp32c3.bus import Bus, EmulatorFault
from hil.esp32c3.core import Core
from hil.esp32c3.flash import SECTOR, Flash
from hil.esp32c3.flash import SIZE as FLASH_BYTES
from wasmote.link.slip import SlipDecoder, encode

FRAME_MAX = 0x4100  # more than esptool sends
HEADER = struct.Struct("<BBHI")
REQUEST, RESPONSE = 0, 1
CHECKSUM_SEED = 0xEF
CHIP_ID = 5  # ESP32-C3
SYNC_ANSWERS = 8
NO_VALUE = 0x2012_0707  # the ROM's, in an answer without; the stub's is 0
STUB_GREETING = b"OHAI"
READ_SLOW_BYTES = 64


class Command(IntEnum):
    """What esptool asks of the ROM of an ESP32-C3."""

    FLASH_BEGIN = 0x02
    FLASH_DATA = 0x03
    FLASH_END = 0x04
    MEM_BEGIN = 0x05
    MEM_END = 0x06
    MEM_DATA = 0x07
    SYNC = 0x08
    WRITE_REG = 0x09
    READ_REG = 0x0A
    SPI_SET_PARAMS = 0x0B
    SPI_ATTACH = 0x0D
    READ_FLASH_SLOW = 0x0E
    CHANGE_BAUDRATE = 0x0F
    FLASH_DEFL_BEGIN = 0x10
    FLASH_DEFL_DATA = 0x11
    FLASH_DEFL_END = 0x12
    SPI_FLASH_MD5 = 0x13
    GET_SECURITY_INFO = 0x14
    # The stub's own:
    ERASE_FLASH = 0xD0
    ERASE_REGION = 0xD1
    READ_FLASH = 0xD2


class Refusal(IntEnum):
    """Why a command failed."""

    INVALID_MESSAGE = 0x05
    FAILED = 0x06
    CHECKSUM = 0x07
    FLASH_WRITE = 0x08
    FLASH_READ = 0x09
    DEFLATE = 0x0B


class RefusedCommand(Exception):
    """A command that cannot be done."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why.name)
        self.why = why


def md5(data: bytes) -> bytes:
    """Return the sum by which flash is compared."""
    return hashlib.md5(data, usedforsecurity=False).digest()


class Loader:
    """One port's conversation. Sans I/O: bytes in, bytes out."""

    def __init__(self, flash: Flash, peripherals: Bus, core: Core) -> None:
        self._flash, self._bus, self._core = flash, peripherals, core
        self._frames = SlipDecoder(FRAME_MAX)
        self._at = self._end = 0
        self._inflater = zlib.decompressobj()
        self._is_stub = False
        self.wants_start = False  # the client has asked to run what is in flash
        self.outgoing = b""  # what is to be sent
        self._behind = b""  # ... behind the answer that is being made
        self._commands: dict[int, Callable[[bytes, int], tuple[int, bytes]]] = {
            Command.SYNC: self._agree,
            Command.SPI_ATTACH: self._agree,
            Command.SPI_SET_PARAMS: self._agree,
            Command.CHANGE_BAUDRATE: self._agree,
            Command.READ_REG: self._read_register,
            Command.WRITE_REG: self._write_register,
            Command.GET_SECURITY_INFO: self._security_info,
            Command.FLASH_BEGIN: self._begin,
            Command.FLASH_DATA: self._data,
            Command.FLASH_END: self._finish,
            Command.FLASH_DEFL_BEGIN: self._begin,
            Command.FLASH_DEFL_DATA: self._compressed_data,
            Command.FLASH_DEFL_END: self._finish,
            Command.SPI_FLASH_MD5: self._md5,
            Command.READ_FLASH_SLOW: self._read_flash_slow,
            Command.MEM_BEGIN: self._agree,
            Command.MEM_DATA: self._agree_to_data,
            Command.MEM_END: self._start_stub,
        }
        self._stub_commands = self._commands | {
            Command.ERASE_FLASH: self._erase_all,
            Command.ERASE_REGION: self._erase_region,
            Command.READ_FLASH: self._read_flash,
        }

    def feed(self, data: bytes) -> None:
        """Take what came in, and answer."""
        for frame in self._frames.feed(data):
            self._take(frame)

    def _take(self, frame: bytes) -> None:
        """Do a command. What is too short for one acknowledges data that was read."""
        if len(frame) < HEADER.size:
            return
        direction, command, length, checksum = HEADER.unpack_from(frame)
        body = frame[HEADER.size :]
        if direction != REQUEST or len(body) != length:
            return
        known = self._stub_commands if self._is_stub else self._commands
        value, data, status = self._no_value, b"", bytes(4)
        self._behind = b""
        try:
            value, data = known.get(command, self._refuse)(body, checksum)
        except (RefusedCommand, struct.error) as fault:
            why = fault.why if isinstance(fault, RefusedCommand) else Refusal.FAILED
            status = bytes([1, why, 0, 0])
        answer = encode(HEADER.pack(RESPONSE, command, len(data + status), value) + data + status)
        self.outgoing += answer * (SYNC_ANSWERS if command == Command.SYNC else 1) + self._behind

    @property
    def _no_value(self) -> int:
        return 0 if self._is_stub else NO_VALUE

    def _refuse(self, _: bytes, __: int) -> tuple[int, bytes]:
        raise RefusedCommand(Refusal.INVALID_MESSAGE)

    def _agree(self, _: bytes, __: int) -> tuple[int, bytes]:
        return self._no_value, b""

    def _security_info(self, _: bytes, __: int) -> tuple[int, bytes]:
        """Nothing is secured: flags, count of encryptions, purposes of 7 keys, chip, version."""
        return self._no_value, struct.pack("<IB7sII", 0, 0, bytes(7), CHIP_ID, 0)

    def _read_register(self, body: bytes, _: int) -> tuple[int, bytes]:
        (address,) = struct.unpack("<I", body)
        if address < bus.BASE:
            return int.from_bytes(self._core.read_memory(address, 4), "little"), b""
        try:
            return self._bus.read(address), b""
        except EmulatorFault:
            return 0, b""

    def _write_register(self, body: bytes, _: int) -> tuple[int, bytes]:
        address, value, mask, _delay_us = struct.unpack_from("<IIII", body)
        before = self._bus.read(address) if mask != 0xFFFF_FFFF else 0
        self._bus.write(address, before & ~mask | value & mask)
        return self._no_value, b""

    # ---- flash -------------------------------------------------------------------------------------

    def _begin(self, body: bytes, _: int) -> tuple[int, bytes]:
        size, _blocks, _block_size, at = struct.unpack_from("<IIII", body)
        if not self._flash.holds(at, size):
            raise RefusedCommand(Refusal.FAILED)
        if size:
            self._flash.erase(at, size)
        self._at, self._end = at, at + size
        self._inflater = zlib.decompressobj()
        return self._no_value, b""

    def _payload(self, body: bytes, checksum: int) -> bytes:
        length, _sequence, _, _ = struct.unpack_from("<IIII", body)
        data = body[16:]
        found = CHECKSUM_SEED
        for byte in data:
            found ^= byte
        if length != len(data) or found != checksum & 0xFF:
            raise RefusedCommand(Refusal.CHECKSUM)
        return data

    def _write(self, data: bytes) -> tuple[int, bytes]:
        if not self._flash.holds(self._at, len(data)):
            raise RefusedCommand(Refusal.FLASH_WRITE)
        self._flash.program(self._at, data)
        self._at += len(data)
        return self._no_value, b""

    def _data(self, body: bytes, checksum: int) -> tuple[int, bytes]:
        return self._write(self._payload(body, checksum))

    def _compressed_data(self, body: bytes, checksum: int) -> tuple[int, bytes]:
        try:
            data = self._inflater.decompress(self._payload(body, checksum))
        except zlib.error as fault:
            raise RefusedCommand(Refusal.DEFLATE) from fault
        return self._write(data)

    def _finish(self, body: bytes, _: int) -> tuple[int, bytes]:
        """Start what is in flash; the stub returns to the loader in ROM."""
        (stays,) = struct.unpack_from("<I", body)
        self.wants_start = not stays and not self._is_stub
        self._is_stub = self._is_stub and bool(stays)
        return self._no_value, b""

    def _md5(self, body: bytes, _: int) -> tuple[int, bytes]:
        at, size, _, _ = struct.unpack("<IIII", body)
        if not self._flash.holds(at, size):
            raise RefusedCommand(Refusal.FLASH_READ)
        digest = md5(self._flash.read(at, size))
        return self._no_value, digest if self._is_stub else digest.hex().encode()

    def _read_flash_slow(self, body: bytes, _: int) -> tuple[int, bytes]:
        at, length = struct.unpack("<II", body)
        if length > READ_SLOW_BYTES or not self._flash.holds(at, length):
            raise RefusedCommand(Refusal.FLASH_READ)
        return self._no_value, self._flash.read(at, length).ljust(READ_SLOW_BYTES, b"\0")

    # ---- the stub ----------------------------------------------------------------------------------

    def _agree_to_data(self, body: bytes, checksum: int) -> tuple[int, bytes]:
        self._payload(body, checksum)
        return self._no_value, b""

    def _start_stub(self, body: bytes, _: int) -> tuple[int, bytes]:
        stays, _entry = struct.unpack("<II", body)
        if not stays:
            self._is_stub = True
            self._behind = encode(STUB_GREETING)
        return NO_VALUE, b""

    def _erase_all(self, _: bytes, __: int) -> tuple[int, bytes]:
        self._flash.erase(0, FLASH_BYTES)
        return self._no_value, b""

    def _erase_region(self, body: bytes, _: int) -> tuple[int, bytes]:
        at, size = struct.unpack("<II", body)
        if at % SECTOR or size % SECTOR or not self._flash.holds(at, size):
            raise RefusedCommand(Refusal.FAILED)
        self._flash.erase(at, size)
        return self._no_value, b""

    def _read_flash(self, body: bytes, _: int) -> tuple[int, bytes]:
        """Send blocks as frames without a header, and their sum behind them; acknowledged or not."""
        at, size, block, _in_flight = struct.unpack("<IIII", body)
        if not block or not self._flash.holds(at, size):
            raise RefusedCommand(Refusal.FLASH_READ)
        data = self._flash.read(at, size)
        blocks = [data[begin : begin + block] for begin in range(0, size, block)]
        self._behind = b"".join(encode(frame) for frame in (*blocks, md5(data)))
        return self._no_value, b""
