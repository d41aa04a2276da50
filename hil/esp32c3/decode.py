"""What a load or store instruction of RV32IC means (RISC-V unprivileged architecture, chapters 2 and 16)."""

from __future__ import annotations

from collections.abc import Callable

LOAD, STORE = 0x03, 0x23
SP = 2


def load_store_address(instruction: int, register: Callable[[int], int]) -> int:
    """Return the address that an instruction of RV32IC reads or writes; 0 when it is none of them."""
    base, offset = _long(instruction) if instruction & 3 == 3 else _compressed(instruction & 0xFFFF)
    return (register(base) + offset) & 0xFFFF_FFFF


def load_destination(instruction: int) -> int:
    """Return the register that a load of a word fills; 0 when it is no such load."""
    if instruction & 3 == 3:
        return instruction >> 7 & 31 if instruction & 0x7F == LOAD else 0
    kind = instruction & 3, instruction >> 13 & 7
    if kind == (0, 2):  # c.lw
        return 8 + (instruction >> 2 & 7)
    return instruction >> 7 & 31 if kind == (2, 2) else 0  # c.lwsp


def length(instruction: int) -> int:
    """Return how many bytes an instruction takes."""
    return 4 if instruction & 3 == 3 else 2


def _long(instruction: int) -> tuple[int, int]:
    base = instruction >> 15 & 31
    if instruction & 0x7F == LOAD:
        return base, _signed(instruction >> 20)
    if instruction & 0x7F == STORE:
        return base, _signed((instruction >> 25) << 5 | instruction >> 7 & 31)
    return 0, 0


def _signed(bits: int) -> int:
    return bits - 0x1000 if bits & 0x800 else bits


def _compressed(instruction: int) -> tuple[int, int]:
    kind = instruction & 3, instruction >> 13
    if kind in ((0, 2), (0, 6)):  # c.lw, c.sw
        offset = instruction >> 10 & 7
        return 8 + (instruction >> 7 & 7), offset << 3 | (instruction >> 6 & 1) << 2 | (
            instruction >> 5 & 1
        ) << 6
    if kind == (2, 2):  # c.lwsp
        return SP, (instruction >> 12 & 1) << 5 | (instruction >> 4 & 7) << 2 | (instruction >> 2 & 3) << 6
    if kind == (2, 6):  # c.swsp
        return SP, (instruction >> 9 & 15) << 2 | (instruction >> 7 & 3) << 6
    return 0, 0
