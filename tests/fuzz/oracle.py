"""Random valid modules on the engine and on wasmtime: the same results, traps, globals and memory.

program/ makes the modules. The engine runs them in the spec suite's target (tests/spec), natively or on an
emulated core. What floats leave behind is compared but for the bits of a NaN.

Usage: oracle.py [--count N] [--seed N] [--core native|cortex-m4f|cortex-m3|rv32imc]...
"""

from __future__ import annotations

import argparse
import ctypes
import random
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import wasmtime

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "spec"))
from target import (  # noqa: E402 - a neighbour's module
    CORES,
    END_RECORD,
    ETRAP,
    OK,
    Answer,
    Core,
    ImportedFunction,
    global_record,
    invoke_record,
    load_record,
    run,
)

PROGRAM_BYTES, FUNCTIONS, PARAMETERS = 24576, 4, 5  # program.h
COMPARABLE, IN_BYTES = 1, 2
CHOICES_MAX = 2000
GLOBALS = (b"g1", b"g2", b"g3", b"g4")
HOST = ImportedFunction("h", "h", "I(iI)")
NAN = {"f32": 0x7FC00000, "f64": 0x7FF8000000000000}

# wasmtime's names for the engine's sentences.
TRAPS = {
    "MEMORY_OUT_OF_BOUNDS": "[trap] out of bounds memory access",
    "INTEGER_DIVISION_BY_ZERO": "[trap] integer divide by zero",
    "INTEGER_OVERFLOW": "[trap] integer overflow",
    "BAD_CONVERSION_TO_INTEGER": "[trap] invalid conversion to integer",
    "BAD_SIGNATURE": "[trap] indirect call type mismatch",
    "TABLE_OUT_OF_BOUNDS": "[trap] undefined element",
    "INDIRECT_CALL_TO_NULL": "[trap] null table element",
    "UNREACHABLE": "[trap] unreachable executed",
    "STACK_OVERFLOW": "[trap] stack overflow",
}
OUT_OF_STACK = "[trap] stack overflow"


class _Program(ctypes.Structure):
    """`struct program`."""

    _fields_ = (
        ("wasm", ctypes.c_uint8 * PROGRAM_BYTES),
        ("len", ctypes.c_uint32),
        ("functions", ctypes.c_uint32),
        ("parameters", ctypes.c_uint32 * FUNCTIONS),
        ("arguments", (ctypes.c_uint64 * PARAMETERS) * FUNCTIONS),
    )


class _Input(ctypes.Structure):
    """`struct fuzz_input`."""

    _fields_ = (("at", ctypes.c_void_p), ("end", ctypes.c_void_p))


@dataclass(frozen=True)
class Program:
    """A module for a node, the same for wasmtime, and the arguments of its functions."""

    wasm: bytes
    in_bytes: bytes
    arguments: tuple[tuple[int, ...], ...]


class Maker:
    """program/ as a shared library."""

    def __init__(self, folder: Path) -> None:
        library = folder / "libprogram.so"
        here = Path(__file__).parent
        flags = ["-std=c11", "-O1", "-fPIC", "-shared", f"-I{ROOT / 'wasm3-port'}", f"-I{here}"]
        subprocess.run(["gcc", *flags, *(here / "program").glob("*.c"), "-o", library], check=True)
        self._make = ctypes.CDLL(str(library)).program_make
        self._program = _Program()

    def _call(self, choices: bytes, kind: int) -> _Program:
        held = ctypes.create_string_buffer(choices, len(choices))
        start = ctypes.addressof(held)
        given = _Input(start, start + len(choices))
        self._make(ctypes.byref(given), kind, ctypes.byref(self._program))
        return self._program

    def __call__(self, choices: bytes) -> Program:
        """The program of these choices."""
        made = self._call(choices, IN_BYTES)
        in_bytes = bytes(made.wasm[: made.len])
        made = self._call(choices, COMPARABLE)
        arguments = tuple(tuple(made.arguments[i][: made.parameters[i]]) for i in range(made.functions))
        return Program(bytes(made.wasm[: made.len]), in_bytes, arguments)


