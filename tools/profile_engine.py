"""Show which operations of the engine one kernel of tests/kernels runs, and which follow on which.

    tools/profile_engine.py --core cortex-m4f gemm_f32
    tools/profile_engine.py --variant stock --top 40 crc32_table

QEMU tells of every instruction (-singlestep -d exec). An operation is a function of the engine whose name
begins with op_; others that it calls (soft float, say) are shown by their own names. A pair that is seen$
often is what may be worth an operation of its own.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import bench_engine
from bench_engine import CORES, BenchFailed, Core

ROOT = Path(__file__).resolve().parents[1]
DEFINITIONS = ROOT / "tests" / "kernels" / "bench.def"
NM = {"rv32imc": "riscv64-unknown-elf-nm"}
ARM_NM = "arm-none-eabi-nm"

CALL = "runtime_invoke"  # the image calls it for each of: initialise, the kernel, checksum; all of them twice
CALLS_OF_A_KERNEL = 6
EXECUTED = re.compile(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")
OPERATION = "op_"


@dataclass(frozen=True)
class Symbols:
    """The functions of an image, by where they begin."""

    starts: list[int]
    names: list[str]

    @classmethod
    def of(cls, image: Path, core: Core) -> Symbols:
        """Ask nm."""
        command = [NM.get(core.name, ARM_NM), "--defined-only", "-n", str(image)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found: dict[int, str] = {}
        for line in said.splitlines():
            address, kind, name = line.split(maxsplit=2)
            if kind in "tTwW" and not name.startswith((".", "$")):
                found.setdefault(int(address, 16) & ~1, name)
        return cls(list(found), list(found.values()))

    def at(self, address: int) -> tuple[str, bool]:
        """The function that an address lies in, and whether it is its beginning."""
        index = bisect_right(self.starts, address) - 1
        return (self.names[index], self.starts[index] == address) if index >= 0 else ("?", False)


@dataclass
class Profile:
    """How often functions were entered, and how many instructions they took."""

    entries: Counter[str] = field(default_factory=Counter)
    instructions: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, executed: Iterable[tuple[str, bool]]) -> Profile:
        """From functions, in the order of their instructions."""
        profile, last = cls(), ""
        for name, is_start in executed:
            profile.instructions[name] += 1
            if not is_start:
                continue
            profile.entries[name] += 1
            if name.startswith(OPERATION):
                profile.pairs[last, name] += bool(last)
                last = name
        return profile

    def print(self, top: int) -> None:
        """The most executed first."""
        total = self.instructions.total()
        operations = sum(count for name, count in self.entries.items() if name.startswith(OPERATION))
        per_operation = f", {total / operations:.2f} each" if operations else ""
        print(f"{total} instructions, {operations} operations{per_operation}\n")
        print(f"{'function':<36}{'entered':>10}{'share':>8}{'instructions':>14}{'share':>8}")
        for name, count in self.instructions.most_common(top):
            share = self.entries[name] / operations if operations and name.startswith(OPERATION) else 0
            print(f"{name:<36}{self.entries[name]:>10}{share:>8.1%}{count:>14}{count / total:>8.1%}")
        print(f"\n{'one after the other':<72}{'times':>10}{'share':>8}")
        for (first, second), count in self.pairs.most_common(top):
            print(f"{first + ' ' + second:<72}{count:>10}{count / operations:>8.1%}")


def place(name: str) -> tuple[str, int]:
    """A kernel's name in the image, and the number of those of that name before it."""
    defined = DEFINITIONS.read_text(encoding="utf-8")
    kinds = dict(re.findall(r"^MODULE\((\w+), (\w+)", defined, re.MULTILINE))
    kernels = re.findall(r"^KERNEL\((\w+), (\w+)\)", defined, re.MULTILINE)
    seen: Counter[str] = Counter()
    for module, kernel in kernels:
        if name == (kernel if kinds[module] == "int" else f"{kernel}_{kinds[module]}"):
            return kernel, seen[kernel]
        seen[kernel] += 1
    raise BenchFailed(f"{DEFINITIONS.relative_to(ROOT)} has no kernel {name}: say gemm_f32, crc32_table")


def addresses(core: Core, image: Path, kernel: str) -> Iterator[int]:
    """Where each instruction of a run lies, in their order."""
    command = [*core.command(image, [kernel]), "-singlestep", "-d", "exec,nochain"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if match := EXECUTED.match(line):
                    yield int(match[1], 16)
        finally:
            process.kill()


def of_one_run(executed: Iterable[tuple[str, bool]], before: int) -> Iterator[tuple[str, bool]]:
    """What lies within the first call of the kernel, before whose module `before` others of its name run."""
    calls, wanted = 0, before * CALLS_OF_A_KERNEL + 2
    for name, is_start in executed:
        calls += is_start and name == CALL
        if calls > wanted:
            return
        if calls == wanted:
            yield name, is_start


def profile(core: Core, variant: str, name: str) -> Profile:
    """Build, run, count."""
    kernel, before = place(name)
    image = bench_engine.build(core, variant)
    symbols = Symbols.of(image, core)
    executed = (symbols.at(address) for address in addresses(core, image, kernel))
    return Profile.of(of_one_run(executed, before))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kernel", help="such as gemm_f32 or crc32_table")
    parser.add_argument("--core", choices=[core.name for core in CORES], default=CORES[0].name)
    parser.add_argument("--variant", choices=("engine", "no_fuel", "stock"), default="engine")
    parser.add_argument("--top", type=int, default=25, help="lines of each table")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Print both tables."""
    options = parse(arguments)
    core = next(core for core in CORES if core.name == options.core)
    try:
        profile(core, options.variant, options.kernel).print(options.top)
    except BenchFailed as fault:
        print(f"profile_engine: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
