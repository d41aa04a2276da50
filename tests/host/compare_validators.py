"""The validator of wasm3-port against wasmtime's, over random modules and mutants of real ones.

Usage: compare_validators.py [--count N] [--seed N]        says how many agreed, and shows each that did not
"""

from __future__ import annotations

import argparse
import ctypes
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import wasmtime

from random_wasm import ModuleMaker
from shared_library import shared_library

ROOT = Path(__file__).resolve().parents[2]
PORT = ROOT / "wasm3-port"
WM_OK, WM_EINVAL, WM_ENOMEM, WM_ENOTSUP = 0, -1, -3, -8
WHY_BYTES, SCRATCH_BYTES = 160, 1 << 16

# What wasmtime takes and the engine does not: it cannot be switched off there, or comes with memory.copy.
LACKING = ("passive segments", "extended constant expressions", "reference types")
# What wasmtime alone refuses: pages of other sizes than 1 and 65,536 bytes, and what it sets a limit to.
ONLY_OURS = ("custom page size", "table size", "out of bounds")


def sources() -> list[Path]:
    """What the validator is made of."""
    others = ("instruction.c", "text.c", "wasm_reader.c")
    return [
        *sorted(PORT.glob("validate*.c")),
        *(PORT / name for name in others),
        ROOT / "firmware" / "core" / "utf8.c",
    ]


class _Text(ctypes.Structure):
    """`struct text`."""

    _fields_ = (("to", ctypes.c_char_p), ("cap", ctypes.c_size_t), ("len", ctypes.c_size_t))


class Facts(ctypes.Structure):
    """`struct validate_facts`."""

    _fields_ = (
        *(
            (name, ctypes.c_uint32)
            for name in (
                "functions", "function_imports", "code_bytes", "locals_max", "operands_max", "blocks_max",
            )
        ),
        ("grows_memory", ctypes.c_bool),
        ("asks_memory_size", ctypes.c_bool),
    )  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What the validator says."""

    status: int
    why: str
    facts: Facts


class Validator:
    """wasm3-port/validate.c as a shared library; undefined behaviour ends the process."""

    def __init__(self) -> None:
        checks = ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
        includes = [f"-I{PORT}", f"-I{ROOT / 'firmware'}"]
        flags = ["-std=c11", "-O1", "-DINSTRUCTION_NAMES=1", *checks, *includes]
        headers = [
            path
            for suffix in ("h", "def")
            for path in (*PORT.glob(f"*.{suffix}"), *ROOT.glob(f"firmware/core/*.{suffix}"))
        ]
        self._call = shared_library("validate", flags, sources(), headers).validate_module
        self._scratch = ctypes.create_string_buffer(SCRATCH_BYTES)
        self._why = ctypes.create_string_buffer(WHY_BYTES)

    def __call__(self, wasm: bytes) -> Verdict:
        facts = Facts()
        self._why[0] = b"\0"
        text = _Text(ctypes.cast(self._why, ctypes.c_char_p), WHY_BYTES, 0)
        status = self._call(
            wasm, ctypes.c_size_t(len(wasm)), self._scratch, ctypes.byref(facts), ctypes.byref(text)
        )
        return Verdict(status, self._why.value.decode(), facts)


def engine() -> wasmtime.Engine:
    """wasmtime with the features that the validator takes, as far as it can be told."""
    config = wasmtime.Config()
    config.wasm_custom_page_sizes = True
    for feature in (
        "component_model", "exceptions", "function_references", "gc", "memory64", "multi_memory",
        "relaxed_simd", "simd", "stack_switching", "tail_call", "threads", "wide_arithmetic",
    ):  # fmt: skip
        setattr(config, f"wasm_{feature}", False)
    return wasmtime.Engine(config)


def objection(judge: wasmtime.Engine, wasm: bytes) -> str | None:
    """What wasmtime says against a module."""
    try:
        wasmtime.Module.validate(judge, wasm)
    except wasmtime.WasmtimeError as fault:
        return str(fault)
    return None


def disagreement(verdict: Verdict, said: str | None) -> str | None:
    """Why the two verdicts do not go together, unless they do or it is known why not."""
    if verdict.status == WM_OK and said is not None and not any(words in said for words in ONLY_OURS):
        return f"taken, but wasmtime says: {said}"
    if verdict.status == WM_EINVAL and said is None:
        return f"refused, but wasmtime takes it: {verdict.why}"
    if verdict.status == WM_ENOTSUP and said is None and not verdict.why.endswith(LACKING):
        return f"lacking, but wasmtime takes it: {verdict.why}"
    if verdict.status not in (WM_OK, WM_EINVAL, WM_ENOTSUP, WM_ENOMEM):
        return f"status {verdict.status}"
    return None


def mutants(maker: ModuleMaker, count: int, real: list[bytes]) -> Iterator[bytes]:
    """Random modules; each fifth is a mutant of a real one."""
    for number in range(count):
        if real and number % 5 == 0:
            yield maker.damage_bytes(maker.random.choice(real))
        else:
            yield maker.make()


@dataclass
class Comparison:
    """How it went."""

    statuses: Counter[int]
    disagreements: list[tuple[bytes, str]]


def compare(validator: Validator, count: int, seed: int, real: list[bytes]) -> Comparison:
    """Ask both about `count` modules."""
    judge = engine()
    result = Comparison(Counter(), [])
    for wasm in mutants(ModuleMaker(seed), count, real):
        verdict = validator(wasm)
        result.statuses[verdict.status] += 1
        words = disagreement(verdict, objection(judge, wasm))
        if words is not None:
            result.disagreements.append((wasm, words))
    return result


def real_modules() -> list[bytes]:
    """The modules of the C tests, in pages of 64 KiB as wasmtime knows them."""
    from native_runtime import embed_wat

    tool = embed_wat()
    return [tool.assemble(path) for path in sorted((ROOT / "tests" / "c" / "wasm").glob("*.wat"))]


def main() -> int:
    """Compare and report; 1 if there was a disagreement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    result = compare(Validator(), arguments.count, arguments.seed, real_modules())
    print(dict(result.statuses), f"{len(result.disagreements)} disagreements")
    for wasm, words in result.disagreements[:20]:
        print(words, wasm.hex(), sep="\n  ")
    return 1 if result.disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
