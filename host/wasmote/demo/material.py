"""What the demo needs: days of a river, the model, and three releases of its module.

In a checkout the releases are built; an installed package brings them, so that no compiler is needed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmote.errors import UsageFault
from wasmote.flash.images import CHECKOUT

if TYPE_CHECKING:
    from wasmote.demo.tally import Script
    from wasmote.series import Series
    from wasmote.wire.bundle import Bundle

PACKAGED = Path(__file__).parent / "packaged"  # put there by `make wheel`
RELEASES = ("flood", "flood_v2", "flood_bad")  # models/flood: a first one, its successor, one that traps


@dataclass(frozen=True)
class Material:
    """What the demo needs: where it puts things, the days, the model and the releases of the module."""

    folder: Path
    series: Series
    source: str
    recorded: bool
    warm_up: int
    model: Path
    first: Bundle
    second: Bundle
    bad: Bundle

    def script(self) -> Script:
        """Run the module over all days under wasmtime, to know what the boards have to emit."""
        from wasmote.demo.tally import Script

        versions = {
            bundle.manifest.digest[:8]: bundle.manifest.version for bundle in (self.first, self.second)
        }
        return Script(self.series, self.warm_up, _expected(self.first, self.series), versions)


def _expected(bundle: Bundle, series: Series) -> dict[int, Any]:
    from wasmote.runtime import HostModule

    module = HostModule(bundle)
    module.start()
    rows = zip(series.time_ms.tolist(), series.values.tolist(), strict=True)
    emitted = [emission for time_ms, values in rows for emission in module.on_sample(0, time_ms, values)]
    return {emission.time_ms: emission.values.astype("<f4") for emission in emitted}


def is_packaged() -> bool:
    """Whether this is an installed package, with all that the demo needs in it."""
    return PACKAGED.is_dir()


def load_material(data: Path | None, days: int, warm_up: int, folder: Path) -> Material:
    """Read the days, and build the releases, or read those that the package brings.

    Raises what is wrong with data, compiler or model.
    """
    root = PACKAGED if is_packaged() else CHECKOUT
    sys.path.insert(0, str(root))  # for the package `models`
    from models.flood.data import any_river

    river = any_river(data)
    if len(river.series) <= days:
        raise UsageFault(
            f"{river.source} has {len(river.series)} days", f"the demo replays {days}, and some before"
        )
    warm_up = min(warm_up, len(river.series) - days)
    flood = root / "models" / "flood"
    first, second, bad = (_release(flood, name) for name in RELEASES)
    return Material(
        folder=folder,
        series=river.series[len(river.series) - days - warm_up :],
        source=river.source,
        recorded=river.recorded,
        warm_up=warm_up,
        model=flood / "model.onnx",
        first=first,
        second=second,
        bad=bad,
    )


def _release(folder: Path, name: str) -> Bundle:
    from wasmote.wire.bundle import Bundle

    if is_packaged():
        return Bundle.from_bytes((folder / f"{name}.bundle").read_bytes())
    from wasmote.build import build_bundle

    return build_bundle(folder / f"{name}.toml")
