"""How many modules with a page of 16 KiB, and what they hold besides, live beside each other."""

from __future__ import annotations

import pytest

from board_toml import ROOT, read_board
from models.flood.features import build_module
from wasmote.node import Node
from wasmote.wire.modules import Control, ModuleState

pytestmark = [pytest.mark.cores, pytest.mark.siblings]


async def test_each_slot_can_hold_a_live_flood_module(node: Node, board: str) -> None:
    """As many as there are slots, but on the boards whose arena is too small for two."""
    if board == "qemu-rv32":
        pytest.skip("tests its instruction set, and has the memory of another board")
    slots = read_board(ROOT / "boards" / board / "board.toml").limits.get("MODULE_SLOTS", 2)
    bundle = build_module().to_bytes()
    for slot in range(slots):
        await node.install(slot, bundle)
        await node.control(slot, Control.START)
    states = [(await node.module(slot)).state for slot in range(slots)]
    assert states == [ModuleState.RUNNING] * slots
