"""Measure the engine against native code and stock wasm3 on three emulated cores: build/bench/engine.json.

What is run is tests/kernels: every kernel natively and as WebAssembly, its second run counted in instructions
(QEMU -icount shift=0). These are instructions, not cycles. A ratio is the engine's instructions for one of
native code's; `fuel_cost` what the budget checks add to them; `native_flags` what native code would save with
other flags; `ram` what a module holds of the arena.
WASM3_DIR names another wasm3 to compare with than 0.5.0.

    tools/bench_engine.py --core cortex-m4f --kernels gemm_f32,fir --no-stock     only a table, no file
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build" / "bench" / "engine.json"
RUN_TIMEOUT_S = 600

CLASSES = ("f32", "int", "f64")
FAST_CLASSES = ("f32", "int")
"""What the mean over `f32_int` is taken of: what the cores are chosen for."""

BASE_BYTES, BYTES_PER_CODE_BYTE = 3584, 3.2
"""Most that a module may hold beyond its linear memory and its Wasm stack; see `Ram.allowed`."""
GOAL_BASE_BYTES, GOAL_PER_CODE_BYTE = 2048, 2.5

NATIVE_FLAGS = {"o3": "-O3", "fused": "-ffp-contract=fast"}
"""What native code is compiled with in place of -O2 and -ffp-contract=off, by the variant that does so."""

PLAIN = ("-display", "none", "-monitor", "none", "-serial", "none", "-icount", "shift=0")


class BenchFailed(Exception):
    """What cannot be built or run, in a sentence or the tool's own words."""


@dataclass(frozen=True)
class Core:
    """A core, and the emulated machine that has it."""

    name: str
    qemu: tuple[str, ...]

    def command(self, image: Path, kernels: Sequence[str]) -> list[str]:
        """What runs an image for some kernels."""
        wanted = ",,".join(kernels) if kernels else "all"  # QEMU takes a double comma for a single one
        semihosting = f"enable=on,target=native,arg=bench,arg={wanted}"
        return [*self.qemu, *PLAIN, "-semihosting-config", semihosting, "-kernel", str(image)]


CORES = (
    Core("cortex-m4f", ("qemu-system-arm", "-M", "mps2-an386")),
    Core("cortex-m3", ("qemu-system-arm", "-M", "mps2-an385")),
    Core("rv32imc", ("qemu-system-riscv32", "-M", "virt", "-bios", "none")),
)


# ---- what one image says -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kernel:
    """One kernel's second run, in instructions."""

    name: str
    kind: str
    native: int
    engine: int
    checksum_ok: bool

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Kernel:
        """From a line of the image."""
        kind = record["class"]
        name = record["kernel"] if kind == "int" else f"{record['kernel']}_{kind}"
        same = record["native_checksum"] == record["engine_checksum"]
        return cls(name, kind, record["native"], record["engine"], same)

    @property
    def ratio(self) -> float:
        """The engine's instructions for one of native code's."""
        return self.engine / self.native


@dataclass(frozen=True)
class Ram:
    """What a module holds of the arena, in bytes, and what it was expected to hold."""

    measured: int
    predicted: int
    memory: int
    stack: int
    code: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Ram:
        """From a line of the image."""
        keys = ("measured_bytes", "predicted_bytes", "memory_bytes", "stack_bytes", "code_bytes")
        return cls(*(record[key] for key in keys))

    @property
    def beyond(self) -> int:
        """Without linear memory and Wasm stack."""
        return self.measured - self.memory - self.stack

    @property
    def allowed(self) -> int:
        """The most that `beyond` may be."""
        return BASE_BYTES + int(BYTES_PER_CODE_BYTE * self.code)

    def figures(self) -> dict[str, object]:
        """As they stand in the file."""
        return {
            "predicted": self.predicted,
            "measured": self.measured,
            "linear_memory": self.memory,
            "stack": self.stack,
            "code_bytes": self.code,
            "beyond_memory_and_stack": self.beyond,
            "allowed": self.allowed,
            "goal": GOAL_BASE_BYTES + int(GOAL_PER_CODE_BYTE * self.code),
        }


