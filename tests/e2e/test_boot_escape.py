"""The boot escape: a board that its modules keep from working is started without them, and rid of one."""

from __future__ import annotations

import pytest

from on_board import bundle, outputs, probe, run_module
from wasmote.node import Node
from wasmote.sim import Simulator
from wasmote.wire.modules import Control, ModuleState


async def power_cycle(simulator: Simulator, *, without_modules: bool) -> Node:
    simulator.without_modules = without_modules
    await simulator.kill()
    await simulator.restart()
    return await Node.connect(simulator.url)


@pytest.mark.cores
async def test_a_start_without_modules_is_for_that_start(simulator: Simulator, node: Node) -> None:
    assert (await node.info()).escaped is False
    for slot, name in enumerate(("counter", "scale")):
        await run_module(node, name, slot)
        await node.control(slot, Control.CONFIRM)
    await node.close()
    async with await power_cycle(simulator, without_modules=True) as held:
        assert (await held.info()).escaped is True
        assert [(await held.module(slot)).state for slot in (0, 1)] == [ModuleState.STOPPED] * 2
        await held.remove(1)
    async with await power_cycle(simulator, without_modules=False) as again:
        assert (await again.info()).escaped is False
        assert (await again.module(0)).digest == bundle("counter").manifest.digest
        assert [(await again.module(slot)).state for slot in (0, 1)] == [
            ModuleState.RUNNING,
            ModuleState.EMPTY,
        ]
        await again.feed("probe", probe(1.0, 2.0))
        assert await outputs(again, "count") == [1.0, 2.0]
