"""wasmote_math.h on a node: the bits that wasmtime gives, on every core."""

from __future__ import annotations

import numpy as np
import pytest

from wasmote.build import build_bundle
from wasmote.node import Node
from wasmote.runtime import HostModule
from wasmote.sim import ROOT
from wasmote.wire.modules import Control
from wasmote.wire.samples import Sample

pytestmark = pytest.mark.cores

POINTS, PART = 240, 30


def points() -> list[Sample]:
    """Of all magnitudes and both signs, and in every other one of a few turns and small powers."""
    random = np.random.default_rng(11)
    values = random.normal(0, 1, (POINTS, 2)) * 10.0 ** random.integers(-30, 30, (POINTS, 2))
    values[::2] = random.normal(0, 5, (POINTS // 2, 2))
    values[4::8, 1] = np.rint(values[4::8, 1])
    values[:6] = [[0, -0.0], [-0.0, -1], [1, 0], [-2, 3], [1e-40, 0.5], [3e38, 2]]
    return [
        Sample(1000 * (1 + index), tuple(map(float, point)))
        for index, point in enumerate(values.astype(np.float32))
    ]


async def test_every_core_computes_the_same_bits(node: Node) -> None:
    bundle = build_bundle(ROOT / "tests" / "modules" / "angles.toml")
    module = HostModule(bundle)
    module.start()
    await node.install(0, bundle.to_bytes())
    await node.control(0, Control.START)
    samples, found = points(), []
    for first in range(0, POINTS, PART):
        await node.feed("point", samples[first : first + PART])
        while len(found) < first + PART:
            batch = await node.records(0, "angles", len(found) - 1 if found else None)
            found += [np.array(record.values, "<f4") for record in batch.records]
    expected = [module.on_sample(0, one.time_ms, one.values)[0].values for one in samples]
    both_nan = [np.isnan(here) & np.isnan(there) for here, there in zip(found, expected, strict=True)]
    assert [
        (one.values, here, there)
        for one, here, there, nan in zip(samples, found, expected, both_nan, strict=True)
        if not np.array_equal(here.view(np.uint32)[~nan], there.astype("<f4").view(np.uint32)[~nan])
    ] == []
