"""The life of a module on a node: install, start, trap, swap, configure, remove."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

import pytest
from aiocoap import Code

from on_board import bundle, outputs, probe, run_module, swap_module
from wasmote.errors import CoapError
from wasmote.node import Node
from wasmote.wire.bundle import Bundle
from wasmote.wire.log import LogLine
from wasmote.wire.manifest import StateSchema
from wasmote.wire.modules import Control, ModuleState

pytestmark = pytest.mark.cores


@pytest.mark.siblings
async def test_install_start_feed_read(node: Node) -> None:
    free = (await node.info()).arena_free
    await node.install(0, bundle("counter").to_bytes())
    installed = await node.module(0)
    assert installed.state is ModuleState.EMPTY
    assert installed.candidate is not None
    assert installed.candidate.name == "counter"
    assert (await node.info()).arena_free == free  # checked, and given back

    await node.control(0, Control.START)
    await node.feed("probe", probe(*range(40)))
    status = await node.module(0)
    assert status.state is ModuleState.RUNNING
    assert status.events == 40
    assert status.arena_bytes is not None
    assert status.arena_bytes >= 16384
    records = (await node.records(0, "count", None)).records
    assert [record.seq for record in records] == list(range(40))
    assert [record.time_ms for record in records] == [(1 + i) * 1000 for i in range(40)]
    assert records[0].digest == bundle("counter").manifest.digest[:8]

    await node.remove(0)
    assert (await node.module(0)).state is ModuleState.EMPTY
    assert (await node.info()).arena_free == free


def unknown_import() -> bytes:
    """A bundle that `wasmote build` would refuse: the import `emit` renamed in the binary."""
    good = bundle("counter")
    module = good.module.replace(b"\x04emit", b"\x04emot")
    assert module != good.module
    manifest = replace(good.manifest, digest=hashlib.sha256(module).digest())
    return Bundle(manifest, module).to_bytes()


@pytest.mark.parametrize("case", ["needs more memory than there is", "imports something unknown"])
async def test_what_cannot_run_is_refused_and_the_running_module_goes_on(node: Node, case: str) -> None:
    cannot_run, reason = {
        "needs more memory than there is": (bundle("hog").to_bytes(), "needs up to"),
        "imports something unknown": (unknown_import(), "wasmote.emot"),
    }[case]
    await run_module(node, "counter")
    with pytest.raises(CoapError) as caught:
        await node.install(0, cannot_run)
    assert caught.value.code is Code.UNPROCESSABLE_ENTITY
    assert reason in caught.value.diagnostic
    await node.feed("probe", probe(1.0, 2.0))
    assert await outputs(node, "count") == [1.0, 2.0]
    assert (await node.module(0)).candidate is None


async def test_a_state_of_another_size_than_is_declared_is_refused(node: Node) -> None:
    good = bundle("short")
    wrong = Bundle(replace(good.manifest, state=StateSchema("short/1", 8)), good.module)
    with pytest.raises(CoapError) as caught:
        await node.install(0, wrong.to_bytes())
    assert caught.value.code is Code.UNPROCESSABLE_ENTITY
    assert caught.value.diagnostic == "its manifest declares a state of 8 bytes, the module's has 4"


async def test_what_emits_other_records_than_it_claims_proves_nothing(node: Node) -> None:
    await run_module(node, "short")  # on probation for three events
    await node.feed("probe", probe(*range(5)))
    status = await node.module(0)
    assert (status.events, status.probation, status.refused) == (5, 3, 5)
    assert [(one.name, one.next_seq) for one in status.streams] == [("seen", 5), ("pair", 0)]
    log = (await node.request("GET", "/log?since=none")).payload
    lines = [line.text for line in LogLine.list_from_cbor(log, "/log") if line.slot == 0]
    assert lines.count("refused: it emits 4 bytes to pair, whose 2 values have 8") == 1
    await node.control(0, Control.CONFIRM)  # a person may
    assert (await node.module(0)).probation is None


async def test_damaged_bundles_are_refused(node: Node) -> None:
    await run_module(node, "counter")
    whole = bundle("counter").to_bytes()
    module_at = whole.index(b"\0asm")
    for damage in (
        whole[:-1],
        whole[:40],
        whole[:module_at] + b"\0ASM" + whole[module_at + 4 :],
        whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:],
        b"",
        b"\xff" * 100,
    ):
        with pytest.raises(CoapError) as caught:
            await node.install(0, damage)
        assert caught.value.code is Code.BAD_REQUEST
        assert caught.value.diagnostic
    await node.feed("probe", probe(1.0))
    assert await outputs(node, "count") == [1.0]


async def test_trap_stops_the_module_and_nothing_else(node: Node) -> None:
    await run_module(node, "trap", slot=0)
    await run_module(node, "counter", slot=1)
    await node.feed("probe", probe(1.0, 2.0, 3.0, 4.0))
    trapped = await node.module(0)
    assert (trapped.traps, trapped.traps_in_a_row) == (1, 1)
    assert trapped.error is not None
    assert "unreachable" in trapped.error
    assert await outputs(node, "echo", slot=0) == [1.0, 2.0]
    assert await outputs(node, "count", slot=1) == [1.0, 2.0, 3.0, 4.0]
    await node.control(0, Control.STOP)  # it would be started again, or was
    await node.control(0, Control.START)
    await node.feed("probe", probe(5.0, start=10))
    assert await outputs(node, "echo", slot=0) == [1.0, 2.0, 5.0]


ENDLESS = {
    "a loop": ("spin", -1.0),
    "a loop through br_table": ("endless", 2.0),
    "a loop of host calls": ("endless", 3.0),
    "a loop of memory.fill": ("endless", 4.0),
}


@pytest.mark.parametrize("loop", ENDLESS)
async def test_endless_loop_is_ended_by_its_budget(node: Node, loop: str) -> None:
    name, asks_for_it = ENDLESS[loop]
    await run_module(node, name)
    await node.feed("probe", probe(1.0, asks_for_it))
    status = await node.module(0)
    assert status.traps == 1
    assert status.error is not None
    assert "time budget exceeded in on_sample" in status.error
    assert (await node.info()).fault is None  # CoAP answers once the event is over
    assert await outputs(node, "echo") == [1.0]


async def test_endless_start_is_ended_by_its_budget(node: Node) -> None:
    await run_module(node, "counter", slot=1)
    with pytest.raises(CoapError) as caught:
        await run_module(node, "endless_start")
    assert caught.value.code is Code.UNPROCESSABLE_ENTITY
    assert "time budget exceeded in on_start" in caught.value.diagnostic
    assert (await node.module(0)).state is not ModuleState.RUNNING
    assert (await node.info()).fault is None
    await node.feed("probe", probe(1.0))
    assert await outputs(node, "count", slot=1) == [1.0]


async def test_recursion_without_end_is_a_trap_and_no_fault(node: Node) -> None:
    await run_module(node, "recurse", slot=0)
    await run_module(node, "counter", slot=1)
    await node.feed("probe", probe(1.0, -1.0, 2.0))
    status = await node.module(0)
    assert status.traps == 1
    assert status.error is not None
    assert "stack overflow" in status.error
    assert (await node.info()).fault is None
    assert await outputs(node, "count", slot=1) == [1.0, 2.0, 3.0]


@pytest.mark.siblings
async def test_swap_keeps_state_and_sequence(node: Node) -> None:
    await run_module(node, "mean_v1")
    await node.feed("probe", probe(1.0, 2.0, 3.0))
    await swap_module(node, "mean_v2")
    status = await node.module(0)
    assert status.version == bundle("mean_v2").manifest.version
    assert status.state_handed_over
    assert status.swap_gap_us is not None
    await node.feed("probe", probe(6.0, start=4))
    records = (await node.records(0, "mean", None)).records
    assert [record.seq for record in records] == [0, 1, 2, 3]
    assert [float(record.values[0]) for record in records] == [1.0, 1.5, 2.0, 30.0]  # v2: ten times
    digests = [record.digest for record in records]
    assert digests == [bundle("mean_v1").manifest.digest[:8]] * 3 + [bundle("mean_v2").manifest.digest[:8]]


async def test_no_sample_is_lost_while_swapping(node: Node) -> None:
    await run_module(node, "mean_v1")
    samples = probe(*range(200))

    async def feed() -> None:
        for sample in samples:
            await node.feed("probe", [sample])

    async def swap() -> None:
        for name in ("mean_v2", "mean_v1", "mean_v2"):
            await swap_module(node, name)

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        group.create_task(swap())
    status = await node.module(0)
    (stream,) = status.streams
    assert stream.next_seq == len(samples)
    assert status.version == bundle("mean_v2").manifest.version


async def test_control_in_the_wrong_state_is_a_conflict(node: Node) -> None:
    for operation in (Control.START, Control.STOP, Control.SWAP):
        with pytest.raises(CoapError) as caught:
            await node.control(0, operation)
        assert caught.value.code is Code.CONFLICT
    await run_module(node, "counter")
    for operation in (Control.START, Control.SWAP):
        with pytest.raises(CoapError) as caught:
            await node.control(0, operation)
        assert caught.value.code is Code.CONFLICT


async def test_stop_and_start_begin_anew_but_count_on(node: Node) -> None:
    await run_module(node, "counter")
    await node.feed("probe", probe(1.0, 2.0))
    await node.control(0, Control.STOP)
    assert (await node.module(0)).state is ModuleState.STOPPED
    await node.control(0, Control.START)
    await node.feed("probe", probe(1.0))  # times begin anew as well
    records = (await node.records(0, "count", None)).records
    assert [(record.seq, float(record.values[0])) for record in records] == [(0, 1.0), (1, 2.0), (2, 1.0)]


async def test_streams_go_on_where_the_client_says(node: Node) -> None:
    await node.install(0, bundle("counter").to_bytes())
    await node.control(0, Control.START, {"count": 4711})
    await node.feed("probe", probe(1.0))
    (record,) = (await node.records(0, "count", 4710)).records
    assert record.seq == 4711


async def test_config_of_a_module(node: Node) -> None:
    await run_module(node, "scale")
    assert await node.config(0) == {"gain": 2.0, "offset": 0.0}
    await node.feed("probe", probe(10.0))
    await node.set_config(0, {"offset": 1.5})
    await node.feed("probe", probe(10.0, start=2))
    assert await outputs(node, "scaled") == [20.0, 21.5]
    with pytest.raises(CoapError) as caught:
        await node.set_config(0, {"gian": 3})
    assert caught.value.code is Code.BAD_REQUEST
    assert "gian" in caught.value.diagnostic
    assert (await node.config(0))["offset"] == 1.5