# ---- what a program does ----------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """Of each function its results or its trap; then the globals and the sum of the memory."""

    calls: tuple[tuple[int, ...] | str, ...]
    left: tuple[int, ...]


def bits(kind: str, value: float) -> int:
    """A value as 64 bits; every NaN is the same."""
    match kind:
        case "i32":
            return int(value) & 0xFFFFFFFF
        case "i64":
            return int(value) & 0xFFFFFFFFFFFFFFFF
        case _ if value != value:
            return NAN[kind]
        case "f32":
            return int(struct.unpack("<I", struct.pack("<f", value))[0])
        case _:
            return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def from_bits(kind: str, pattern: int) -> float:
    """The other way."""
    match kind:
        case "i32":
            return int(struct.unpack("<i", struct.pack("<I", pattern))[0])
        case "i64":
            return int(struct.unpack("<q", struct.pack("<Q", pattern))[0])
        case "f32":
            return float(struct.unpack("<f", struct.pack("<I", pattern))[0])
        case _:
            return float(struct.unpack("<d", struct.pack("<Q", pattern))[0])


def canonical(kind: str, pattern: int) -> int:
    """A bit pattern with the one NaN in place of any."""
    return bits(kind, from_bits(kind, pattern))


class Oracle:
    """wasmtime, with pages of one byte."""

    def __init__(self) -> None:
        config = wasmtime.Config()
        config.wasm_custom_page_sizes = True
        config.cranelift_opt_level = "none"
        config.parallel_compilation = False
        self._engine = wasmtime.Engine(config)
        self._host_type = wasmtime.FuncType(
            [wasmtime.ValType.i32(), wasmtime.ValType.i64()], [wasmtime.ValType.i64()]
        )

    def __call__(self, program: Program) -> tuple[Outcome, list[list[str]]]:
        """The outcome, and the types of the functions' results."""
        store = wasmtime.Store(self._engine)
        host = wasmtime.Func(store, self._host_type, lambda _i, _l: 0)
        module = wasmtime.Module(self._engine, program.in_bytes)
        exports = wasmtime.Instance(store, module, [host]).exports(store)
        calls, types = [], []
        for number, arguments in enumerate(program.arguments):
            function = exports[f"f{number}"]
            kind = function.type(store)
            types.append([str(one) for one in kind.results])
            given = [from_bits(str(one), bits_) for one, bits_ in zip(kind.params, arguments, strict=True)]
            exports["reset"](store)
            calls.append(self._call(store, function, given, types[-1]))
        left = [bits(kind, exports[f"g{i}"].value(store)) for i, kind in enumerate(KINDS, 1)]
        total = bits("i64", exports["memory_sum"](store))
        return Outcome(tuple(calls), (*left, total)), types

    @staticmethod
    def _call(
        store: wasmtime.Store, function: wasmtime.Func, given: list[float], types: list[str]
    ) -> tuple[int, ...] | str:
        try:
            answer = function(store, *given)
        except wasmtime.Trap as trap:
            return TRAPS[trap.trap_code.name]
        values = answer if isinstance(answer, list) else [answer] if types else []
        return tuple(bits(kind, value) for kind, value in zip(types, values, strict=True))


KINDS = ("i32", "i64", "f32", "f64")  # of the globals g1 and on


def records_of(program: Program) -> bytes:
    """What tests/spec's target is asked: 2 answers a function, 1 before and 5 behind them."""
    records = load_record(0, program.wasm, [HOST])
    for number, arguments in enumerate(program.arguments):
        records += invoke_record(0, b"reset", ())
        records += invoke_record(0, b"f%d" % number, arguments)
    return (
        records + b"".join(global_record(0, name) for name in GLOBALS) + invoke_record(0, b"memory_sum", ())
    )


