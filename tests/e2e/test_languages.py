"""One program in four languages on a node: swapped for each other, they go on as if nothing had happened."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from wasmote.build import build_bundle
from wasmote.node import Node
from wasmote.runtime import HostModule
from wasmote.sim import ROOT
from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import Control
from wasmote.wire.samples import Sample

pytestmark = pytest.mark.cores

LANGUAGES = ("c", "assemblyscript", "rust", "zig")
PART = 50


@cache
def smooth(language: str) -> Bundle:
    return build_bundle(ROOT / "wasm3-port" / "guest" / "examples" / language / "smooth.toml")


def readings() -> list[Sample]:
    random = np.random.default_rng(4)
    count = PART * len(LANGUAGES)
    values = (random.normal(0, 1, count) * 10 ** random.uniform(-5, 5, count)).astype(np.float32)
    return [Sample(1000 * (1 + index), (float(value),)) for index, value in enumerate(values)]


def on_the_host() -> list[bytes]:
    """What the module in C emits when it runs from beginning to end; alpha changes within each part."""
    module = HostModule(smooth("c"))
    module.start()
    records = []
    for index, sample in enumerate(readings()):
        if index % PART == PART // 2:
            module.set_config({"alpha": 0.5 / (1 + index // PART)})
        (emission,) = module.on_sample(0, sample.time_ms, sample.values)
        records.append(emission.values.tobytes())
    return records


async def test_state_and_bits_survive_a_change_of_language(node: Node) -> None:
    samples, records = readings(), []
    for index, language in enumerate(LANGUAGES):
        await node.install(0, smooth(language).to_bytes())
        await node.control(0, Control.SWAP if index else Control.START)
        first = index * PART
        await node.feed("probe", samples[first : first + PART // 2])
        await node.set_config(0, {"alpha": 0.5 / (1 + index)})
        await node.feed("probe", samples[first + PART // 2 : first + PART])
        since = first - 1 if index else None
        while len(records) < first + PART:
            batch = await node.records(0, "smooth", since)
            assert batch.records[0].seq == len(records)
            records += batch.records
            since = records[-1].seq
    assert [np.array(record.values, "<f4").tobytes() for record in records] == on_the_host()
    assert (await node.module(0)).state_handed_over
    assert {record.digest for record in records} == {smooth(one).manifest.digest[:8] for one in LANGUAGES}
