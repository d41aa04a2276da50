"""Where predictions go besides the store. A sink reads the stored predictions at its own pace."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from wasmote.gateway.config import StdoutSinkSettings
    from wasmote.gateway.entities import Prediction


class Sink(Protocol):
    """A consumer of predictions."""

    async def send(self, prediction: Prediction) -> None:
        """Pass one prediction on; return when it is off our hands."""


class StdoutSink:
    """One JSON object a line."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout

    async def send(self, prediction: Prediction) -> None:
        """Write a line, and flush it: whoever reads a pipe wants it now."""
        self._out.write(json.dumps(prediction.to_json(), separators=(",", ":")) + "\n")
        self._out.flush()


def make_sink(settings: StdoutSinkSettings) -> Sink:
    """Make the sink that a pipeline names; `kind` chooses the class."""
    return StdoutSink()
