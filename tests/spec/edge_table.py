"""A table of our own: every numeric instruction over the edges of its types, in many shapes.

The engine fuses an instruction with where its operands come from (a slot, a register, a constant) and with
what becomes of its result (a local, a branch): so each of these is a shape here, a function of its own.
wasmtime computes what is right. The instructions are those of wasm3-port/instructions.def.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import wasmtime

from edge_values import EDGES, constant, is_nan
from judge import CANONICAL, SIGN, Plan, Step
from packing import pack
from target import END_RECORD, ETRAP, OK, Answer, invoke_record, load_record

DEFINITIONS = Path(__file__).resolve().parents[2] / "wasm3-port" / "instructions.def"
ROW = re.compile(
    r'^INSTRUCTION\((0x\w+), (\w+), "([\w.]+)", (\w+), (\w+), (\w+), (\w+), (\w+), (\d)\)', re.MULTILINE
)

CROSS_MAX = 900
"""Most pairs of operands that the plain shape of an instruction is given."""
PER_SHAPE = 4
"""Operands that every other shape is given."""

TRAPS = {
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: "out of bounds memory access",
    wasmtime.TrapCode.INTEGER_OVERFLOW: "integer overflow",
    wasmtime.TrapCode.INTEGER_DIVISION_BY_ZERO: "integer divide by zero",
    wasmtime.TrapCode.BAD_CONVERSION_TO_INTEGER: "invalid conversion to integer",
}

Expected = int | str
"""A bit pattern, or the words of a trap."""


@dataclass(frozen=True)
class Row:
    """An instruction."""

    name: str
    code: int
    immediates: str
    operands: tuple[str, ...]
    result: str
    access: int
    """Bytes that a load or store touches."""

    @property
    def moves_bits(self) -> bool:
        """Whether the specification fixes every bit of a NaN result."""
        return (
            self.result not in CANONICAL
            or self.name.endswith(("abs", "neg", "copysign"))
            or "reint" in self.name
        )

    @property
    def compares(self) -> bool:
        """Whether the result is a condition."""
        return re.search(r"\.(eqz?|ne|[lg][te](_[su])?)$", self.name) is not None


def rows() -> list[Row]:
    """All instructions that take and leave fixed types."""
    found = []
    for code, _, name, immediates, *types, result, access in ROW.findall(DEFINITIONS.read_text()):
        operands = tuple(kind.lower() for kind in types if kind != "NONE")
        found.append(Row(name, int(code, 16), immediates, operands, result.lower(), 1 << int(access)))
    return found


def numeric() -> list[Row]:
    """Instructions that compute."""
    return [row for row in rows() if row.immediates == "NONE" and row.operands]


def memory() -> list[Row]:
    """Loads and stores."""
    return [row for row in rows() if row.immediates == "MEMARG"]


# ---- shapes: where operands come from --------------------------------------------------------------------

COMPUTED = {
    "i32": "(i32.or {} (local.get $zero32))",
    "i64": "(i64.or {0} (local.get $zero64))",
    "f32": "(f32.copysign {0} {0})",
    "f64": "(f64.copysign {0} {0})",
}
DUMMY = {"i32": "(i32.const 77)", "i64": "(i64.const 77)", "f32": "(f32.const 77)", "f64": "(f64.const 77)"}


def _operand(form: str, index: int, kind: str, bits: int) -> str:
    """One operand: a local, a result of another operation, of a call, of a block, or a constant."""
    local = f"(local.get {index})"
    return {
        "local": local,
        "computed": COMPUTED[kind].format(local),
        "called": f"(call $same_{kind} {local})",
        "block": f"(block (result {kind}) {local})",
        "twice": COMPUTED[kind].format(COMPUTED[kind].format(local)),
        "const": constant(bits, kind),
    }[form]


def _operand_forms(count: int) -> list[tuple[str, ...]]:
    forms = ["local", "computed", "called", "block", "twice", "const"]
    if count == 1:
        return [(form,) for form in forms]
    others = [("called", "local"), ("local", "called"), ("block", "computed"), ("twice", "block")]
    return [*itertools.product(["local", "computed", "const"], repeat=2), *others]


def _same_operand_twice(row: Row) -> bool:
    return len(row.operands) == 2 and row.operands[0] == row.operands[1]


# ---- shapes: what becomes of the result ------------------------------------------------------------------


def _result_forms(row: Row, expression: str) -> dict[str, str]:
    kind = row.result
    dummy = DUMMY[kind]
    again = "(br_if 0 (i32.eq (i32.const 1) (local.tee $n (i32.add (local.get $n) (i32.const 1)))))"
    forms = {
        "returned": expression,
        "set": f"(local.set $result {expression}) (local.get $result)",
        "tee": f"(drop (local.tee $result {expression})) (local.get $result)",
        "tee_kept": f"(local.tee $result {expression}) (local.set $result {dummy})",
        "global": f"(global.set $g_{kind} {expression}) (global.get $g_{kind})",
        "select": f"(select {expression} {dummy} (i32.or (local.get $zero32) (i32.const 1)))",
        "below": f"{expression} (drop (i32.mul (local.get $zero32) (i32.const 5)))",
        "called": f"(call $same_{kind} {expression})",
        "branch": f"(block (result {kind}) (br 0 {expression}))",
        "return": f"(return {expression})",
        "arm": f"(if (result {kind}) (i32.eqz (local.get $zero32)) (then {expression}) (else {dummy}))",
        "dropped": f"(drop {expression}) {expression}",
        "loop": f"(loop (local.set $result {expression}) {again}) (local.get $result)",
    }
    for index, operand in enumerate(row.operands):
        if operand == kind:  # the result goes where an operand came from
            forms[f"own{index}"] = f"(local.set {index} {expression}) (local.get {index})"
    if row.compares:
        forms |= _condition_forms(expression)
    return forms


def _condition_forms(expression: str) -> dict[str, str]:
    return {
        "if": f"(if (result i32) {expression} (then (i32.const 1)) (else (i32.const 0)))",
        "br_if": f"(block (br_if 0 {expression}) (return (i32.const 0))) (i32.const 1)",
        "br_if_not": f"(block (br_if 0 (i32.eqz {expression})) (return (i32.const 1))) (i32.const 0)",
        "br_if_value": f"(block (result i32) (br_if 0 (i32.const 1) {expression}) (drop) (i32.const 0))",
        "condition": f"(select (i32.const 1) (i32.const 0) {expression})",
        "br_if_tee": f"(block (br_if 0 (local.tee $result {expression})) (return (local.get $result))) "
        "(local.get $result)",
        "back": f"(block $out (loop $l (br_if $out (local.get $n)) (local.set $n (i32.const 1)) "
        f"(br_if $l {expression})) (return (i32.const 0))) (i32.const 1)",
    }


# ---- modules ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """A function, and what it is called with."""

    name: str
    text: str
    operands: list[tuple[int, ...]]


HELPERS = "".join(
    f"(func $same_{kind} (param {kind}) (result {kind}) (local.get 0))"
    f"(global $g_{kind} (mut {kind}) ({kind}.const 0))"
    for kind in DUMMY
)


def _function(row: Row, name: str, body: str, result: str) -> str:
    params = " ".join(row.operands)
    local = row.result if row.result != "none" else "i32"
    return (
        f'(func ${name} (export "{name}") (param {params}) (result {result}) (local $zero32 i32) '
        f"(local $zero64 i64) (local $n i32) (local $result {local}) {body})"
    )


def _cross(row: Row) -> list[tuple[int, ...]]:
    every = list(itertools.product(*(EDGES[kind] for kind in row.operands)))
    if len(every) <= CROSS_MAX:
        return every
    return random.Random(row.name).sample(every, CROSS_MAX)


def shapes(row: Row) -> list[Shape]:
    """All shapes of a numeric instruction. The first is the plain one, with the most operands."""
    cross = _cross(row)
    picker = random.Random(f"shapes of {row.name}")
    found = [Shape("plain", _function(row, "plain", _apply(row, None, ()), row.result), cross)]
    for forms in _operand_forms(len(row.operands)):
        plain_or_constant = set(forms) <= {"local", "computed", "const"}
        for times in range(4 if "const" in forms else 1):
            bits = picker.choice(cross)
            expression = _apply(row, forms, bits)
            results = _result_forms(row, expression)
            for name in results if plain_or_constant and times < 2 else ["returned"]:
                label = f"{'_'.join(forms)}_{times}_{name}"
                operands = [_fix(forms, bits, picker.choice(cross)) for _ in range(PER_SHAPE)]
                found.append(Shape(label, _function(row, label, results[name], row.result), operands))
    if _same_operand_twice(row):
        text = _function(row, "same", f"({row.name} (local.get 0) (local.get 0))", row.result)
        found.append(Shape("same", text, [(bits, bits) for bits in EDGES[row.operands[0]]]))
    return found


def _apply(row: Row, forms: tuple[str, ...] | None, bits: tuple[int, ...]) -> str:
    if forms is None:
        forms, bits = ("local",) * len(row.operands), (0,) * len(row.operands)
    operands = zip(forms, range(len(forms)), row.operands, bits, strict=True)
    return f"({row.name} {' '.join(_operand(*operand) for operand in operands)})"


def _fix(forms: tuple[str, ...], bits: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    chosen = zip(forms, bits, others, strict=True)
    return tuple(fixed if form == "const" else other for form, fixed, other in chosen)


# ---- the oracle ------------------------------------------------------------------------------------------

INTEGER = {"i32": "i32", "i64": "i64", "f32": "i32", "f64": "i64"}
TO_FLOAT = {"f32": "(f32.reinterpret_i32 {})", "f64": "(f64.reinterpret_i64 {})"}
FROM_FLOAT = {"f32": "(i32.reinterpret_f32 {})", "f64": "(i64.reinterpret_f64 {})"}


class Oracle:
    """wasmtime with the same functions, called with patterns: a float on the way would lose a NaN's bits."""

    def __init__(self, text: str, exports: dict[str, tuple[tuple[str, ...], str]]) -> None:
        wrappers = "".join(self._wrapper(name, *types) for name, types in exports.items())
        engine = wasmtime.Engine()
        self._store = wasmtime.Store(engine)
        module = wasmtime.Module(engine, wasmtime.wat2wasm(f"(module {text} {wrappers})"))
        self._exports = wasmtime.Instance(self._store, module, []).exports(self._store)
        self._results = {name: types[1] for name, types in exports.items()}

    @staticmethod
    def _wrapper(name: str, operands: tuple[str, ...], result: str) -> str:
        gets = [TO_FLOAT.get(kind, "{}").format(f"(local.get {i})") for i, kind in enumerate(operands)]
        call = FROM_FLOAT.get(result, "{}").format(f"(call ${name} {' '.join(gets)})")
        params = " ".join(INTEGER[kind] for kind in operands)
        return f'(func (export "{name} wrapped") (param {params}) (result {INTEGER[result]}) {call})'

    def call(self, name: str, bits: tuple[int, ...]) -> Expected:
        """What a function returns, or its trap."""
        function = self._exports[f"{name} wrapped"]
        assert isinstance(function, wasmtime.Func)
        try:
            value: int = function(self._store, *bits)
        except wasmtime.Trap as trap:
            return TRAPS[trap.trap_code]
        return value & (0xFFFF_FFFF if self._results[name] in ("i32", "f32") else 0xFFFF_FFFF_FFFF_FFFF)