def outcome_of(answers: list[Answer], types: list[list[str]]) -> Outcome | str:
    """What the engine did, or why it did nothing."""
    if answers[0].status != OK:
        return f"refused: {answers[0].why}"
    calls: list[tuple[int, ...] | str] = []
    for number, kinds in enumerate(types):
        answer = answers[2 + 2 * number]
        if answer.status == ETRAP:
            calls.append(answer.why)
        elif answer.status != OK:
            return f"status {answer.status}: {answer.why}"
        else:
            calls.append(tuple(canonical(k, v) for k, v in zip(kinds, answer.values, strict=True)))
    left = answers[1 + 2 * len(types) :]
    kinds = [*KINDS, "i64"]
    return Outcome(tuple(calls), tuple(canonical(k, a.values[0]) for k, a in zip(kinds, left, strict=True)))


# ---- in batches -------------------------------------------------------------------------------


@dataclass
class Tally:
    """How it went on one core."""

    programs: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    out_of_stack: int = 0
    different: list[tuple[int, Program, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """A program and what it should do."""

    seed: int
    program: Program
    expected: Outcome
    types: list[list[str]]

    @property
    def answers(self) -> int:
        """How many there will be."""
        return 2 + 2 * len(self.types) + len(GLOBALS)


def cases(maker: Maker, seed: int) -> Iterator[Case]:
    """One after the other, each from a seed of its own."""
    oracle = Oracle()
    while True:
        source = random.Random(seed)
        program = maker(source.randbytes(source.randrange(40, CHOICES_MAX)))
        yield Case(seed, program, *oracle(program))
        seed += 1


def judge(core: Core, some: list[Case], tally: Tally) -> None:
    """Run a batch on a core."""
    done = run(core, b"".join(records_of(case.program) for case in some) + END_RECORD)
    at = 0
    for case in some:
        answers = done.answers[at : at + case.answers]
        at += case.answers
        tally.programs += 1
        if len(answers) < case.answers:
            tally.different.append((case.seed, case.program, f"ended the engine: {done.died}"))
            return
        outcome = outcome_of(answers, case.types)
        told = outcome.calls if isinstance(outcome, Outcome) else ()
        tally.calls.update(one if isinstance(one, str) else "returned" for one in told)
        if OUT_OF_STACK in (*told, *case.expected.calls):
            tally.out_of_stack += 1
        elif outcome != case.expected:
            tally.different.append((case.seed, case.program, f"{outcome}\n  not {case.expected}"))
    drift = done.answers[at].values[0] if at < len(done.answers) else -1
    if drift != 0:
        tally.different.append((some[0].seed, some[0].program, f"arena: {drift} bytes kept"))


def compare(cores: list[Core], count: int, seed: int) -> dict[str, Tally]:
    """Run `count` programs on each of the cores."""
    tallies = {core.name: Tally() for core in cores}
    with tempfile.TemporaryDirectory() as folder:
        wanted = islice(cases(Maker(Path(folder)), seed), count)
        while some := list(islice(wanted, BATCH)):
            for core in cores:
                judge(core, some, tallies[core.name])
    return tallies


BATCH = 200  # about 2 KB of records each; the target takes 1 MiB


def main() -> int:
    """Compare and report; 1 if there was a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--core", action="append", choices=[core.name for core in CORES])
    arguments = parser.parse_args()
    cores = [core for core in CORES if core.name in (arguments.core or ["native"])]
    for core in cores:
        core.build()
    failed = False
    for name, tally in compare(cores, arguments.count, arguments.seed).items():
        print(
            f"{name}: {tally.programs} programs, {len(tally.different)} different,"
            f" {tally.out_of_stack} out of stack; calls: {dict(tally.calls)}"
        )
        for seed, program, words in tally.different[:10]:
            print(f"seed {seed}: {words}\n  {program.wasm.hex()}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
