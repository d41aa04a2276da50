"""The values at the edges of each type, as bit patterns."""

from __future__ import annotations

import math
import struct

MASK = {"i32": 0xFFFF_FFFF, "i64": 0xFFFF_FFFF_FFFF_FFFF}
FORMAT = {"f32": ("<f", "<I"), "f64": ("<d", "<Q")}

_I32 = [0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0xFFFFFF]
_I32 += [0x12345678, 0x7FFFFFFE, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xDEADBEEF, 0xFFFF8000, 0xFFFFFF80]
_I32 += [0xFFFFFFFE, 0xFFFFFFFF, 0x01000001, 0x02000003, 0x7FFFFF40, 0x7FFFFFC0, 0xFFFFFF7F]
_I64 = [*_I32[:20], 0x123456789ABCDEF0, 0x80000000, 0x7FFFFFFF, 0xFFFFFFFF, 0x100000000, 0x100000001]
_I64 += [0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0x8000000000000001, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFE]
_I64 += [0xFFFFFFFF80000000, 0xFFFFFFFF7FFFFFFF, 0xDEADBEEF00000000, 0xFFFFFFFFFFFFFF80, 0xFFFFFFFFFFFF8000]
# Halfway between neighbours of f64 and of f32, for conversions that round.
_I64 += [(1 << 53) - 1, (1 << 53) + 1, (1 << 53) + 3, (1 << 24) + 1, (1 << 24) + 3, (1 << 62) + (1 << 8)]
_I64 += [0x7FFFFF4000000001, 0x7FFFFFBFFFFFFFFF, 0x7FFFFFFFFFFFFC00, 0xFFFFFFFFFFFFFBFF, 0xFFFFFFFFFFFFFC00]


def _limits_of_truncation(ulp: int, kind: str) -> list[int]:
    """The bounds of the integer types, each with its neighbours `ulp` patterns away."""
    found = []
    for bound in (2.0**31, 2.0**32, 2.0**63, 2.0**64, -(2.0**31), -(2.0**63), 1.0, -1.0):
        bits = pattern(bound, kind)
        found += [bits - ulp, bits, bits + ulp]
    return found


def pattern(value: float, kind: str) -> int:
    """The bits of a number."""
    floating, integer = FORMAT[kind]
    bits: int = struct.unpack(integer, struct.pack(floating, value))[0]
    return bits


def number(bits: int, kind: str) -> float:
    """The number of a pattern."""
    floating, integer = FORMAT[kind]
    value: float = struct.unpack(floating, struct.pack(integer, bits))[0]
    return value


def _floats(kind: str) -> list[int]:
    width, fraction = (32, 23) if kind == "f32" else (64, 52)
    sign, infinity = 1 << (width - 1), ((1 << (width - 1 - fraction)) - 1) << fraction
    quiet = 1 << (fraction - 1)
    found = [0, 1, 2, (1 << fraction) - 1, 1 << fraction, (1 << fraction) + 1, infinity - 1, infinity]
    found += [infinity | quiet, infinity | quiet | 1, infinity | 2 * quiet - 1, infinity | quiet | 0x1234]
    found += [infinity | 1, infinity | quiet >> 1, infinity | quiet - 1, infinity | 0x1234]
    for value in (0.5, 1.5, 2.5, 3.5, 0.25, 3.0, math.pi, 1e10, 2.0**fraction, 2.0 ** (fraction + 1), 0.1):
        found.append(pattern(value, kind))
    # Just below a half, and halves where the fraction has one bit left.
    found += [
        pattern(0.5, kind) - 1,
        pattern(2.0 ** (fraction - 1), kind) + 1,
        pattern(2.0 ** (fraction - 1), kind) + 3,
    ]
    found = [*found, *(bits | sign for bits in found)]
    found += _limits_of_truncation(1, kind)
    if kind == "f64":
        for value in (2147483647.0, 2147483647.5, 4294967295.0, 4294967295.5, -2147483648.5, -2147483648.9):
            found.append(pattern(value, kind))
        # Where f32 ends, becomes subnormal, and rounds to even.
        for value in (
            3.4028234663852886e38,
            3.4028235677973362e38,
            3.4028235677973366e38,
            2.0**-149,
            2.0**-150,
        ):
            found += [pattern(value, kind), pattern(value, kind) + 1, pattern(-value, kind)]
        found += [
            pattern(1 + 2.0**-24, kind),
            pattern(1 + 3 * 2.0**-24, kind),
            pattern(1 + 2.0**-24 + 2.0**-52, kind),
        ]
        found += [pattern(2.0**-126, kind) - 1, pattern(-(2.0**-126) * (1 - 2.0**-25), kind)]
        found.append(
            infinity | 0x0000_0000_1FFF_FFFF
        )  # a signalling NaN that promote and demote must quieten
    return list(dict.fromkeys(found))


EDGES = {"i32": _I32, "i64": _I64, "f32": _floats("f32"), "f64": _floats("f64")}


def is_nan(bits: int, kind: str) -> bool:
    """Whether a pattern is a NaN."""
    return kind in FORMAT and math.isnan(number(bits, kind))


def constant(bits: int, kind: str) -> str:
    """The instruction that makes the value, in the text format."""
    if kind in MASK:
        return f"({kind}.const {bits:#x})"
    width, fraction = (32, 23) if kind == "f32" else (64, 52)
    sign = "-" if bits >> (width - 1) else ""
    if is_nan(bits, kind):
        return f"({kind}.const {sign}nan:{bits & ((1 << fraction) - 1):#x})"
    value = number(bits, kind)
    return f"({kind}.const {f'{sign}inf' if math.isinf(value) else value.hex()})"
