"""Valid modules that take long to load for their size, each as large as the largest bank of a board."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "host"))
from random_body import F32, F64, I32, I64, OPERATIONS, Operation, Types, signed, unsigned, vector  # noqa: E402

BANK_BYTES = 65_536
"""The largest bank: tests/load/test_load_time.py compares it with the boards'."""

BODY_ROOM = 65_000  # of it for code; the rest is what every module has
OPERANDS, ARITY, NESTED, EXPORTS = 240, 16, 126, 509

END, DROP, SELECT = b"\x0b", b"\x1a", b"\x1b"
BUFFER, SIZE, RUN = 0, 1, 2  # functions that every module here has
ALL = (I32,) * ARITY


def get(local: int) -> bytes:
    """local.get."""
    return b"\x20" + unsigned(local)


def const(number: int) -> bytes:
    """i32.const."""
    return b"\x41" + signed(number)


def fill(unit: bytes, room: int, before: bytes = b"", after: bytes = b"") -> bytes:
    """The unit as often as there is room for."""
    return before + unit * ((room - len(before) - len(after)) // len(unit)) + after


@dataclass
class Module:
    """What a node takes, whose function RUN is `code`."""

    code: bytes
    types: Sequence[tuple[Types, Types]] = ()
    locals: Sequence[int] = ()
    exports: Sequence[bytes] = ()  # further names of RUN
    functions: Sequence[tuple[int, bytes]] = ()  # type and body of the ones behind RUN
    table: int = 0
    sections: dict[int, bytes] = field(default_factory=dict)
    size: bytes = const(0)
    size_locals: Sequence[int] = ()

    TYPES_BEFORE = 3

    def assemble(self) -> bytes:
        """Its bytes."""
        types = [((I32,), (I32,)), ((), (I32,)), ((), ()), *self.types]
        functions = [(BUFFER, const(1024)), (SIZE, self.size), (RUN, b"")]
        bodies = [body(const(1024)), body(self.size, self.size_locals), body(self.code, self.locals)]
        functions += self.functions
        bodies += [body(code) for _, code in self.functions]
        names = [
            (b"memory", 2, 0),
            (b"wasmote_buffer", 0, BUFFER),
            (b"wasmote_state_size", 0, SIZE),
            *((name, 0, RUN) for name in self.exports),
        ]
        sections = {
            1: vector([b"\x60" + vector_of(params) + vector_of(results) for params, results in types]),
            3: vector([unsigned(type_) for type_, _ in functions]),
            5: b"\x01\x09\x01\x01\x0e",  # one page of 16 KiB, and no more
            7: vector([vector_of(name) + bytes([kind]) + unsigned(index) for name, kind, index in names]),
            10: vector(bodies),
        }
        if self.table:
            sections[4] = b"\x01\x70\x00" + unsigned(self.table)
        sections |= self.sections
        return b"\0asm\x01\0\0\0" + b"".join(
            bytes([id_]) + unsigned(len(sections[id_])) + sections[id_] for id_ in sorted(sections)
        )


def vector_of(items: Sequence[int]) -> bytes:
    """A count and bytes."""
    return unsigned(len(items)) + bytes(items)


def body(code: bytes, locals_: Sequence[int] = ()) -> bytes:
    """A function's body with its size."""
    whole = vector([b"\x01" + bytes([type_]) for type_ in locals_]) + code + END
    return unsigned(len(whole)) + whole


def under_operands(unit: bytes, operand: bytes = get(0), top: bytes = b"") -> Module:
    """The unit again and again while many operands lie on the stack."""
    code = fill(unit, BODY_ROOM, operand * OPERANDS + top, DROP * (OPERANDS + bool(top)))
    return Module(code, locals=(I32, I32))


def chain(unit: bytes, start: bytes, types: Types = (I32, F64, I64)) -> Module:
    """Each unit works on what the one before left."""
    return Module(fill(unit, BODY_ROOM, start, DROP), locals=types)


def of_arity(unit: bytes, *, table: int = 0) -> Module:
    """The unit takes and leaves as many operands as a function may return; its type is number 3."""
    own = [(3, get_all())]
    code = fill(unit, BODY_ROOM, const(7) * ARITY, DROP * ARITY)
    return Module(code, types=[(ALL, ALL)], functions=own, table=table, locals=(I32,))


def get_all() -> bytes:
    """All parameters as results."""
    return b"".join(get(i) for i in range(ARITY))


def tables(label: Callable[[int], int], labels: int, opcode: int = 2, room: int = BODY_ROOM) -> Module:
    """br_table under nested blocks of results: each label copies all of them, one place down."""
    block = bytes([opcode, Module.TYPES_BEFORE])
    targets = b"".join(unsigned(label(i)) for i in range(labels))
    unit = (
        bytes([2, Module.TYPES_BEFORE]) + const(1) + const(0) + b"\x0e" + unsigned(labels - 1) + targets + END
    )
    before, after = const(7) * ARITY + block * NESTED, END * NESTED + DROP * ARITY
    return Module(fill(unit, room, before, after), types=[(ALL, ALL)])


def long_names(last: bytes = b"") -> Module:
    """As many exports as there may be, in all of the bank, whose names are the same up to their end."""
    prefix = b"n" * ((BANK_BYTES - 400) // EXPORTS - 10)
    names = [prefix + f"{i:04}".encode() for i in range(EXPORTS)]
    return Module(b"", exports=[*names[:-1], last or names[-1]])


def br_ifs() -> Module:
    """Each copies its operands one place down, if it is taken."""
    before = const(7) * ARITY + bytes([2, Module.TYPES_BEFORE]) + get(1) * (ARITY + 1)
    after = b"\x0c\x00" + END + DROP * ARITY
    code = fill(get(0) + b"\x0d\x00", BODY_ROOM, before, after)
    return Module(code, types=[(ALL, ALL)], locals=(I32, I32))


def nested() -> Module:
    """Blocks as deep as they may be, and again."""
    return Module(fill(b"\x02\x40" * NESTED + END * NESTED, BODY_ROOM))


BLOCK, LOOP, IF = (bytes([opcode, Module.TYPES_BEFORE]) for opcode in (2, 3, 4))
OWN_CALL = b"\x10\x03"

WORST: dict[str, Callable[[], Module]] = {
    "loops under operands": lambda: under_operands(b"\x03\x40\x0b"),
    "blocks under constants": lambda: under_operands(b"\x02\x40\x0b", const(1)),
    "local.tee under operands": lambda: under_operands(b"\x22\x01", top=const(1)),
    "local.set under operands": lambda: under_operands(get(0) + b"\x21\x01"),
    "local.set of what is read": lambda: under_operands(get(0) * 8 + b"\x21\x00" + DROP * 7),
    "calls of arity": lambda: of_arity(OWN_CALL),
    "indirect calls of arity": lambda: of_arity(const(0) + b"\x11\x03\x00", table=4),
    "blocks of arity": lambda: of_arity(BLOCK + END),
    "loops of arity": lambda: of_arity(LOOP + END),
    "if of arity": lambda: of_arity(get(0) + IF + END),
    "if and else of arity": lambda: of_arity(get(0) + IF + b"\x05" + END),
    "br of arity": lambda: of_arity(BLOCK + const(1) + b"\x0c\x00" + END),
    "br_if of arity": br_ifs,
    "br_table to all": lambda: tables(lambda i: i % NESTED + 1, 512),
    "br_table to loops": lambda: tables(lambda i: i % NESTED + 1, 512, 3),
    "br_table to one": lambda: tables(lambda i: 1, 1000),
    "short br_table": lambda: tables(lambda i: i, 2),
    "exports": long_names,
    "exports, two the same": lambda: long_names(b"n" * ((BANK_BYTES - 400) // EXPORTS - 10) + b"0000"),
    "f64.neg": lambda: chain(b"\x9a", get(1)),
    "f64.add": lambda: chain(get(1) + b"\xa0", get(1)),
    "i64.clz": lambda: chain(b"\x79", get(2)),
    "i64.eqz": lambda: chain(b"\x50\xad", get(2)),
    "i32.wrap and extend": lambda: chain(b"\xa7\xad", get(2)),
    "i32.clz": lambda: chain(b"\x67", get(0)),
    "i32.eqz": lambda: chain(b"\x45", get(0)),
    "i32.load": lambda: chain(b"\x28\x02\x00", get(0)),
    "select": lambda: chain(get(0) + get(0) + SELECT, get(0)),
    "conversions": lambda: chain(b"\xb2\xa8", get(0)),
    "nop": lambda: chain(b"\x01", get(0)),
    "nested blocks": nested,
}
"""What is worst in some way, by name."""


def instructions() -> dict[str, Module]:
    """One module for each instruction whose operands are always the same."""
    return {f"instruction {one.encoded.hex()}": _repeated(one) for one in OPERATIONS if _is_plain(one)}


def _is_plain(one: Operation) -> bool:
    return one.immediates in ("NONE", "MEMARG")


def _repeated(one: Operation) -> Module:
    """The instruction with its operands, as often as there is room for."""
    local = {I32: 0, F64: 1, I64: 2, F32: 3}
    operands = b"".join(get(local[type_]) for type_ in one.operands)
    immediates = b"\x00\x00" if one.immediates == "MEMARG" else b""
    unit = operands + one.encoded + immediates + DROP * len(one.results)
    return Module(fill(unit, BODY_ROOM), locals=(I32, F64, I64, F32))


def long_body(size: int) -> tuple[Module, int]:
    """One body of so many bytes that computes something, and what: sums of products of large constants."""
    total, code = 0, bytearray(get(0))
    number = 1
    while len(code) < size - 20:
        number = number * 1_103_515_245 + 12_345 & 0x7FFFFFFF
        code += const(number) + b"\x6a"
        code += const(number >> 7) + b"\x73"
        total = ((total + number) ^ (number >> 7)) & 0xFFFFFFFF
    return Module(b"", size=bytes(code), size_locals=(I32,)), total