@dataclass
class Run:
    """All that one image said."""

    kernels: dict[str, Kernel] = field(default_factory=dict)
    ram: dict[str, Ram] = field(default_factory=dict)
    code_bytes: int = 0
    compile_instructions: int = 0
    load_instructions: int = 0

    def add(self, record: Mapping[str, Any]) -> None:
        """Take one line in."""
        if "kernel" in record:
            kernel = Kernel.of(record)
            self.kernels[kernel.name] = kernel
        elif "module" in record:
            self.ram[record["module"]] = Ram.of(record)
            self.code_bytes += record["code_bytes"]
            self.compile_instructions += record["compile"]
            self.load_instructions += record["load"]
        else:
            check_calibration(record["loop"], record["counted"])

    def geomeans(self) -> dict[str, float]:
        """Of the ratios, by class."""
        ratios = {name: one.ratio for name, one in self.kernels.items()}
        return {kind: round(mean, 3) for kind, mean in means_by_class(self.kernels.values(), ratios).items()}

    def worst(self) -> dict[str, object]:
        """The kernel of the highest ratio."""
        kernel = max(self.kernels.values(), key=lambda one: one.ratio)
        return {"kernel": kernel.name, "ratio": round(kernel.ratio, 3)}

    def figures(self) -> dict[str, object]:
        """As they stand in the file."""
        return {
            "geomean": self.geomeans(),
            "worst": self.worst(),
            "compile_instructions_per_byte": round(self.compile_instructions / self.code_bytes, 1),
            "load_instructions_per_byte": round(self.load_instructions / self.code_bytes, 1),
            "kernels": {
                one.name: {
                    "class": one.kind,
                    "native": one.native,
                    "engine": one.engine,
                    "ratio": round(one.ratio, 3),
                    "checksum_ok": one.checksum_ok,
                }
                for one in self.kernels.values()
            },
        }


def geomean(values: Sequence[float]) -> float:
    """The geometric mean."""
    return exp(sum(map(log, values)) / len(values))


def means_by_class(kernels: Iterable[Kernel], values: Mapping[str, float]) -> dict[str, float]:
    """Geometric means of what there is of each kernel, by its name: of each class, and of the fast ones."""
    members = {kind: (kind,) for kind in CLASSES} | {"f32_int": FAST_CLASSES}
    some = {
        name: [values[one.name] for one in kernels if one.kind in kinds] for name, kinds in members.items()
    }
    return {name: geomean(few) for name, few in some.items() if few}


def check_calibration(expected: int, counted: int) -> None:
    """The image counts a loop of known length first; a tick of its counter may be 40 instructions."""
    if abs(counted - expected) > 80:
        raise BenchFailed(
            f"a loop of {expected} instructions was counted as {counted}: is this QEMU's -icount?"
        )


# ---- building and running ----------------------------------------------------------------------------------


def other_tree() -> str:
    """What ours is compared with: WASM3_DIR, or stock 0.5.0."""
    if tree := os.environ.get("WASM3_DIR"):
        return tree
    return subprocess.check_output([sys.executable, "wasm3-port/stock/tree.py"], cwd=ROOT, text=True).strip()


def environment(variant: str) -> dict[str, str]:
    """For make; WASM3_DIR is for `stock` alone."""
    if variant == "stock":
        return os.environ | {"WASM3_DIR": other_tree(), "FOR_COMPARISON": "1"}
    return {name: value for name, value in os.environ.items() if name != "WASM3_DIR"}


def build(core: Core, variant: str) -> Path:
    """Bring an image up to date."""
    command = ["make", "-s", "-C", "tests/kernels", f"CORE={core.name}", f"VARIANT={variant}"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment(variant)
    )
    if done.returncode != 0:
        raise BenchFailed(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return ROOT / "build" / "kernels" / core.name / variant / "bench.elf"


def run(core: Core, variant: str, kernels: Sequence[str] = ()) -> Run:
    """Build and run one variant on one core; kernels by their names in the file, or all."""
    image = build(core, variant)
    plain = sorted({name.removesuffix("_f32").removesuffix("_f64") for name in kernels})
    command = core.command(image, plain)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False, cwd=ROOT
        )
    except subprocess.TimeoutExpired as late:
        raise BenchFailed(f"{variant} on {core.name} did not end within {RUN_TIMEOUT_S} s") from late
    result = Run()
    for line in (done.stdout + done.stderr).splitlines():
        if line.startswith("{"):
            result.add(json.loads(line))
    if done.returncode != 0 or not result.kernels:
        raise BenchFailed(f"{variant} on {core.name} failed:\n{done.stdout}{done.stderr}")
    result.kernels = {
        name: kernel
        for name, kernel in result.kernels.items()
        if not kernels or name in kernels or name.removesuffix(f"_{kernel.kind}") in kernels
    }
    return result


def fuel_cost(with_checks: Run, without: Run) -> dict[str, float]:
    """What the budget checks add, as a part of 1: by class, and of the kernel that they cost most."""
    costs = {
        name: kernel.engine / without.kernels[name].engine for name, kernel in with_checks.kernels.items()
    }
    means = means_by_class(with_checks.kernels.values(), costs)
    return {name: round(mean - 1, 4) for name, mean in (means | {"most": max(costs.values())}).items()}


