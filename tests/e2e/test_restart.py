"""A node restarts when it is told to, by whom it must be: a real reset, and what its flash holds stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from on_board import bundle, run_module
from wasmote.errors import CoapError, UsageFault
from wasmote.keys import Key, new_key
from wasmote.node import Node
from wasmote.restart import order_restart, wait_for_start
from wasmote.signing import sign_order
from wasmote.sim import Simulator
from wasmote.wire.keys import KeyChange
from wasmote.wire.modules import Control, ModuleState
from wasmote.wire.node import NextStart, NodeInfo, NodeOrder, ResetCause


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Key:
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path / "keys"))
    return new_key("ours")


async def restarted(node: Node, how: NextStart, signer: Key | None = None) -> NodeInfo:
    before = await node.info()
    await order_restart(node, before, how, signer)
    await node.close()
    return await wait_for_start(node.url, before.boot_id)


@pytest.mark.cores
async def test_modules_start_again_unless_they_are_not_to(node: Node) -> None:
    await run_module(node, "counter")
    await node.control(0, Control.CONFIRM)
    held = await restarted(node, NextStart.WITHOUT_MODULES)
    assert (held.reset_cause, held.escaped) == (ResetCause.SOFTWARE, True)
    async with await Node.connect(node.url) as again:
        assert (await again.module(0)).state is ModuleState.STOPPED
        usual = await restarted(again, NextStart.USUAL)
    assert (usual.reset_cause, usual.escaped) == (ResetCause.SOFTWARE, False)
    async with await Node.connect(node.url) as again:
        assert (await again.module(0)).digest == bundle("counter").manifest.digest
        assert (await again.module(0)).state is ModuleState.RUNNING


@pytest.mark.cores
async def test_a_node_with_keys_wants_a_new_order_from_one_of_them(
    simulator: Simulator, node: Node, key: Key
) -> None:
    await node.change_keys(KeyChange(1, 0, key.public))
    boot = (await node.info()).boot_id
    with pytest.raises(UsageFault, match="none was named"):
        await order_restart(node, await node.info(), NextStart.USUAL, None)
    with pytest.raises(CoapError, match=r"4\.03.*not signed"):
        await node.order(NodeOrder(NextStart.USUAL))
    old = sign_order(NodeOrder(NextStart.USUAL, 1), key)
    with pytest.raises(CoapError, match=r"4\.03.*not newer"):
        await node.order(old)
    assert (await node.info()).boot_id == boot
    info = await restarted(node, NextStart.USUAL, key)
    assert info.key_ids == (key.id,)
    async with await Node.connect(node.url) as again:
        assert (await again.trusted_keys()).sequence == 2


async def test_a_board_whose_rom_does_not_hear_the_link_goes_on(simulator: Simulator, node: Node) -> None:
    boot = (await node.info()).boot_id
    with pytest.raises(CoapError, match=r"4\.09.*no loader"):
        await node.order(NodeOrder(NextStart.LOADER))
    assert (await node.info()).boot_id == boot
