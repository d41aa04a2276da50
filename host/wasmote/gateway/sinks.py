"""Where predictions go besides the store. A sink reads the stored predictions at its own pace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wasmote.gateway.config import StdoutSinkSettings
    from wasmote.gateway.entities import Prediction
    from wasmote.gateway.outlet import Outlet


class Sink(Protocol):
    """A consumer of predictions."""

    async def send(self, prediction: Prediction) -> None:
        """Pass one prediction on; return when it is off our hands."""


class StdoutSink:
    """One JSON object a line. What standard output does not take is dropped there, and counted."""

    def __init__(self, out: Outlet) -> None:
        self._out = out

    async def send(self, prediction: Prediction) -> None:
        """Write a line; it is not awaited."""
        self._out.write(json.dumps(prediction.to_json(), separators=(",", ":")) + "\n")


def make_sink(settings: StdoutSinkSettings, out: Outlet) -> Sink:
    """Make the sink that a pipeline names; `kind` chooses the class. `out` is standard output."""
    return StdoutSink(out)
