"""The memories of a board and what its sectors of flash are for: [[memory]] and [flash] of a board.toml."""

from __future__ import annotations

import itertools
from typing import Any

from board_keys import BoardError, get, only, optional, tables, unique
from board_model import FlashMap, Memory, Sector

FLASH_USES = ("vectors", "firmware", "records", "keys", "banks")


def read_runs(table: dict[str, Any], where: str) -> tuple[tuple[int, int], ...]:
    """Check `sectors`: runs of sectors of one size."""
    runs = optional(table, "sectors", list, where)
    if not all(isinstance(run, dict) for run in runs):
        raise BoardError(f"{where}: 'sectors' must be a list of {{ count, size }}")
    return tuple((get(run, "count", int, where), get(run, "size", int, where)) for run in runs)


def read_memory(table: dict[str, Any]) -> Memory:
    """Check one [[memory]]; sectors must fill it exactly."""
    name = get(table, "name", str, "[[memory]]")
    where = f"[[memory]] {name}"
    only(table, ("name", "origin", "size", "arena", "sectors"), where)
    sectors = read_runs(table, where)
    origin, size = get(table, "origin", int, where), get(table, "size", int, where)
    memory = Memory(name, origin, size, sectors, optional(table, "arena", bool, where))
    total = sum(count * size for count, size in sectors)
    if sectors and total != memory.size:
        raise BoardError(f"{where}: its sectors hold {total} bytes, its size is {memory.size}")
    return memory


def read_memories(data: dict[str, Any]) -> tuple[Memory, ...]:
    """Check all [[memory]]; no two may overlap or have one name."""
    memories = tuple(read_memory(table) for table in tables(data, "memory"))
    unique("[[memory]]", [memory.name for memory in memories])
    by_address = sorted(memories, key=lambda memory: memory.origin)
    for below, above in itertools.pairwise(by_address):
        if below.end > above.origin:
            raise BoardError(f"[[memory]] {below.name} and {above.name} overlap at {above.origin:#x}")
    if memories and sum(memory.arena for memory in memories) != 1:
        raise BoardError("[[memory]]: one of them, and no other, must say 'arena = true'")
    return memories


def read_flash(data: dict[str, Any], memories: tuple[Memory, ...]) -> FlashMap | None:
    """Check [flash]: each use names sectors by their numbers; no sector has two."""
    memory = next((memory for memory in memories if memory.name == "flash"), None)
    if "flash" not in data and memory is None:
        return None
    table, where = get(data, "flash", dict, "board"), "[flash]"
    only(table, (*FLASH_USES, *(() if memory else ("sectors",))), where)
    sizes = [
        size
        for count, size in (memory.sectors if memory else read_runs(table, where))
        for _ in range(min(count, 4096))
    ]
    sectors = tuple(Sector(sum(sizes[:number]), size) for number, size in enumerate(sizes))
    taken: list[int] = []
    uses: dict[str, tuple[Sector, ...]] = {}
    for use in FLASH_USES:
        wanted = optional(table, use, list, where)
        if not all(type(number) is int and 0 <= number < len(sectors) for number in wanted):
            raise BoardError(f"{where}: '{use}' must hold numbers 0..{len(sectors) - 1}, is {wanted!r}")
        taken += wanted
        uses[use] = tuple(sectors[number] for number in wanted)
    twice = sorted({number for number in taken if taken.count(number) > 1})
    if twice:
        raise BoardError(f"{where}: sector {twice[0]} has two uses")
    check_uses(uses, is_chip=memory is not None)
    return FlashMap(memory.origin if memory else 0, sectors, **uses)


def check_uses(uses: dict[str, tuple[Sector, ...]], *, is_chip: bool) -> None:
    """Refuse what the firmware cannot work with."""
    firmware = uses["firmware"]
    if is_chip and not firmware:
        raise BoardError("[flash]: 'firmware' must name a sector")
    if any(below.at + below.size != above.at for below, above in itertools.pairwise(firmware)):
        raise BoardError("[flash]: the sectors of 'firmware' must lie side by side")
    if len(uses["records"]) != 2 or len(uses["keys"]) != 1 or not 1 <= len(uses["banks"]) <= 16:
        raise BoardError("[flash]: wants 2 sectors for 'records', 1 for 'keys', 1 to 16 for 'banks'")
    if any(sector.size < 4096 for sector in (*uses["records"], *uses["keys"])):
        raise BoardError("[flash]: sectors for 'records' and 'keys' hold at least 4,096 bytes")