def native_saving(plain: Run, other: Run) -> dict[str, float]:
    """How many fewer instructions native code takes in the other run, as a part of 1, by class."""
    parts = {name: other.kernels[name].native / kernel.native for name, kernel in plain.kernels.items()}
    return {name: round(1 - mean, 4) for name, mean in means_by_class(plain.kernels.values(), parts).items()}


# ---- what is printed ---------------------------------------------------------------------------------------


def print_table(core: Core, ours: Run, stock: Run | None) -> None:
    """The slowest kernels first."""
    print(f"\n{core.name:<28}{'native':>10}{'engine':>11}{'ratio':>8}" + (f"{'stock':>8}" if stock else ""))
    for kernel in sorted(ours.kernels.values(), key=lambda one: -one.ratio):
        other = f"{stock.kernels[kernel.name].ratio:8.2f}" if stock else ""
        differs = "" if kernel.checksum_ok else "  CHECKSUM DIFFERS"
        print(f"{kernel.name:<28}{kernel.native:>10}{kernel.engine:>11}{kernel.ratio:8.2f}{other}{differs}")
    others = stock.geomeans() if stock else {}
    for kind, mean in ours.geomeans().items():
        print(f"geometric mean, {kind:<33}{mean:8.2f}" + (f"{others[kind]:8.2f}" if stock else ""))


def spec_counts() -> dict[str, object]:
    """What tests/spec last wrote; empty where it did not run."""
    keys = ("passed", "failed", "not_applicable")
    result: dict[str, object] = {}
    for path in sorted((ROOT / "build" / "spec").glob("*.json")):
        counts = json.loads(path.read_text(encoding="utf-8"))
        result[path.stem] = {key: counts[key] for key in keys}
    return result


def version(*command: str) -> str:
    """The first line that a tool says of itself."""
    said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    return said.stdout.partition("\n")[0]


def conditions() -> dict[str, str]:
    """The tools that the figures depend on, and what `stock` is."""
    header = (ROOT / other_tree() / "wasm3.h").read_text(encoding="utf-8")
    found = re.search(r'M3_VERSION\s+"([^"]+)"', header)
    return {
        "stock": f"wasm3 {found[1]}" if found else other_tree(),
        "qemu": version("qemu-system-arm"),
        "clang": version(os.environ.get("WASMOTE_CLANG", "clang")),
        "arm": version("arm-none-eabi-gcc"),
        "riscv": version("riscv64-unknown-elf-gcc"),
    }


# ---- the command -------------------------------------------------------------------------------------------


def measure(cores: Iterable[Core], kernels: Sequence[str], with_stock: bool) -> dict[str, object]:
    """Run everything, print the tables, and return what goes into the file."""
    ours: dict[str, object] = {}
    stock: dict[str, object] = {}
    ram: dict[str, object] = {}
    native: dict[str, object] = {}
    for core in cores:
        engine, other = run(core, "engine", kernels), None
        figures = engine.figures() | {"fuel_cost": fuel_cost(engine, run(core, "no_fuel", kernels))}
        ours[core.name] = figures
        ram[core.name] = {name: one.figures() for name, one in engine.ram.items()}
        if with_stock:
            other = run(core, "stock", kernels)
            stock[core.name] = other.figures()
        print_table(core, engine, other)
        native[core.name] = {
            flag: native_saving(engine, run(core, variant, kernels)) for variant, flag in NATIVE_FLAGS.items()
        }
        print(f"budget checks: {figures['fuel_cost']}")
        print(f"native code would save: {native[core.name]}")
    return {
        "cores": ours,
        "stock": stock,
        "native_flags": native,
        "spec": spec_counts(),
        "ram": ram,
        "conditions": conditions(),
    }


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = [core.name for core in CORES]
    parser.add_argument("--core", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument("--kernels", default="", help="only these, with commas between them; writes no file")
    parser.add_argument("--no-stock", action="store_true", help="without stock wasm3; writes no file")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Measure; write the file when it was all."""
    options = parse(arguments)
    kernels = [name for name in options.kernels.split(",") if name]
    cores = [core for core in CORES if not options.core or core.name in options.core]
    try:
        figures = measure(cores, kernels, not options.no_stock)
    except BenchFailed as fault:
        print(f"bench_engine: {fault}", file=sys.stderr)
        return 1
    if not kernels and not options.no_stock and len(cores) == len(CORES):
        OUTPUT.parent.mkdir(parents=True, exist_ok=True)
        OUTPUT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        print(f"\n{OUTPUT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