# ---- plans -----------------------------------------------------------------------------------------------


def _is_canonical(bits: int, kind: str) -> bool:
    return bits & ~SIGN[kind] == CANONICAL[kind]


def wanted(row: Row, bits: tuple[int, ...], value: Expected) -> Expected:
    """A NaN by its class, where the specification leaves the bits open (section 4.3.3, NaN propagation)."""
    if isinstance(value, str) or row.moves_bits or not is_nan(value, row.result):
        return value
    nans = [
        (pattern, kind) for pattern, kind in zip(bits, row.operands, strict=True) if is_nan(pattern, kind)
    ]
    canonical = all(_is_canonical(pattern, kind) for pattern, kind in nans)
    return "nan:canonical" if canonical else "nan:arithmetic"


def judge(answer: Answer, kind: str, value: Expected) -> str:
    """Compare with what is right."""
    if answer.status == OK and answer.values:
        found = answer.values[0]
        if value == "nan:canonical":
            right = _is_canonical(found, kind)
        elif value == "nan:arithmetic":
            right = found & CANONICAL[kind] == CANONICAL[kind]
        else:
            right = found == value
        said = f"{found:#x}"
    else:
        right = answer.status == ETRAP and isinstance(value, str) and value in answer.why
        said = answer.why
    return "" if right else f"{said}, not {value if isinstance(value, str) else hex(value)}"


