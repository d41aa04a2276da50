"""Random function bodies that are well-typed, or were before they were damaged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
I32, I64, F32, F64 = 0x7F, 0x7E, 0x7D, 0x7C
VALUE_TYPES = (I32, I64, F32, F64)
BLOCK, LOOP, IF = 0x02, 0x03, 0x04
BLOCK_EMPTY = 0x40
EDGES = (0, 1, -1, 63, 64, -64, -65, 127, 128, 2**31 - 1, -(2**31))

Types = tuple[int, ...]


@dataclass(frozen=True)
class Operation:
    """An instruction whose operands and result are always the same."""

    encoded: bytes
    immediates: str
    operands: Types
    results: Types
    align: int


def operations() -> list[Operation]:
    """wasm3-port/instructions.def; which of it is right is for wasmtime to say."""
    types = {"I32": I32, "I64": I64, "F32": F32, "F64": F64}
    text = (ROOT / "wasm3-port" / "instructions.def").read_text()
    found = []
    for match in re.finditer(r"^INSTRUCTION\((.*)\)$", text, re.MULTILINE):
        code, _, _, immediates, *operands, result, align = match[1].split(", ")
        number = int(code, 16)
        encoded = bytes([number]) if number < 256 else bytes([number >> 8, number & 0xFF])
        taken = tuple(types[name] for name in operands if name != "NONE")
        left = (types[result],) if result != "NONE" else ()
        found.append(Operation(encoded, immediates, taken, left, int(align)))
    return found


OPERATIONS = operations()
BY_OPERANDS: dict[Types, list[Operation]] = {}
for _operation in OPERATIONS:
    BY_OPERANDS.setdefault(_operation.operands, []).append(_operation)


def unsigned(value: int, padding: int = 0) -> bytes:
    """LEB128; `padding` groups more than needed."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(padding):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def signed(value: int) -> bytes:
    """Signed LEB128."""
    out = bytearray()
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value & 0x7F])


def vector(items: Sequence[bytes]) -> bytes:
    """A count, then the items."""
    return unsigned(len(items)) + b"".join(items)


def limits(minimum: int, maximum: int | None) -> bytes:
    """Limits of a table or a memory."""
    if maximum is None:
        return b"\0" + unsigned(minimum)
    return b"\x01" + unsigned(minimum) + unsigned(maximum)


@dataclass
class Surroundings:
    """What a body may refer to."""

    types: list[tuple[Types, Types]]
    functions: list[int]
    globals: list[tuple[int, bool]]
    memory: bool
    table: bool


@dataclass
class Frame:
    kind: int
    params: Types
    results: Types
    height: int
    unreachable: bool = False

    @property
    def label(self) -> Types:
        return self.params if self.kind == LOOP else self.results


