"""Write wasm3-port/PERFORMANCE.md from build/bench/engine.json, which tools/bench_engine.py makes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "build" / "bench" / "engine.json"
PAGE = ROOT / "wasm3-port" / "PERFORMANCE.md"

CORES = {"cortex-m4f": "Cortex-M4F", "cortex-m3": "Cortex-M3", "rv32imc": "rv32imc"}
CLASSES = ("f32", "int", "f64", "f32_int")
HIGH = 10.0
"""Kernels above this ratio are named."""

HEAD = """\
# Performance

Made by `tools/engine_page.py` from `build/bench/engine.json`, which `make bench` writes.

A ratio is the number of instructions that the engine executes for each one of native code, and a mean of
ratios is the geometric mean. **Instructions are not cycles**: on silicon, flash wait states and the
pipeline count as well, and nothing here has run on silicon. The engine's budget checks are on.

"""

CONDITIONS = """\

## How it is measured

`tests/kernels` holds {count} kernels of our own: the families of PolyBench that fit one 16 KiB page, a
Fourier transform, filters, sliding statistics, dynamic programming, sorting, checksums, text, recursion,
calls through a table, a byte-code interpreter, integer division and square roots, conversions of reals to
integers, and decision trees. The same source is compiled natively and to WebAssembly;
each kernel runs twice on fresh data and the second run counts. Results are
compared to the bit; {agree}.

- Machines: QEMU {qemu}, `-icount shift=0`, which makes each instruction last 1 ns: mps2-an386 (Cortex-M4F),
  mps2-an385 (Cortex-M3), virt (rv32imc). A loop of known length is counted first. Cortex-M3 and rv32imc
  have no FPU: both sides of the ratio call the same soft float.
- Native: GCC {arm} for Arm and {riscv} for RISC-V, `-O2 -ffp-contract=off -fno-math-errno -fno-builtin`.
- WebAssembly: clang {clang}, `-O2`, `-fno-builtin` and the flags of `wasmote build`, packed by it.
- The engine: flags as in the firmware, `-Os` for our files, `-O2` for wasm3's. On Cortex-M its operations
  are `thumb2.S`, elsewhere `portable.c`.
- Stock: {stock} from the pinned source distribution with nothing changed but its page size, built beside
  ours in the same run with the same settings (`config/wasm3_config.h`), behind the same interface, without
  any bounds.
"""

OTHERS = """\

## Others

