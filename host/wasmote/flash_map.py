"""A board's flash as board.toml describes it, and what it holds when a board was just flashed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

from wasmote import keys
from wasmote.errors import UsageFault

ERASED = b"\xff"


@dataclass(frozen=True, slots=True)
class FlashMap:
    """Bytes of the whole, and where the area of keys begins, from the start of flash."""

    size: int
    keys_at: int

    @classmethod
    def of(cls, board: dict[str, Any]) -> Self:
        """Read a board.toml, which the build has checked."""
        uses = board["flash"]
        memories = [memory for memory in board.get("memory", ()) if memory["name"] == "flash"]
        runs = memories[0]["sectors"] if memories else uses["sectors"]
        sizes = [run["size"] for run in runs for _ in range(run["count"])]
        begins = list(accumulate(sizes, initial=0))
        return cls(begins[-1], begins[uses["keys"][0]])

    def flashed(self, trusted: Sequence[bytes]) -> bytes:
        """Return the bytes of a new board that trusts these public keys; the firmware is left out."""
        area = keys.area(trusted)
        behind = self.size - self.keys_at - len(area)
        return ERASED * self.keys_at + area + ERASED * behind

    def make(self, path: Path, trusted: Sequence[bytes]) -> None:
        """Write that to a file that is not there yet; raises `UsageFault` for one made without these keys."""
        if not path.exists():
            path.write_bytes(self.flashed(trusted))
        elif trusted and not path.read_bytes().startswith(keys.area(trusted), self.keys_at):
            raise UsageFault(
                f"{path}: this flash is in use, and was not made with these keys", "name another file"
            )
