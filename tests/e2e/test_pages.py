"""Linear memory on a node grows by 16 KiB, and ends at its last byte when trimmed: as on the host."""

from __future__ import annotations

import pytest

from on_board import MODULES, bundle, outputs, probe, run_module
from wasmote.build import build
from wasmote.build.project import Overrides
from wasmote.build.ram import NARROW, WIDE, ram_of
from wasmote.errors import CoapError
from wasmote.node import Node
from wasmote.runtime import GuestTrap, HostModule

VALUES = (1.5, 2.5, 3.5)


def on_the_host(name: str, *values: float) -> list[list[float]]:
    module = HostModule(bundle(name))
    module.start()
    records = [emission for value in values for emission in module.on_sample(0, 0, (value,))]
    return [[float(value) for value in record.values] for record in records]


async def test_a_module_grows_by_16_kib_up_to_its_pages(node: Node) -> None:
    await run_module(node, "grower")
    await node.feed("probe", probe(*VALUES))
    batch = await node.records(0, "told", None)
    told = [[float(value) for value in record.values] for record in batch.records]
    assert told == [[1, 2, 0, 1.5], [-1, 2, 1.5, 2.5], [-1, 2, 2.5, 3.5]]
    assert told == on_the_host("grower", *VALUES)


async def test_assemblyscript_allocates_within_one_page(node: Node) -> None:
    assert bundle("arrays").manifest.pages == 1
    values = [float(value) for value in range(1, 31)]
    await run_module(node, "arrays")
    await node.feed("probe", probe(*values))
    expected = on_the_host("arrays", *values)
    assert expected[-1] == [sum(values), 2]
    assert await outputs(node, "told") == [total for total, _ in expected]


async def test_a_trimmed_memory_ends_at_its_last_byte(node: Node) -> None:
    end = bundle("edge").manifest.held_bytes
    await run_module(node, "edge")
    await node.feed("probe", probe(end - 1))
    assert await outputs(node, "told") == [7] == on_the_host("edge", end - 1)[0]
    assert ((await node.module(0)).arena_bytes or 0) < 16384
    with pytest.raises(GuestTrap, match="out of bounds memory access"):
        on_the_host("edge", end)
    await node.feed("probe", probe(end, start=10))
    status = await node.module(0)
    assert status.traps == 1
    assert "out of bounds memory access" in (status.error or "")


@pytest.mark.cores
async def test_a_board_expects_of_a_module_what_the_host_computes(node: Node, board: str) -> None:
    large = build(MODULES / "counter.toml", Overrides(heap=250_000)).bundle  # more than any board has
    ram = ram_of(large, WIDE if board == "native" else NARROW)
    with pytest.raises(CoapError) as caught:
        await node.install(0, large.to_bytes())
    expected = f"needs up to {ram.total} bytes (memory {ram.memory}, stack {ram.stack}, code {ram.code}), but"
    assert caught.value.diagnostic.startswith(expected)