Measured once with this method on an emulated Cortex-M4F (QEMU's netduinoplus2), but with 26 kernels that
are not these, so that the last digits say nothing. Ratio to native:

| | f32 | int | f64 | f32 and int |
| --- | ---: | ---: | ---: | ---: |
| wasm3 0.5.0 | 45.5 | 18.8 | 2.27 | 31.6 |
| WAMR, classic interpreter | 42.9 | 37.9 | 3.26 | 40.8 |
| WAMR, fast interpreter | 19.2 | 15.4 | 1.99 | 17.5 |
| wasm2c and GCC: native code, 32-bit bounds checks | 1.5 | 1.1 | 1.09 | 1.32 |

On a Cortex-M3, WAMR's fast interpreter had 2.3 (f32), 14.7 (int), 2.00 (f64) and 4.9 (f32 and int).

Upstream's wasm3 0.9.0 (August 2026, commit c9b579d) is as fast as 0.5.0: measured once through `WASM3_DIR`,
with the kernels of this page but those of division, conversions and decisions,

| | f32 | int | f64 | f32 and int |
| --- | ---: | ---: | ---: | ---: |
| Cortex-M4F, wasm3 0.9.0 | 41.51 | 18.71 | 2.22 | 32.90 |
| Cortex-M4F, wasm3 0.5.0 | 41.79 | 18.87 | 2.23 | 33.14 |
| Cortex-M3, wasm3 0.9.0 | 3.85 | 18.68 | 2.27 | 6.11 |
| Cortex-M3, wasm3 0.5.0 | 3.84 | 18.42 | 2.26 | 6.06 |
| rv32imc, wasm3 0.9.0 | 4.25 | 14.91 | 1.86 | 6.13 |
| rv32imc, wasm3 0.5.0 | 4.25 | 14.86 | 1.86 | 6.12 |
"""


def table(head: Sequence[str], rows: Iterable[Sequence[object]], text_columns: int = 1) -> str:
    """A Markdown table; all but the first columns hold numbers."""
    rule = ["---" if i < text_columns else "---:" for i in range(len(head))]
    lines = [head, rule, *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def version_in(said: str) -> str:
    """The number in what a tool says of itself."""
    found = re.search(r"\d+\.\d+\.\d+", said)
    return found[0] if found else said


def percent(part: float) -> str:
    """A part of 1."""
    return f"{round(part, 3) + 0.0:.1%}".replace("%", " %")  # no -0.0


def means(figures: dict[str, Any]) -> str:
    """Ours, and stock behind it, by core and class."""
    rows = []
    for core, title in CORES.items():
        ours, stock = figures["cores"][core]["geomean"], figures["stock"][core]["geomean"]
        rows.append([f"**{title}**", *(f"**{ours[kind]:.2f}**" for kind in CLASSES)])
        rows.append([f"{title}, stock wasm3", *(f"{stock[kind]:.2f}" for kind in CLASSES)])
    return table(["", "f32", "int", "f64", "f32 and int"], rows)


def costs(figures: dict[str, Any]) -> str:
    """Budget checks and loading."""
    rows = []
    for core, title in CORES.items():
        ours, stock = figures["cores"][core], figures["stock"][core]
        rows.append(
            [
                title,
                percent(ours["fuel_cost"]["f32_int"]),
                percent(ours["fuel_cost"]["most"]),
                f"{ours['compile_instructions_per_byte']:.0f}",
                f"{ours['load_instructions_per_byte']:.0f}",
                f"{stock['compile_instructions_per_byte']:.0f}",
            ]
        )
    head = [
        "",
        "budget checks, f32 and int",
        "of one kernel at most",
        "compiling, for a byte",
        "loading, for a byte",
        "compiling, stock",
    ]
    text = (
        "A byte is one of the Wasm code section; loading is validating, parsing, linking and compiling.\n\n"
    )
    return f"\n## What bounds and loading cost\n\n{text}{table(head, rows)}"


def native_flags(figures: dict[str, Any]) -> str:
    """What native code would save with other flags."""
    rows = [
        [f"{CORES[core]}, `{flag}`", *(percent(saved[kind]) for kind in CLASSES)]
        for core, flags in figures["native_flags"].items()
        for flag, saved in flags.items()
    ]
    text = """
## What other flags would be worth to native code

Native code has the flags of the modules: `-O2`, and `-ffp-contract=off`, because WebAssembly has no fused
multiply-add, and fused code gives other bits. With one flag changed its instructions would be fewer by what
stands here, and the ratios of this page higher by about as much. `-ffp-contract=fast`, which is what GCC does
by itself, is without effect on cores without an FPU. `-O3` unrolls short loops: `isqrt` loses a third of its
instructions by it.

"""
    return text + table(["", "f32", "int", "f64", "f32 and int"], rows)


def ram(figures: dict[str, Any]) -> str:
    """What modules hold of the arena of a Cortex-M4F."""
    rows = [
        [
            f"`{name}`",
            one["code_bytes"],
            one["beyond_memory_and_stack"],
            one["goal"],
            one["allowed"],
            one["predicted"] - one["linear_memory"] - one["stack"],
        ]
        for name, one in figures["ram"]["cortex-m4f"].items()
    ]
    head = ["module", "code section", "held", "goal", "at most", "predicted"]
    text = """
## Memory

In bytes, on a Cortex-M4F, beyond linear memory and Wasm stack. At most: 3.5 KB and 3.2 for each byte of the
Wasm code section; the goal is 2 KB and 2.5. Predicted is what a module is refused for before anything of it
is built.

"""
    return text + table(head, rows)


def kernels(figures: dict[str, Any]) -> str:
    """Every kernel on every core, the slowest on a Cortex-M4F first."""
    main = figures["cores"]["cortex-m4f"]["kernels"]
    rows = []
    for name in sorted(main, key=lambda one: -float(main[one]["ratio"])):
        row = [f"`{name}`", main[name]["native"]]
        for core in CORES:
            row.append(f"{figures['cores'][core]['kernels'][name]['ratio']:.2f}")
            row.append(f"{figures['stock'][core]['kernels'][name]['ratio']:.2f}")
        rows.append(row)
    head = ["kernel", "M4F native", "M4F", "stock", "M3", "stock", "rv32imc", "stock"]
    return f"\n## Every kernel\n\n{high_kernels(figures)}\n\n{table(head, rows)}"


def high_kernels(figures: dict[str, Any]) -> str:
    """Which are above HIGH, and where."""
    said = []
    for core, title in CORES.items():
        every = figures["cores"][core]["kernels"]
        names = sorted(
            (name for name in every if every[name]["ratio"] > HIGH), key=lambda n: -every[n]["ratio"]
        )
        said.append(f"{title}: {', '.join(f'`{name}`' for name in names) or 'none'}.")
    return f"Above {HIGH:.0f}: " + " ".join(said)


def agreement(figures: dict[str, Any]) -> str:
    """Which kernels gave other results than native code."""
    differing = sorted(
        {
            f"`{name}` on {title}"
            for core, title in CORES.items()
            for name, one in figures["cores"][core]["kernels"].items()
            if not one["checksum_ok"]
        }
    )
    return f"these differ: {', '.join(differing)}" if differing else "all agree, on every core"


def page(figures: dict[str, Any]) -> str:
    """The whole page."""
    count = len(figures["cores"]["cortex-m4f"]["kernels"])
    versions = {tool: version_in(said) for tool, said in figures["conditions"].items() if tool != "stock"}
    stock = figures["conditions"]["stock"]
    conditions = CONDITIONS.format(count=count, agree=agreement(figures), stock=stock, **versions)
    measured = (means, costs, native_flags, ram, kernels)
    return HEAD + "".join(part(figures) for part in measured) + conditions + OTHERS


def main() -> int:
    """Write it."""
    if not FIGURES.exists():
        print(f"engine_page: no {FIGURES.relative_to(ROOT)}: run tools/bench_engine.py", file=sys.stderr)
        return 1
    PAGE.write_text(page(json.loads(FIGURES.read_text(encoding="utf-8"))), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
