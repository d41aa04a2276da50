"""What board.toml says of a board's flash, and of the ways to write it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Sector:
    """What is erased at once: its number, the address of its first byte, its bytes."""

    number: int
    address: int
    size: int

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.size


@dataclass(frozen=True, slots=True)
class RunnerData:
    """A [[runner]]: a way to flash the board.

    `enter` is what somebody does so that the chip listens. `target` is what the tool calls the chip. `link`:
    the board's link is on the port through which it is flashed. `page`: the chip erases so many bytes at a
    time, where board.toml's sectors are runs of these.
    """

    name: str
    enter: str
    target: str = ""
    link: bool = False
    page: int = 0


@dataclass(frozen=True, slots=True)
class FlashBoard:
    """A board that may be flashed.

    `firmware` are its sectors that the image may fill, vectors included; `records` and `keys` are the node's.
    `chip_id` is what an STM32 says of itself (DBGMCU_IDCODE, DEV_ID). `link` is how its link is reached.
    """

    name: str
    chip: str
    chip_id: int | None
    origin: int
    sectors: tuple[Sector, ...]
    firmware: tuple[Sector, ...]
    records: tuple[Sector, ...]
    keys: Sector | None
    runners: tuple[RunnerData, ...]
    link: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a board.toml; tools/board_toml.py has checked it when the image was built."""
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        memory = next((memory for memory in data.get("memory", ()) if memory["name"] == "flash"), None)
        sectors = _sectors(memory) if memory else ()
        uses = data.get("flash", {}) if memory else {}
        return cls(
            name=data["name"],
            chip=data["chip"],
            chip_id=data.get("chip_id"),
            origin=memory["origin"] if memory else 0,
            sectors=sectors,
            firmware=tuple(
                sectors[number] for number in (*uses.get("vectors", ()), *uses.get("firmware", ()))
            ),
            records=tuple(sectors[number] for number in uses.get("records", ())),
            keys=next((sectors[number] for number in uses.get("keys", ())), None),
            runners=tuple(_runner(table) for table in data.get("runner", ())),
            link=_link(data["link"]),
        )

    def runner(self, name: str) -> RunnerData | None:
        """Return the way of this name; None where the board has no such."""
        return next((runner for runner in self.runners if runner.name == name), None)

    def sectors_of(self, address: int, count: int) -> list[Sector]:
        """Return the sectors that hold these bytes, as far as they are the board's."""
        return [
            sector for sector in self.sectors if address < sector.end and sector.address < address + count
        ]


def _sectors(memory: dict[str, Any]) -> tuple[Sector, ...]:
    sizes = [run["size"] for run in memory["sectors"] for _ in range(run["count"])]
    starts = accumulate(sizes, initial=memory["origin"])
    return tuple(
        Sector(number, start, size) for number, (start, size) in enumerate(zip(starts, sizes, strict=False))
    )


def _runner(table: dict[str, Any]) -> RunnerData:
    more = {key: table[key] for key in ("target", "link", "page") if key in table}
    return RunnerData(table["name"], table["enter"], **more)


def _link(table: dict[str, Any]) -> str:
    if table["kind"] != "uart":
        return "its own USB"
    return f"the UART that sends on {table['tx']} and receives on {table['rx']}"
