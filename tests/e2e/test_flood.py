"""The flood pipeline on real firmware with the recorded river: the same bits, and the claimed skill."""

from __future__ import annotations

import os

import numpy as np
import pytest

from models.flood.data import VARIABLE, recorded_river, split_row
from models.flood.evaluate import forecasts, score_forecasts
from models.flood.features import SENSOR, STREAM, Features, build_module, features_of
from wasmote.build import build_bundle
from wasmote.node import Node
from wasmote.replay import samples_of
from wasmote.sim import ROOT
from wasmote.wire.modules import Control
from wasmote.wire.records import Record
from wasmote.wire.samples import Sample

pytestmark = pytest.mark.cores

MODELS = ROOT / "models" / "flood"
WARM_UP_DAYS = 400  # nine half-lives of the slowest memory
RING_SAFE = 32  # samples between two readings of the ring: it holds twice as many of their records

needs_data = pytest.mark.skipif(
    not os.environ.get(VARIABLE),
    reason=f"the recorded river is absent: {VARIABLE} names it, models/flood/README.md says where it is",
)


@needs_data
@pytest.mark.timeout(900)
async def test_board_computes_the_bits_and_the_skill_of_the_model(node: Node) -> None:
    """Nash-Sutcliffe efficiency of at least 0.95 on the last fifth, from features made by the board."""
    river = recorded_river()
    first = split_row(len(river.series)) - WARM_UP_DAYS
    series = river.series[first:]
    bundle = build_module()
    await node.install(0, bundle.to_bytes())
    await node.control(0, Control.START)

    records: list[Record] = []
    samples = samples_of(series)
    for at in range(0, len(samples), RING_SAFE):
        await node.feed(SENSOR, samples[at : at + RING_SAFE])
        since = records[-1].seq if records else None
        while (batch := await node.records(0, STREAM, since)).records:
            assert batch.lost == 0
            records += batch.records
            since = records[-1].seq
            if since + 1 == batch.next_seq:
                break

    assert [record.seq for record in records] == list(range(len(records)))
    row_of = {time_ms: row for row, time_ms in enumerate(series.time_ms.tolist())}
    rows = np.array([row_of[record.time_ms] for record in records], np.int64)
    on_board = Features(rows, np.array([record.values for record in records], np.float32))
    under_wasmtime = features_of(series, bundle)
    assert on_board.rows.tolist() == under_wasmtime.rows.tolist()
    assert on_board.sha256() == under_wasmtime.sha256()

    tested = on_board.between(WARM_UP_DAYS, len(series))
    assert len(tested.rows) == len(series) - WARM_UP_DAYS
    skill = score_forecasts(series, tested.rows, forecasts(tested)).nse
    assert skill >= 0.95


async def test_two_run_beside_each_other_and_one_is_swapped(node: Node) -> None:
    """The arena of every board has room for two, and for a version and the next one."""
    first, second = (build_bundle(MODELS / name) for name in ("flood.toml", "flood_v2.toml"))
    for slot in (0, 1):
        await node.install(slot, first.to_bytes())
        await node.control(slot, Control.START)
    days = [Sample(day * 86_400_000, (3.0, 50.0 + day)) for day in range(1, 11)]
    await node.feed(SENSOR, days)
    batches = [await node.records(slot, STREAM, None) for slot in (0, 1)]
    left, right = [[record.values.tobytes() for record in batch.records] for batch in batches]
    assert left == right
    assert left
    await node.remove(1)
    await node.install(0, second.to_bytes())
    await node.control(0, Control.SWAP)
    assert (await node.module(0)).state_handed_over
