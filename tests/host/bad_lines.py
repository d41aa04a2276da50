"""What a line can do to bytes: each class is a `Mangle` of fake_line.py. Seeds make a run repeatable."""

from __future__ import annotations

import math
import random


def byte_at_a_time(data: bytes) -> list[bytes]:
    """Deliver every byte by itself."""
    return [bytes([byte]) for byte in data]


class Lossy:
    """Drops, doubles, damages or cuts every chunk with a probability."""

    def __init__(self, what: str, probability: float, seed: int = 1) -> None:
        self.what = what
        self.probability = probability
        self.random = random.Random(seed)

    def __call__(self, data: bytes) -> list[bytes]:
        if self.random.random() >= self.probability:
            return [data]
        position = self.random.randrange(len(data))
        flipped = bytes([data[position] ^ (1 << self.random.randrange(8))])
        return {
            "drop": [],
            "double": [data, data],
            "flip": [data[:position] + flipped + data[position + 1 :]],
            "cut": [data[:position]],
            "insert": [data[:position], self.random.randbytes(3), data[position:]],
        }[self.what]


class Late:
    """Keeps a chunk back until the next one comes: what was given up arrives after all."""

    def __init__(self, probability: float, seed: int = 1) -> None:
        self.probability = probability
        self.random = random.Random(seed)
        self._kept = b""

    def __call__(self, data: bytes) -> list[bytes]:
        data, self._kept = self._kept + data, b""
        if self.random.random() < self.probability:
            data, self._kept = b"", data
        return [data] if data else []


class ByteErrors:
    """Flips a bit, drops, doubles or makes up a byte: each byte meets one of them with a probability."""

    def __init__(self, probability: float, seed: int = 1) -> None:
        self.errors = 0
        self._random = random.Random(seed)
        self._scale = -1 / math.log1p(-probability)
        self._left = self._distance()

    def _distance(self) -> int:
        """Bytes up to the next error: geometrically distributed."""
        return int(self._random.expovariate(1) * self._scale)

    def __call__(self, data: bytes) -> list[bytes]:
        out, position = bytearray(), 0
        while self._left < len(data) - position:
            out += data[position : position + self._left]
            position += self._left
            out += self._damaged(data[position])
            position += 1
            self.errors += 1
            self._left = self._distance()
        self._left -= len(data) - position
        return [bytes(out + data[position:])]

    def _damaged(self, byte: int) -> bytes:
        return self._random.choice(
            (
                bytes([byte ^ (1 << self._random.randrange(8))]),
                b"",
                bytes([byte, byte]),
                bytes([byte, self._random.randrange(256)]),
            )
        )
