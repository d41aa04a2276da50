"""What the gateway stores and passes on: streams, numberings, records, predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wasmote.gateway.reader import Position


@dataclass(frozen=True, order=True)
class Place:
    """A slot of a board."""

    board: str
    slot: int


@dataclass(frozen=True, order=True)
class StreamKey:
    """What a stream is called: where its module was deployed, wherever that has moved since."""

    board: str
    slot: int
    stream: str

    @property
    def place(self) -> Place:
        """Where its module was deployed."""
        return Place(self.board, self.slot)


@dataclass(frozen=True)
class Numbering:
    """A run of sequence numbers in the store, how far it was read, and where the next ones come from."""

    id: int
    position: Position
    source: Place


@dataclass(frozen=True)
class Event:
    """What befell a module: `kind` is "rolled back" or "moved"; `digest` the short one of the module."""

    at_ms: int
    place: Place
    kind: str
    digest: bytes
    detail: str

    def to_json(self) -> dict[str, object]:
        """Return what `/events` carries."""
        return {
            "at_ms": self.at_ms,
            "board": self.place.board,
            "slot": self.place.slot,
            "kind": self.kind,
            "module": self.digest.hex(),
            "detail": self.detail,
        }


@dataclass(frozen=True, eq=False)
class StoredRecord:
    """A record as a pipeline reads it: `values` float32 [n]; `flags` as in the SPEC (1 NaN, 2 infinity)."""

    seq: int
    time_ms: int
    digest: bytes
    values: npt.NDArray[np.float32]
    flags: int


@dataclass(frozen=True)
class Prediction:
    """What a model said of one record - or, where `withheld` gives a reason, why it was not asked.

    `time_ms` is the time of the features; `module` and `model` are short digests of what made features and
    prediction; `id` grows with every prediction stored (0: not stored yet).
    """

    pipeline: str
    board: str
    slot: int
    stream: str
    numbering: int
    seq: int
    time_ms: int
    module: bytes
    model: bytes
    values: tuple[float, ...]
    withheld: str | None = None
    id: int = 0

    def to_json(self) -> dict[str, object]:
        """Return what `/predictions` and the JSON lines carry; several values become a list."""
        value: object = self.values[0] if len(self.values) == 1 else list(self.values) or None
        shown: dict[str, object] = {
            "id": self.id,
            "pipeline": self.pipeline,
            "board": self.board,
            "slot": self.slot,
            "stream": self.stream,
            "numbering": self.numbering,
            "seq": self.seq,
            "time_ms": self.time_ms,
            "module": self.module.hex(),
            "model": self.model.hex(),
            "value": value,
        }
        return shown | ({"withheld": self.withheld} if self.withheld else {})


@dataclass(frozen=True)
class StreamTotals:
    """All numberings of one stream together."""

    slot: int
    stream: str
    records: int
    flagged: int
    lost: int
    next_seq: int | None
