"""Features as the module computes them: the bundle that a board runs, run here under wasmtime.

There is no second implementation of the features in Python: the model is trained on what a board emits.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wasmote.build import build_bundle
from wasmote.runtime import HostModule
from wasmote.series import Series
from wasmote.wire.bundle import Bundle

FOLDER = Path(__file__).parent
PROJECT = FOLDER / "flood.toml"
SENSOR, STREAM = "river", "features"


@dataclass(frozen=True)
class Features:
    """What a module emitted: `rows` int64 [m], for which rows of a series; `values` float32 [m, fields]."""

    rows: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]

    def between(self, first: int, end: int) -> Features:
        """The features of the series' rows first .. end - 1."""
        chosen = (self.rows >= first) & (self.rows < end)
        return Features(self.rows[chosen], self.values[chosen])

    def sha256(self) -> str:
        """Digest of the values' bits, little endian: equal digests mean bit-equal features."""
        return hashlib.sha256(self.values.astype("<f4").tobytes()).hexdigest()


def build_module(project: Path = PROJECT) -> Bundle:
    """Build the preprocessing module (needs clang and wasm-ld)."""
    return build_bundle(project)


def features_of(series: Series, bundle: Bundle) -> Features:
    """Feed every day to a fresh instance of the module and collect what it emits on its stream."""
    module = HostModule(bundle)
    module.start()
    entry = bundle.manifest.input_index(SENSOR)
    stream = bundle.manifest.streams[bundle.manifest.stream_index(STREAM)]
    rows: list[int] = []
    values: list[npt.NDArray[np.float32]] = []
    for row, (time_ms, sample) in enumerate(
        zip(series.time_ms.tolist(), series.values.tolist(), strict=True)
    ):
        for emission in module.on_sample(entry, time_ms, sample):
            if emission.stream == STREAM:
                rows.append(row)
                values.append(emission.values)
    return Features(np.array(rows, np.int64), np.array(values, np.float32).reshape(-1, stream.count))