def _loads(answer: Answer) -> str:
    return answer.why


def _call_step(row_name: str, shape: str, bits: tuple[int, ...], kind: str, value: Expected) -> Step:
    at = f"{row_name}:{shape}({', '.join(f'{one:#x}' for one in bits)})"
    return Step(at, invoke_record(0, shape.encode(), bits), partial(judge, kind=kind, value=value))


def numeric_plan(row: Row) -> Plan:
    """Everything about one numeric instruction."""
    found = shapes(row)
    text = HELPERS + "".join(shape.text for shape in found)
    oracle = Oracle(HELPERS + found[0].text, {"plain": (row.operands, row.result)})
    known: dict[tuple[int, ...], Expected] = {}
    plan = Plan(row.name, ordered=False)
    wasm = bytes(wasmtime.wat2wasm(f"(module {text})"))
    plan.steps.append(Step(f"{row.name}:module", load_record(0, wasm), _loads, counts=False))
    for shape in found:
        for bits in shape.operands:
            if bits not in known:
                known[bits] = wanted(row, bits, oracle.call("plain", bits))
            plan.steps.append(_call_step(row.name, shape.name, bits, row.result, known[bits]))
    plan.steps.append(_end(row.name))
    return plan


def _end(name: str) -> Step:
    return Step(
        f"{name}:end", END_RECORD, lambda answer: "" if answer.values == (0,) else "a leak", counts=False
    )