@dataclass
class BodyMaker:
    """Writes one body; it keeps the operand types itself, and brings about what it needs."""

    random: Random
    around: Surroundings
    locals: list[int]
    results: Types
    code: list[bytes] = field(default_factory=list)
    stack: list[int] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    def make(self, length: int) -> list[bytes]:
        self.frames = [Frame(BLOCK, (), self.results, 0)]
        while len(self.code) < length:
            self._step()
        while self.frames:
            self._end()
        return self.code

    # ---- operands

    def _top(self, count: int) -> Types:
        reachable = self.stack[self.frames[-1].height :]
        return tuple(reachable[-count:]) if count and len(reachable) >= count else ()

    def _pop(self, count: int) -> None:
        for _ in range(min(count, len(self.stack) - self.frames[-1].height)):
            self.stack.pop()

    def _push_value(self, wanted: int) -> None:
        """Any way to a value of this type."""
        sources = [self._constant(wanted)]
        sources += [b"\x20" + unsigned(i) for i, t in enumerate(self.locals) if t == wanted]
        sources += [b"\x23" + unsigned(i) for i, (t, _) in enumerate(self.around.globals) if t == wanted]
        self.code.append(self.random.choice(sources))
        self.stack.append(wanted)

    def _constant(self, wanted: int) -> bytes:
        return constant(self.random, wanted)

    def _need(self, types: Types) -> None:
        """Leave these on top; after an unreachable point some may be left to the polymorphic stack."""
        if self._top(len(types)) == types:
            return
        if self.frames[-1].unreachable and self.random.random() < 0.5:
            self._drop_to(self.frames[-1].height)
            types = types[self.random.randint(0, len(types)) :]
        for wanted in types:
            self._push_value(wanted)

    def _drop_to(self, height: int) -> None:
        while len(self.stack) > height:
            self.code.append(b"\x1a")
            self.stack.pop()

    # ---- instructions

    def _step(self) -> None:
        steps = (
            (6, self._fixed), (3, self._source), (1, self._drop), (1, self._select), (2, self._local),
            (1, self._global), (3, self._enter), (2, self._leave), (2, self._branch), (2, self._call),
        )  # fmt: skip
        weights = [weight for weight, _ in steps]
        self.random.choices([step for _, step in steps], weights)[0]()

    def _fixed(self) -> None:
        top = self._top(self.random.randint(0, 3))
        operation = self.random.choice(BY_OPERANDS.get(top) or OPERATIONS)
        if operation.immediates.startswith("MEM") and not self.around.memory:
            return
        self._need(operation.operands)
        self.code.append(operation.encoded + immediates(self.random, operation))
        self._pop(len(operation.operands))
        self.stack += operation.results

    def _source(self) -> None:
        self._push_value(self.random.choice(VALUE_TYPES))

    def _drop(self) -> None:
        if len(self.stack) > self.frames[-1].height or self.frames[-1].unreachable:
            self.code.append(b"\x1a")
            self._pop(1)

    def _select(self) -> None:
        wanted = self.random.choice(VALUE_TYPES)
        self._need((wanted, wanted, I32))
        self.code.append(b"\x1b")
        self._pop(3)
        self.stack.append(wanted)

    def _local(self) -> None:
        if self.locals:
            index = self.random.randrange(len(self.locals))
            self._need((self.locals[index],))
            code = self.random.choice((0x21, 0x22))
            self.code.append(bytes([code]) + unsigned(index, self.random.choice((0, 0, 0, 4))))
            self._pop(1)
            if code == 0x22:
                self.stack.append(self.locals[index])

    def _global(self) -> None:
        mutable = [i for i, (_, can_change) in enumerate(self.around.globals) if can_change]
        if mutable:
            index = self.random.choice(mutable)
            self._need((self.around.globals[index][0],))
            self.code.append(b"\x24" + unsigned(index))
            self._pop(1)

    def _enter(self) -> None:
        kind = self.random.choice((BLOCK, LOOP, IF))
        params: Types = ()
        results: Types = ()
        shape = self.random.randrange(3)
        if shape == 0:
            encoded = bytes([BLOCK_EMPTY])
        elif shape == 1:
            results = (self.random.choice(VALUE_TYPES),)
            encoded = bytes(results)
        else:
            index = self.random.randrange(len(self.around.types))
            params, results = self.around.types[index]
            encoded = signed(index)
        self._need((*params, I32) if kind == IF else params)
        self.code.append(bytes([kind]) + encoded)
        self._pop(len(params) + (kind == IF))
        self.frames.append(Frame(kind, params, results, len(self.stack)))
        self.stack += params

    def _finish_block(self) -> Frame:
        frame = self.frames[-1]
        height = len(self.stack) - frame.height
        if height != len(frame.results) or self._top(height) != frame.results:
            self._drop_to(frame.height)
            self._need(frame.results)
        self._pop(len(frame.results))
        return frame

    def _end(self) -> None:
        if self.frames[-1].kind == IF and self.frames[-1].params != self.frames[-1].results:
            self._else()
        frame = self._finish_block()
        self.code.append(b"\x0b")
        self.frames.pop()
        self.stack += frame.results

    def _else(self) -> None:
        frame = self._finish_block()
        self.code.append(b"\x05")
        self.frames[-1] = Frame(BLOCK, frame.params, frame.results, frame.height)
        self.stack += frame.params

    def _leave(self) -> None:
        if len(self.frames) > 1:
            if self.frames[-1].kind == IF and self.random.random() < 0.5:
                self._else()
            else:
                self._end()

    def _branch(self) -> None:
        depth = self.random.randrange(len(self.frames))
        label = self.frames[-1 - depth].label
        kind = self.random.choice(("br", "br_if", "br_table", "return", "unreachable"))
        if kind == "br_if":
            self._need((*label, I32))
            self.code.append(b"\x0d" + unsigned(depth))
            self._pop(1 + len(label))
            self.stack += label
            return
        if kind == "br":
            self._need(label)
            self.code.append(b"\x0c" + unsigned(depth))
        elif kind == "br_table":
            same = [i for i, frame in enumerate(reversed(self.frames)) if frame.label == label]
            chosen = [unsigned(self.random.choice(same)) for _ in range(self.random.randint(0, 4))]
            self._need((*label, I32))
            self.code.append(b"\x0e" + vector(chosen) + unsigned(depth))
        elif kind == "return":
            self._need(self.frames[0].results)
            self.code.append(b"\x0f")
        else:
            self.code.append(b"\x00")
        self._pop(len(self.stack))
        self.frames[-1].unreachable = True

    def _call(self) -> None:
        if self.around.table and self.random.random() < 0.4:
            index = self.random.randrange(len(self.around.types))
            params, results = self.around.types[index]
            encoded = b"\x11" + unsigned(index) + unsigned(0, self.random.choice((0, 4)))
            self._need((*params, I32))
            self._pop(1)
        else:
            index = self.random.randrange(len(self.around.functions))
            params, results = self.around.types[self.around.functions[index]]
            encoded = b"\x10" + unsigned(index)
            self._need(params)
        self.code.append(encoded)
        self._pop(len(params))
        self.stack += results


def constant(random: Random, wanted: int) -> bytes:
    """A const instruction."""
    if wanted in (I32, I64):
        return bytes([0x41 if wanted == I32 else 0x42]) + signed(random.choice(EDGES))
    return b"\x43" + random.randbytes(4) if wanted == F32 else b"\x44" + random.randbytes(8)


def immediates(random: Random, operation: Operation) -> bytes:
    """Right ones for an instruction with operands that never change."""
    match operation.immediates:
        case "MEMARG":
            return unsigned(random.randint(0, operation.align)) + unsigned(random.choice((0, 8, 2**32 - 1)))
        case "MEMORY":
            return b"\0"
        case "MEMORY_MEMORY":
            return b"\0\0"
        case "I32" | "I64":
            return signed(random.choice(EDGES))
        case "F32":
            return random.randbytes(4)
        case "F64":
            return random.randbytes(8)
    return b""
