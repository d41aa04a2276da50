"""How deep the C stack of a Cortex-M4 gets below a function, from the call graph that GCC writes."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILER = ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-std=c11", "-Os", "-fcallgraph-info=su")


class Recursion(Exception):
    """A function calls itself, by way of others or not: there is no deepest call."""


class CallGraph:
    """Functions of some sources: the bytes that each takes of the stack, and whom it calls."""

    def __init__(self, sources: list[Path], folder: Path) -> None:
        self.bytes: dict[str, int] = {}
        self.calls: dict[str, set[str]] = defaultdict(set)
        for source in sources:
            includes = [f"-I{ROOT / 'firmware'}", f"-I{ROOT / 'wasm3-port'}"]
            target = folder / f"{source.stem}.o"
            subprocess.run([*COMPILER, *includes, "-c", str(source), "-o", str(target)], check=True)
            self._read(target.with_suffix(".ci").read_text())

    def _read(self, text: str) -> None:
        for title, label in re.findall(r'node: \{ title: "([^"]+)" label: "([^"]*)"', text):
            found = re.search(r"(\d+) bytes \((\w+)", label)
            if found:
                assert found[2] == "static", f"{title} takes more of the stack as it runs"
                self.bytes[_function(title)] = int(found[1])
        for caller, called in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', text):
            self.calls[_function(caller)].add(_function(called))

    def depth(self, function: str, above: tuple[str, ...] = ()) -> int:
        """Bytes of the deepest chain of calls, this function included; library functions count nothing."""
        if function in above:
            raise Recursion(" -> ".join((*above, function)))
        below = (self.depth(called, (*above, function)) for called in sorted(self.calls[function]))
        return self.bytes.get(function, 0) + max(below, default=0)


def _function(title: str) -> str:
    return title.rpartition(":")[2]
