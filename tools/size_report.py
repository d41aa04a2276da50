#!/usr/bin/env python3
"""Report what a firmware image takes of flash and RAM, by part and region; hold it to board.toml's budgets.

Reads the linker's map. Parts: engine (wasm3 and its port), net, modules (core, node, main), crypto
(Monocypher and firmware/crypto), libc (C library and compiler support), board, stack (as reserved). Regions:
each [[memory]], with what lies between sections.
Needs the standard library only. Status 1: over a budget.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from board_model import Board
from board_toml import ROOT, read_board

# An input section in the map: name, address, size, object; a long name stands on a line of its own.
INPUT = re.compile(r"^ (\S+)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$")
OUTPUT = re.compile(r"^(\.\S+|/DISCARD/)(?:\s+0x|\s*$)")
PARTS = ("engine", "net", "modules", "crypto", "libc", "board", "stack")
# Output sections of an image: where they are kept. `data` is in both: copied to RAM at start.
FLASH_SECTIONS = {".vectors", ".text", ".rodata", ".ARM", ".data", ".eh_frame", ".init_array", ".ARM.exidx"}
RAM_SECTIONS = {".data", ".bss", ".noinit", ".arena"}
# The host's linker leaves custom sections by themselves and puts constants into several.
# Code that is copied to RAM at start; what the ROM of an ESP32-C3 looks for at the start of flash.
FLASH_SECTIONS |= {".entry", ".iram"}
RAM_SECTIONS |= {".iram"}
FLASH_SECTIONS |= {".init", ".fini", ".plt", ".data.rel.ro", ".rodata.cst"}
# The stack is an output section without input.
STACK = re.compile(r"^\.stack\s+0x[0-9a-f]+\s+0x([0-9a-f]+)$", re.MULTILINE)
# An output section: name, address, size and, where it is kept elsewhere until start, that address.
PLACED = re.compile(
    r"^(\.\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?: load address 0x([0-9a-f]+))?$", re.MULTILINE
)
NOT_LOADED = (".debug", ".comment", ".ARM.attributes", ".stab")
LIBRARY = re.compile(r"lib(c|g|m|gcc|nosys|c_nano|g_nano|nonshared)\w*\.a|crt\w*\.o|Scrt1\.o|crt\w+\.o")


@dataclass(frozen=True)
class Piece:
    """An input section as it was linked: output section, address, object file, bytes."""

    section: str
    address: int
    owner: str
    size: int


def listed(text: str) -> Iterator[Piece]:
    """Yield every input section that the memory map lists with a size."""
    _, _, memory_map = text.partition("Linker script and memory map")
    section = ""
    for line in memory_map.splitlines():
        output = OUTPUT.match(line)
        if output:
            section = output[1]
        found = INPUT.match(line)
        if found and section != "/DISCARD/" and int(found[3], 16):
            yield Piece(section, int(found[2], 16), found[4], int(found[3], 16))


def pieces(text: str) -> Iterator[Piece]:
    """Yield every input section with the bytes that it takes up.

    The map lists sections of strings with the size they had before the linker merged equal ones: what
    reaches into the next section of the image is not there any more.
    """
    ordered = sorted(listed(text), key=lambda piece: (piece.section, piece.address))
    for piece, following in itertools.zip_longest(ordered, ordered[1:]):
        size = piece.size
        if following and following.section == piece.section:
            size = min(size, following.address - piece.address)
        if size:
            yield replace(piece, size=size)


def part_of(owner: str) -> str:
    """Return which part of the firmware an object file belongs to."""
    if LIBRARY.search(owner):
        return "libc"
    if "wasm3" in owner:
        return "engine"
    if "monocypher" in owner or "firmware/crypto/" in owner:
        return "crypto"
    if "firmware/net/" in owner:
        return "net"
    if "firmware/" in owner:
        return "modules"
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


def regions(text: str, board: Board) -> dict[str, int]:
    """Return how many bytes of each [[memory]] the image takes, up to the last section in it."""
    _, _, memory_map = text.partition("Linker script and memory map")
    used = {memory.name: 0 for memory in board.memories}
    for name, address, size, load in PLACED.findall(memory_map):
        if name.startswith(NOT_LOADED) or not int(size, 16):
            continue
        for start in {int(address, 16), int(load or address, 16)}:
            for memory in board.memories:
                if board.origin(memory) <= start < memory.end:
                    used[memory.name] = max(used[memory.name], start + int(size, 16) - board.origin(memory))
    return used


def print_parts(sizes: dict[str, dict[str, int]], title: str) -> None:
    """Print what each part of the firmware takes."""
    print(f"{title:<24}{'flash':>10}{'RAM':>10}")
    for part in PARTS:
        print(f"  {part:<22}{sizes['flash'][part]:>10,}{sizes['ram'][part]:>10,}")
    totals = {kind: sum(parts.values()) for kind, parts in sizes.items()}
    print(f"  {'total':<22}{totals['flash']:>10,}{totals['ram']:>10,}")


def print_regions(used: dict[str, int], board: Board) -> None:
    """Print what is left in each region, and its budget."""
    if used:
        print(f"  {'region':<12}{'used':>10}{'free':>10}{'budget':>10}")
    for memory in board.memories:
        taken, budget = used[memory.name], board.budgets[memory.name]
        print(f"  {memory.name:<12}{taken:>10,}{board.capacity(memory) - taken:>10,}{budget:>10,}")


def over_budget(used: dict[str, int], budgets: dict[str, int]) -> list[str]:
    """Return a sentence for each region whose budget is exceeded."""
    return [
        f"{region} takes {taken:,} bytes, its budget is {budgets[region]:,}"
        for region, taken in used.items()
        if taken > budgets[region]
    ]


def main(argv: list[str] | None = None) -> int:
    """Print the report of one image; 1 when it is over a budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", help="folder in boards/")
    parser.add_argument("--map", type=Path, required=True, help="the linker's map of the image")
    parser.add_argument("--json", type=Path, required=True, help="file for the same numbers")
    parser.add_argument("--largest", type=int, default=0, metavar="N", help="name the N largest objects too")
    arguments = parser.parse_args(argv)
    path = ROOT / "boards" / arguments.board / "board.toml"
    board = read_board(path)
    text = arguments.map.read_text()
    sizes, used = measure(text), regions(text, board)
    print_parts(sizes, board.name)
    print_regions(used, board)
    for kind, sections in (("flash", FLASH_SECTIONS), ("RAM", RAM_SECTIONS)):
        for name, size in largest(text, sections, arguments.largest):
            print(f"  {kind:<6}{name:<40}{size:>10,}")
    faults = over_budget(used, board.budgets)
    for fault in faults:
        print(f"{path.relative_to(ROOT)}: [budgets] {fault}", file=sys.stderr)
    if not faults:
        report = {
            "board": board.name,
            "budgets": board.budgets,
            **sizes,
            "regions": {
                memory.name: {"used": used[memory.name], "free": board.capacity(memory) - used[memory.name]}
                for memory in board.memories
            },
        }
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
