"""Bytes of the WebAssembly binary format: LEB128 integers (core specification 5.2.2), names, vectors."""

from __future__ import annotations

from wasmote.errors import WasmoteError


class InvalidWasm(WasmoteError):
    """The bytes are not a module that a node could run; the message says what is wrong and where."""


class Reader:
    """Reads bytes from front to back, never past their end; `base` is added to offsets in messages."""

    def __init__(self, data: bytes, base: int = 0) -> None:
        self.data = data
        self.at = 0
        self._base = base

    @property
    def offset(self) -> int:
        """Where the next byte lies in the whole file."""
        return self._base + self.at

    def peek(self) -> int:
        """The next byte, which stays the next."""
        if self.done:
            raise self.fault("it ends too early")
        return self.data[self.at]

    @property
    def done(self) -> bool:
        """Whether every byte has been read."""
        return self.at == len(self.data)

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count > len(self.data) - self.at:
            left = len(self.data) - self.at
            raise self.fault(f"{count} bytes are announced where {left} are left")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self) -> int:
        """The next byte."""
        return self.take(1)[0]

    def u32(self) -> int:
        """An unsigned 32-bit LEB128."""
        return self.unsigned(32)

    def _groups(self, bits: int) -> tuple[int, int]:
        """The groups of seven bits of a LEB128, put together, and how many bits they are."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value, shift
            if shift >= bits:
                raise self.fault(f"an integer is longer than {bits} bits")

    def unsigned(self, bits: int) -> int:
        """An unsigned LEB128 of at most `bits` bits."""
        value, _ = self._groups(bits)
        if value >> bits:
            raise self.fault(f"an integer has more than {bits} bits")
        return value

    def signed(self, bits: int) -> int:
        """A signed LEB128 of at most `bits` bits."""
        value, width = self._groups(bits)
        if value >> (width - 1):
            value -= 1 << width
        if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
            raise self.fault(f"an integer has more than {bits} bits")
        return value

    def name(self) -> str:
        """A length-prefixed UTF-8 name."""
        encoded = self.take(self.u32())
        try:
            return encoded.decode()
        except UnicodeDecodeError:
            raise self.fault("a name is not UTF-8") from None

    def part(self, count: int) -> Reader:
        """A reader over the next `count` bytes, which this one skips."""
        base = self.offset
        return Reader(self.take(count), base)

    def fault(self, reason: str) -> InvalidWasm:
        """The error to raise for what stands at the current offset."""
        return InvalidWasm(f"module is malformed near byte {self.offset}: {reason}")


def unsigned(value: int) -> bytes:
    """Encode as the shortest unsigned LEB128."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def signed(value: int) -> bytes:
    """Encode as the shortest signed LEB128."""
    encoded = bytearray()
    while not -0x40 <= value < 0x40:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value & 0x7F)
    return bytes(encoded)


def name(text: str) -> bytes:
    """Encode a name: its length in bytes, then UTF-8."""
    encoded = text.encode()
    return unsigned(len(encoded)) + encoded


def vector(items: list[bytes]) -> bytes:
    """Encode a vector: the number of items, then each."""
    return unsigned(len(items)) + b"".join(items)
