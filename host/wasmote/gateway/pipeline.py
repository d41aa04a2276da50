"""One pipeline: stored records of one stream, through a model, to stored predictions.

It reads from the store and not from the sessions: whatever interrupts it - a full disk, the end of the
process - it goes on with the first record it has not seen, and every record is predicted exactly once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from wasmote.cancellation import heed_cancellation
from wasmote.gateway.database import StoreFault
from wasmote.gateway.entities import Prediction, StoredRecord, StreamKey
from wasmote.gateway.inference import SHORT_DIGEST_BYTES, Model, ModelFault
from wasmote.gateway.logs import unexpected
from wasmote.gateway.pulse import Clock, Pulse
from wasmote.link.connection import backoff

if TYPE_CHECKING:
    from wasmote.gateway.store import Store
    from wasmote.wire.manifest import Manifest

_FLAG_TEXTS = {1: "a NaN", 2: "an infinity", 3: "a NaN and an infinity"}


class Pipeline:
    """Feeds the records of `places` (board, slot) and stream `stream` to a model."""

    def __init__(
        self,
        name: str,
        stream: str,
        places: frozenset[tuple[str, int]],
        model: Model,
        store: Store,
        clock: Clock,
    ) -> None:
        self.name = name
        self.stream = stream
        self.places = places
        self.model = model
        self._store = store
        self._clock = clock
        self.withheld = 0  # predictions since the start: records that were not fed, and those that follow
        self.failed = 0  # records at which the model failed
        self._agreed: set[bytes] = set()
        self._log = structlog.get_logger().bind(pipeline=name)

    def agree(self, manifest: Manifest) -> None:
        """Accept the records of a module from now on. Raises ContractMismatch where the model cannot."""
        self.model.contract.check(manifest, self.model.name, self.stream)
        self._agreed.add(manifest.digest[:SHORT_DIGEST_BYTES])

    async def run(self, stored: Pulse, predicted: Callable[[], None]) -> None:
        """Predict what is stored, and what will be; `predicted` is called after each commit."""
        pauses = backoff()
        while True:
            wake = stored.next()
            try:
                worked = await self._catch_up(predicted)
                pauses = backoff()
            except StoreFault as fault:
                heed_cancellation()
                self._log.error("predictions wait for the store", fault=str(fault))
                await self._clock.sleep(next(pauses))
                continue
            except Exception as bug:  # of this pipeline: boards and other pipelines go on
                heed_cancellation()
                self._log.error("pipeline failed", fault=unexpected(bug), exc_info=bug)
                await self._clock.sleep(next(pauses))
                continue
            if not worked:
                await wake.wait()

    async def _catch_up(self, predicted: Callable[[], None]) -> bool:
        """Predict one batch of every numbering that has new records; return whether there were any."""
        pending = await self._store.unpredicted(self.name, self.stream)
        pending = [(number, key) for number, key in pending if (key.board, key.slot) in self.places]
        for numbering, key in pending:
            records = await self._store.records(numbering, self.name)
            made = await asyncio.to_thread(self._predict_all, numbering, key, records)
            await self._store.predicted(self.name, numbering, made)
            predicted()
        return bool(pending)

    def _predict_all(self, numbering: int, key: StreamKey, records: list[StoredRecord]) -> list[Prediction]:
        return [self._predict(numbering, key, record) for record in records]

    def _predict(self, numbering: int, key: StreamKey, record: StoredRecord) -> Prediction:
        values: tuple[float, ...] = ()
        reason = self._reason_to_withhold(record)
        if reason is None:
            values, reason = self._ask_model(record)
        if reason is not None:
            self.withheld += 1
            self._log.warning("prediction withheld", board=key.board, seq=record.seq, reason=reason)
        return Prediction(
            pipeline=self.name,
            board=key.board,
            slot=key.slot,
            stream=key.stream,
            numbering=numbering,
            seq=record.seq,
            time_ms=record.time_ms,
            module=record.digest,
            model=self.model.digest,
            values=values,
            withheld=reason,
        )

    def _ask_model(self, record: StoredRecord) -> tuple[tuple[float, ...], str | None]:
        """The model's answer to a record, or why there is none."""
        try:
            values = self.model.predict(record.values)
        except Exception as fault:  # whatever a model makes of a record is that record's own
            self.failed += 1
            return (), str(fault) if isinstance(fault, ModelFault) else f"the model fails: {fault}"
        if not all(map(math.isfinite, values)):
            return (), "the model's answer is not finite"
        return values, None

    def _reason_to_withhold(self, record: StoredRecord) -> str | None:
        if record.flags:
            return f"the record holds {_FLAG_TEXTS.get(record.flags, 'values that are no numbers')}"
        if record.digest not in self._agreed:
            return f"module {record.digest.hex()} is unknown: its fields cannot be checked against the model"
        if len(record.values) != self.model.contract.count:
            return (
                f"the record holds {len(record.values)} values, the model takes {self.model.contract.count}"
            )
        return None
