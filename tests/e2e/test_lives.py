"""What modules live through: power cuts, probation, roll-back, restarts, quarantine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiocoap import Code

from on_board import bundle, outputs, probe, run_module, swap_module
from wasmote.errors import CoapError
from wasmote.keys import new_key
from wasmote.node import Node
from wasmote.signing import sign_bundle
from wasmote.sim import Simulator
from wasmote.wire.bundle import Bundle
from wasmote.wire.keys import KeyChange
from wasmote.wire.modules import Cause, Control, ModuleState, ModuleStatus

PATIENCE_S = 60.0  # for what is awaited; nothing is asserted about how long it takes


@asynccontextmanager
async def powered_again(simulator: Simulator) -> AsyncIterator[Node]:
    """Cut the power, and connect to the board that comes back."""
    await simulator.kill()
    await simulator.restart()
    async with await Node.connect(simulator.url) as node:
        yield node


async def run_confirmed(node: Node, name: str, slot: int = 0) -> None:
    await run_module(node, name, slot)
    await node.control(slot, Control.CONFIRM)


async def conflict(node: Node, operation: Control) -> None:
    with pytest.raises(CoapError) as caught:
        await node.control(0, operation)
    assert caught.value.code is Code.CONFLICT


async def test_what_was_confirmed_runs_again_after_a_power_cut(simulator: Simulator, node: Node) -> None:
    await run_confirmed(node, "mean_v1")
    await run_confirmed(node, "counter", slot=1)
    await node.feed("probe", probe(1.0, 2.0))
    before = await node.info()
    await node.close()
    async with powered_again(simulator) as node:
        info = await node.info()
        assert info.boot_id != before.boot_id
        assert info.boots == (before.boots or 0) + 1
        assert [slot.name for slot in (await node.modules())[:2]] == ["mean", "counter"]
        await node.feed("probe", probe(5.0))
        assert await outputs(node, "mean") == [5.0]
        assert await outputs(node, "count", slot=1) == [1.0]


async def test_a_candidate_and_a_stopped_module_come_back_as_such(simulator: Simulator, node: Node) -> None:
    await run_confirmed(node, "mean_v1")
    await node.install(0, bundle("mean_v2").to_bytes())
    await run_confirmed(node, "counter", slot=1)
    await node.control(1, Control.STOP)
    await node.close()
    async with powered_again(simulator) as node:
        assert (await node.module(1)).state is ModuleState.STOPPED
        await node.control(0, Control.SWAP)
        await node.feed("probe", probe(6.0))
        assert await outputs(node, "mean") == [60.0]


async def test_what_was_on_probation_is_gone_after_a_power_cut(simulator: Simulator, node: Node) -> None:
    await run_confirmed(node, "mean_v1")
    await swap_module(node, "mean_v2")
    status = await node.module(0)
    assert status.probation is not None
    assert status.fallback is not None
    assert status.fallback.version == bundle("mean_v1").manifest.version
    await node.close()
    async with powered_again(simulator) as node:
        status = await node.module(0)
        assert (status.state, status.version) == (ModuleState.RUNNING, bundle("mean_v1").manifest.version)
        assert status.failure is not None
        assert status.failure.cause is Cause.RESET
        assert status.failure.digest == bundle("mean_v2").manifest.digest[:8]


async def test_a_bad_module_rolls_back_by_itself_and_nothing_is_lost(node: Node) -> None:
    await run_confirmed(node, "mean_v1")
    await node.feed("probe", probe(1.0, 2.0, 3.0))
    await swap_module(node, "mean_bad")
    await node.feed("probe", probe(6.0, 3.0, start=4))
    status = await node.module(0)
    assert (status.state, status.version) == (ModuleState.RUNNING, bundle("mean_v1").manifest.version)
    assert status.failure is not None
    assert (status.failure.cause, status.failure.digest) == (
        Cause.TRAP,
        bundle("mean_bad").manifest.digest[:8],
    )
    assert status.error is not None
    assert "unreachable" in status.error
    records = (await node.records(0, "mean", None)).records
    assert [record.seq for record in records] == list(range(5))
    assert [float(record.values[0]) for record in records] == [1.0, 1.5, 2.0, 3.0, 3.0]


async def test_events_or_a_person_confirm(node: Node) -> None:
    await conflict(node, Control.CONFIRM)
    short = bundle("mean_v1")
    await node.install(0, Bundle(replace(short.manifest, probation=3), short.module).to_bytes())
    await node.control(0, Control.START)
    await conflict(node, Control.ROLL_BACK)
    await node.feed("probe", probe(1.0, 2.0))
    assert (await node.module(0)).probation == 1
    await node.feed("probe", probe(3.0, start=3))
    assert (await node.module(0)).probation is None
    await swap_module(node, "mean_v2")
    await node.control(0, Control.ROLL_BACK)
    status = await node.module(0)
    assert status.version == bundle("mean_v1").manifest.version
    assert status.failure is not None
    assert status.failure.cause is Cause.REQUESTED
    await swap_module(node, "mean_v2")
    await node.control(0, Control.CONFIRM)
    await conflict(node, Control.ROLL_BACK)


async def until_it_is_left_alone(node: Node) -> ModuleStatus:
    """Feed it whenever it runs."""
    async with asyncio.timeout(PATIENCE_S):
        at = 1
        while True:
            status = await node.module(0)
            if status.state is ModuleState.RUNNING:
                await node.feed("probe", probe(1.0, start=at))
                at += 1
            elif status.restart_in_ms is None:
                return status


async def test_a_storm_of_traps_ends_and_the_rest_goes_on(node: Node) -> None:
    await run_confirmed(node, "mean_bad")
    await run_confirmed(node, "counter", slot=1)
    began = (await node.info()).uptime_s
    status = await until_it_is_left_alone(node)
    assert (status.state, status.traps, status.traps_in_a_row) == (ModuleState.TRAPPED, 3, 3)
    assert (await node.info()).uptime_s - began <= 5  # by the board's own clock
    await node.feed("probe", probe(1.0, start=100))
    assert (await outputs(node, "count", slot=1))[-1] == 4.0
    await node.control(0, Control.START)
    assert (await node.module(0)).traps_in_a_row is None


async def test_what_no_key_vouches_for_is_in_quarantine_after_a_reset(
    simulator: Simulator, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path / "keys"))
    key = new_key("ours")
    await run_confirmed(node, "counter")
    await node.change_keys(KeyChange(1, 0, key.public))
    await node.close()
    async with powered_again(simulator) as node:
        status = await node.module(0)
        assert status.state is ModuleState.QUARANTINED
        assert status.error is not None
        assert "not signed" in status.error
        with pytest.raises(CoapError) as caught:
            await node.control(0, Control.START)
        assert caught.value.code is Code.FORBIDDEN
        await node.install(0, sign_bundle(bundle("counter"), key).to_bytes())
        await node.control(0, Control.START)
        assert (await node.module(0)).state is ModuleState.RUNNING


async def test_an_old_release_is_refused_after_a_power_cut(
    simulator: Simulator, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path / "keys"))
    key = new_key("ours")
    made = bundle("counter")
    old, new = (
        sign_bundle(Bundle(replace(made.manifest, sequence=number), made.module), key).to_bytes()
        for number in (1, 2)
    )
    await node.change_keys(KeyChange(1, 0, key.public))
    await node.install(0, new)
    await node.control(0, Control.START)
    await node.install(0, old)  # 2 is on probation
    await node.install(0, new)
    await node.control(0, Control.CONFIRM)
    await node.close()
    async with powered_again(simulator) as node:
        with pytest.raises(CoapError) as caught:
            await node.install(0, old)
        assert caught.value.code is Code.FORBIDDEN
        assert "older than 2" in caught.value.diagnostic
        assert (await node.module(0)).sequence == 2
