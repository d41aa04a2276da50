#!/usr/bin/env python3
"""Report what a firmware image takes of flash and RAM, by part, and hold it to board.toml's budgets.

Reads the linker's map. Parts: engine (wasm3 and its port), net, node (core, node, main), libc (C library
and compiler support), board, stack (as reserved). Needs the standard library only. Status 1: over a budget.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import board_config

# An input section in the map: name, address, size, object; a long name stands on a line of its own.
INPUT = re.compile(r"^ (\S+)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$")
OUTPUT = re.compile(r"^(\.\S+|/DISCARD/)(?:\s+0x|\s*$)")
PARTS = ("engine", "net", "node", "libc", "board", "stack")
# Output sections of an image: where they are kept. `data` is in both: copied to RAM at start.
FLASH_SECTIONS = {".vectors", ".text", ".rodata", ".ARM", ".data", ".eh_frame", ".init_array", ".ARM.exidx"}
RAM_SECTIONS = {".data", ".bss", ".noinit", ".arena"}
# The host's linker leaves custom sections by themselves and puts constants into several.
FLASH_SECTIONS |= {".init", ".fini", ".plt", ".data.rel.ro", ".rodata.cst"}
# The stack is an output section without input.
STACK = re.compile(r"^\.stack\s+0x[0-9a-f]+\s+0x([0-9a-f]+)$", re.MULTILINE)
LIBRARY = re.compile(r"lib(c|g|m|gcc|nosys|c_nano|g_nano|nonshared)\w*\.a|crt\w*\.o|Scrt1\.o|crt\w+\.o")


@dataclass(frozen=True)
class Piece:
    """An input section as it was linked: output section, object file, bytes."""

    section: str
    owner: str
    size: int


def pieces(text: str) -> Iterator[Piece]:
    """Yield every input section of the memory map that takes up room."""
    _, _, memory_map = text.partition("Linker script and memory map")
    section = ""
    for line in memory_map.splitlines():
        output = OUTPUT.match(line)
        if output:
            section = output[1]
        found = INPUT.match(line)
        if found and section != "/DISCARD/" and int(found[3], 16):
            yield Piece(section, found[4], int(found[3], 16))


def part_of(owner: str) -> str:
    """Return which part of the firmware an object file belongs to."""
    if LIBRARY.search(owner):
        return "libc"
    if "wasm3" in owner:
        return "engine"
    if "firmware/net/" in owner:
        return "net"
    if "firmware/" in owner:
        return "node"
    return "board"


def measure(text: str) -> dict[str, dict[str, int]]:
    """Return {"flash": {part: bytes}, "ram": {part: bytes}} of a map's text."""
    sizes = {kind: dict.fromkeys(PARTS, 0) for kind in ("flash", "ram")}
    for piece in pieces(text):
        part = part_of(piece.owner)
        if piece.section in FLASH_SECTIONS:
            sizes["flash"][part] += piece.size
        if piece.section in RAM_SECTIONS:
            sizes["ram"][part] += piece.size
    stack = STACK.search(text)
    sizes["ram"]["stack"] = int(stack[1], 16) if stack else 0
    return sizes


def largest(text: str, kind: set[str], count: int) -> list[tuple[str, int]]:
    """Return the objects that take most of some sections."""
    totals: dict[str, int] = defaultdict(int)
    for piece in pieces(text):
        if piece.section in kind:
            totals[Path(piece.owner).name] += piece.size
    return sorted(totals.items(), key=lambda item: -item[1])[:count]


def print_table(sizes: dict[str, dict[str, int]], budgets: dict[str, int], title: str) -> None:
    """Print the sizes and, where there is one, each budget."""
    print(f"{title:<24}{'flash':>10}{'RAM':>10}")
    for part in PARTS:
        print(f"  {part:<22}{sizes['flash'][part]:>10,}{sizes['ram'][part]:>10,}")
    totals = {kind: sum(parts.values()) for kind, parts in sizes.items()}
    print(f"  {'total':<22}{totals['flash']:>10,}{totals['ram']:>10,}")
    if "flash" in budgets and "ram" in budgets:
        print(f"  {'budget':<22}{budgets['flash']:>10,}{budgets['ram']:>10,}")


def over_budget(sizes: dict[str, dict[str, int]], budgets: dict[str, int]) -> list[str]:
    """Return a sentence for each budget that is exceeded."""
    return [
        f"{kind} is {sum(parts.values()):,} bytes, its budget is {budgets[kind]:,}"
        for kind, parts in sizes.items()
        if sum(parts.values()) > budgets.get(kind, sys.maxsize)
    ]


def main(argv: list[str] | None = None) -> int:
    """Print the report of one image; 1 when it is over a budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", help="folder in boards/")
    parser.add_argument("--map", type=Path, required=True, help="the linker's map of the image")
    parser.add_argument("--json", type=Path, required=True, help="file for the same numbers")
    parser.add_argument("--largest", type=int, default=0, metavar="N", help="name the N largest objects too")
    arguments = parser.parse_args(argv)
    path = board_config.ROOT / "boards" / arguments.board / "board.toml"
    budgets = board_config.read_board(path).budgets
    text = arguments.map.read_text()
    sizes = measure(text)
    print_table(sizes, budgets, arguments.board)
    for kind, sections in (("flash", FLASH_SECTIONS), ("RAM", RAM_SECTIONS)):
        for name, size in largest(text, sections, arguments.largest):
            print(f"  {kind:<6}{name:<40}{size:>10,}")
    faults = over_budget(sizes, budgets)
    for fault in faults:
        print(f"{path.relative_to(board_config.ROOT)}: [budgets] {fault}", file=sys.stderr)
    if not faults:
        report = {"board": arguments.board, "budgets": budgets, **sizes}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
