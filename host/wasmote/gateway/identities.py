"""Which board is which node: two boards of a configuration that are the same node would count twice."""

from __future__ import annotations

from wasmote.errors import UsageFault


class SameNode(UsageFault):
    """A node is reached already, under the name of another board."""


class Identities:
    """The unique id of every node that is followed now, by the name of its board."""

    def __init__(self) -> None:
        self._ids: dict[str, bytes] = {}

    def claim(self, board: str, unique_id: bytes) -> None:
        """Note that a board is this node. Raises SameNode where another board is."""
        self.release(board)
        for other, taken in self._ids.items():
            if taken == unique_id:
                raise SameNode(
                    f"board {board} is the same node as board {other}: both have the id {unique_id.hex()}",
                    "give each board its own `link`; emulated boards differ by `wasmote sim --instance N`",
                )
        self._ids[board] = unique_id

    def release(self, board: str) -> None:
        """Note that a board is not followed any more: it may come back on another link."""
        self._ids.pop(board, None)