# ---- loads and stores ------------------------------------------------------------------------------------

OFFSETS = (0, 1, 7, 0xFFF0, 0x1_0000, 0xFFFF_FFFF)
PATTERN = bytes((0x80 + 37 * i) & 0xFF for i in range(64))
ADDRESSES = (
    0,
    1,
    2,
    3,
    5,
    8,
    13,
    40,
    0x3FFC,
    0x3FFE,
    0x8000,
    0xFFF7,
    0xFFF8,
    0xFFF9,
    0xFFFC,
    0xFFFD,
    0xFFFE,
    0xFFFF,
)
ADDRESSES += (0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFFE, 0xFFFF_FFFF)


def memory_plan(row: Row) -> Plan:
    """A load or a store at the edges of memory, with every offset; stores are read back."""
    found = list(_memory_shapes(row))
    data = "".join(f"\\{byte:02x}" for byte in PATTERN)
    segments = (
        f'(data (i32.const 0) "{data}") (data (i32.const 65472) "{data}") (data (i32.const 0x3fe0) "{data}")'
    )
    text = HELPERS + f"(memory 1) {segments}" + "".join(shape.text for shape in found)
    result = "i64" if row.result == "none" else row.result
    oracle = Oracle(text, {shape.name: (row.operands, result) for shape in found})
    plan = Plan(row.name)
    wasm = pack(bytes(wasmtime.wat2wasm(f"(module {text})")))
    plan.steps.append(Step(f"{row.name}:module", load_record(0, wasm), _loads, counts=False))
    for shape in found:
        for bits in shape.operands:
            plan.steps.append(_call_step(row.name, shape.name, bits, result, oracle.call(shape.name, bits)))
    plan.steps.append(_end(row.name))
    return plan


def _memory_shapes(row: Row) -> Iterator[Shape]:
    picker = random.Random(f"memory of {row.name}")
    for offset in OFFSETS:
        for forms in itertools.product(["local", "computed", "const"], repeat=len(row.operands)):
            bits = (picker.choice(ADDRESSES), *(picker.choice(EDGES[kind]) for kind in row.operands[1:]))
            operands = _memory_operands(row, forms, bits, picker)
            expression = _apply(row, forms, bits).replace(row.name, f"{row.name} offset={offset:#x}", 1)
            if row.result == "none":
                # Read back what is there now, and before and behind it.
                address = "(i32.and (local.get 0) (i32.const 0xfff8))"
                results = {"read": f"{expression} (i64.load offset=0 {address})"}
            else:
                results = _result_forms(row, expression)
            for name, body in results.items():
                label = f"{'_'.join(forms)}_{offset:x}_{name}"
                kind = "i64" if row.result == "none" else row.result
                some = operands if name in ("returned", "read") else operands[:2]
                yield Shape(label, _function(row, label, body, kind), some)


def _memory_operands(
    row: Row, forms: tuple[str, ...], bits: tuple[int, ...], picker: random.Random
) -> list[tuple[int, ...]]:
    found = [(at, *(picker.choice(EDGES[kind]) for kind in row.operands[1:])) for at in ADDRESSES]
    picker.shuffle(found)
    return [_fix(forms, bits, one) for one in found]


def plans() -> Iterator[Plan]:
    """The whole table."""
    for row in numeric():
        yield numeric_plan(row)
    for row in memory():
        yield memory_plan(row)
