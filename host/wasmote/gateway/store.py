"""What the gateway remembers, in SQLite: boards, modules, records, gaps and predictions.

A *numbering* is one run of sequence numbers of a stream: it begins when a node boots or a module is
installed anew, and (numbering, seq) names a record for good, so that taking the same record twice stores it
once. It goes on when the module moves: `sources` says where, if not where it was deployed. A record counts
as stored when the transaction that holds it *and* the new reading position is committed: a gateway that
dies in between asks the node for it again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import structlog

from wasmote.errors import WasmoteError
from wasmote.gateway.database import Database
from wasmote.gateway.entities import (
    Event,
    Numbering,
    Place,
    Prediction,
    StoredRecord,
    StreamKey,
    StreamTotals,
)
from wasmote.gateway.reader import Position, Step
from wasmote.gateway.schema import SCHEMA, VERSION
from wasmote.wire.manifest import Manifest

if TYPE_CHECKING:
    import aiosqlite

    from wasmote.wire.node import NodeInfo
    from wasmote.wire.records import Record

_PREDICTIONS = """
SELECT p.id, p.pipeline, s.board, s.slot, s.name, p.numbering, p.seq, p.time_ms, p.module, p.model,
       p."values", p.withheld
FROM predictions p JOIN numberings n ON n.id = p.numbering JOIN streams s ON s.id = n.stream
"""

_NUMBERINGS = """
SELECT n.id, n.boot_id, n.next_seq, n.announced, n.lost, s.board, s.slot, s.name,
       coalesce(x.board, s.board), coalesce(x.slot, s.slot)
FROM numberings n JOIN streams s ON s.id = n.stream LEFT JOIN sources x ON x.numbering = n.id
"""

ROLLED_BACK, MOVED = "rolled back", "moved"


class Store:
    """The gateway's memory. Methods that change it return when the change is committed.

    Raises StoreFault when the file cannot be read or written; nothing of the change is stored then.
    """

    def __init__(self, path: Path, commit_every_s: float = 0.25) -> None:
        self.database = Database(path, SCHEMA, VERSION, commit_every_s)
        self._stack = AsyncExitStack()
        self._log = structlog.get_logger()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.database)
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._stack.__aexit__(*exc)

    # ---- boards and modules ---------------------------------------------------------------

    async def board_seen(self, name: str, info: NodeInfo) -> None:
        """Remember who answers under this name."""
        row = (name, info.unique_id, info.board, info.cpu, info.firmware, info.boot_id, _now_ms())
        await self._run("INSERT OR REPLACE INTO boards VALUES (?, ?, ?, ?, ?, ?, ?)", [row])

    async def module_known(self, manifest: Manifest) -> None:
        """Keep a manifest, so that its module's records can be understood for as long as they are kept."""
        row = (manifest.digest, manifest.name, manifest.version, manifest.sequence, manifest.to_cbor())
        insert = "INSERT INTO modules VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET"
        await self._run(
            insert + " (name, version, sequence, manifest) = (excluded.name, excluded.version,"
            " excluded.sequence, excluded.manifest)",
            [row],
        )

    async def manifests(self) -> list[Manifest]:
        """All manifests ever kept, but for those that this release does not read: their records stay."""
        rows = await self.database.rows("SELECT name, version, manifest FROM modules ORDER BY name, sequence")
        readable = []
        for name, version, manifest in rows:
            try:
                readable.append(Manifest.from_cbor(manifest))
            except WasmoteError as fault:
                self._log.warning("manifest not read", module=name, version=version, fault=str(fault))
        return readable

    async def deployed(self, board: str, slot: int, digest: bytes) -> None:
        """Note that a board now runs a module (which must be known)."""
        insert = "INSERT INTO deployments (board, slot, digest, at_ms) VALUES (?, ?, ?, ?)"
        await self._run(insert, [(board, slot, digest, _now_ms())])

    async def last_deployed(self, board: str, slot: int) -> bytes | None:
        """The module that a slot was given last."""
        rows = await self.database.rows(
            "SELECT digest FROM deployments WHERE board = ? AND slot = ? ORDER BY id DESC LIMIT 1",
            (board, slot),
        )
        return bytes(rows[0][0]) if rows else None

    # ---- reading a stream -----------------------------------------------------------------

    async def numbering(self, key: StreamKey) -> Numbering | None:
        """The newest numbering of a stream."""
        rows = await self.database.rows(
            _NUMBERINGS + " WHERE s.board = ? AND s.slot = ? AND s.name = ? ORDER BY n.id DESC LIMIT 1",
            (key.board, key.slot, key.stream),
        )
        return _numbering(rows[0])[1] if rows else None

    async def read_again(self, numbering: Numbering) -> Numbering:
        """A numbering as it is stored now."""
        [row] = await self.database.rows(_NUMBERINGS + " WHERE n.id = ?", (numbering.id,))
        return _numbering(row)[1]

    async def record(self, numbering: int, seq: int) -> StoredRecord | None:
        """One record, where it is stored."""
        rows = await self.database.rows(
            'SELECT seq, time_ms, digest, "values", flags FROM records WHERE numbering = ? AND seq = ?',
            (numbering, seq),
        )
        return _stored_record(rows[0]) if rows else None

    async def guests(self, board: str) -> list[tuple[StreamKey, Numbering]]:
        """The numberings that are read from this board, but were begun elsewhere."""
        rows = await self.database.rows(_NUMBERINGS + " WHERE x.board = ? ORDER BY n.id", (board,))
        return [_numbering(row) for row in rows]

    async def open_numbering(
        self, key: StreamKey, position: Position, source: Place | None = None
    ) -> Numbering:
        """Begin a numbering of a stream, whose records come from `source`: by default its own place."""
        place = (key.board, key.slot, key.stream)

        async def write(db: aiosqlite.Connection) -> int:
            await db.execute("INSERT OR IGNORE INTO streams (board, slot, name) VALUES (?, ?, ?)", place)
            cursor = await db.execute(
                "INSERT INTO numberings (stream, boot_id, next_seq, announced, lost, opened_ms)"
                " SELECT id, ?, ?, ?, ?, ? FROM streams WHERE board = ? AND slot = ? AND name = ?",
                (*_position_row(position), _now_ms(), *place),
            )
            number = cursor.lastrowid or 0
            await _put_source(db, number, key, source or key.place)
            return number

        return Numbering(await self.database.write(write), position, source or key.place)

    async def go_on_at(
        self, key: StreamKey, numbering: Numbering, source: Place, boot_id: bytes
    ) -> Numbering:
        """Have a numbering go on with records from another place, whose node has this boot id."""

        async def write(db: aiosqlite.Connection) -> None:
            await db.execute("UPDATE numberings SET boot_id = ? WHERE id = ?", (boot_id, numbering.id))
            await _put_source(db, numbering.id, key, source)

        await self.database.write(write)
        return Numbering(numbering.id, replace(numbering.position, boot_id=boot_id), source)

    def advance(self, numbering: int, step: Step) -> asyncio.Future[None]:
        """Store what a step brought together with its position; the future is done after the commit."""
        records = [_record_row(numbering, record) for record in step.records]
        gaps = [(numbering, gap.first, gap.last) for gap in step.gaps]
        flagged = sum(record.flags != 0 for record in step.records)

        async def write(db: aiosqlite.Connection) -> None:
            await db.executemany("INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?, ?)", records)
            await db.executemany("INSERT OR IGNORE INTO gaps VALUES (?, ?, ?)", gaps)
            await db.execute(
                "UPDATE numberings SET boot_id = ?, next_seq = ?, announced = ?, lost = ?,"
                " stored = stored + ?, flagged = flagged + ? WHERE id = ?",
                (*_position_row(step.position), len(records), flagged, numbering),
            )

        return self.database.write(write)

    async def announced(self, numbering: int, announced: int) -> None:
        """Store that numbers below `announced` exist, whether they can still be fetched or not."""
        await self._run(
            "UPDATE numberings SET announced = max(announced, ?) WHERE id = ?", [(announced, numbering)]
        )

    async def totals(self, board: str) -> list[StreamTotals]:
        """What was read of each stream of a board."""
        rows = await self.database.rows(
            "SELECT s.slot, s.name, sum(n.stored), sum(n.flagged), sum(n.lost), max(n.next_seq)"
            " FROM streams s JOIN numberings n ON n.stream = s.id WHERE s.board = ? GROUP BY s.id",
            (board,),
        )
        return [StreamTotals(*row) for row in rows]

    async def stream_records(self, key: StreamKey) -> list[StoredRecord]:
        """All records of a stream, in the order in which they were made."""
        rows = await self.database.rows(
            'SELECT r.seq, r.time_ms, r.digest, r."values", r.flags FROM records r'
            " JOIN numberings n ON n.id = r.numbering JOIN streams s ON s.id = n.stream"
            " WHERE s.board = ? AND s.slot = ? AND s.name = ? ORDER BY n.id, r.seq",
            (key.board, key.slot, key.stream),
        )
        return [_stored_record(row) for row in rows]

    async def gaps(self, key: StreamKey) -> list[tuple[int, int]]:
        """The lost ranges (first, last) of a stream, oldest first."""
        rows = await self.database.rows(
            "SELECT g.first, g.last FROM gaps g JOIN numberings n ON n.id = g.numbering"
            " JOIN streams s ON s.id = n.stream WHERE s.board = ? AND s.slot = ? AND s.name = ?"
            " ORDER BY n.id, g.first",
            (key.board, key.slot, key.stream),
        )
        return [(first, last) for first, last in rows]

    # ---- events ---------------------------------------------------------------------------

    async def happened(self, place: Place, kind: str, digest: bytes, detail: str) -> None:
        """Note what befell a module, whose short digest this is."""
        insert = "INSERT INTO events (at_ms, board, slot, kind, digest, detail) VALUES (?, ?, ?, ?, ?, ?)"
        await self._run(insert, [(_now_ms(), place.board, place.slot, kind, digest, detail)])

    async def events(self, limit: int) -> list[Event]:
        """The newest events, oldest of them first."""
        rows = await self.database.rows(
            "SELECT at_ms, board, slot, kind, digest, detail FROM events ORDER BY id DESC LIMIT ?", (limit,)
        )
        return [Event(row[0], Place(row[1], row[2]), *row[3:]) for row in reversed(rows)]

    async def last_roll_back(self, place: Place) -> Event | None:
        """The newest event of a slot in which a module was rolled back."""
        rows = await self.database.rows(
            "SELECT at_ms, kind, digest, detail FROM events WHERE board = ? AND slot = ? AND kind = ?"
            " ORDER BY id DESC LIMIT 1",
            (place.board, place.slot, ROLLED_BACK),
        )
        return Event(rows[0][0], place, *rows[0][1:]) if rows else None

    # ---- predictions ----------------------------------------------------------------------

    async def unpredicted(self, pipeline: str, stream: str) -> list[tuple[int, StreamKey]]:
        """Numberings of streams of this name that hold records the pipeline has not seen."""
        rows = await self.database.rows(
            "SELECT n.id, s.board, s.slot, s.name FROM numberings n JOIN streams s ON s.id = n.stream"
            " LEFT JOIN cursors c ON c.pipeline = ? AND c.numbering = n.id"
            " WHERE s.name = ? AND EXISTS (SELECT 1 FROM records r WHERE r.numbering = n.id"
            "   AND r.seq >= coalesce(c.next_seq, 0)) ORDER BY n.id",
            (pipeline, stream),
        )
        return [(row[0], StreamKey(*row[1:])) for row in rows]

    async def records(self, numbering: int, pipeline: str, limit: int = 256) -> list[StoredRecord]:
        """The next records of a numbering that a pipeline has not seen, in order."""
        rows = await self.database.rows(
            'SELECT seq, time_ms, digest, "values", flags FROM records WHERE numbering = ? AND seq >='
            " coalesce((SELECT next_seq FROM cursors WHERE pipeline = ? AND numbering = ?), 0)"
            " ORDER BY seq LIMIT ?",
            (numbering, pipeline, numbering, limit),
        )
        return [_stored_record(row) for row in rows]

    async def predicted(self, pipeline: str, numbering: int, made: Sequence[Prediction]) -> None:
        """Store predictions of one numbering, in order, and with them that its records were seen."""
        rows = [_prediction_row(prediction) for prediction in made]
        insert = (
            "INSERT OR IGNORE INTO predictions"
            ' (pipeline, numbering, seq, time_ms, module, model, "values", withheld)'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )

        async def write(db: aiosqlite.Connection) -> None:
            await db.executemany(insert, rows)
            await db.execute(
                "INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", (pipeline, numbering, made[-1].seq + 1)
            )

        await self.database.write(write)

    async def last_prediction(self) -> int:
        """The id of the newest prediction; 0 without one."""
        [row] = await self.database.rows("SELECT coalesce(max(id), 0) FROM predictions")
        return int(row[0])

    async def predictions_after(self, since: int, board: str | None, limit: int) -> list[Prediction]:
        """Predictions with an id above `since`, oldest first."""
        rows = await self.database.rows(
            _PREDICTIONS + "WHERE p.id > ? AND (? IS NULL OR s.board = ?) ORDER BY p.id LIMIT ?",
            (since, board, board, limit),
        )
        return [_prediction(row) for row in rows]

    async def newest_predictions(self, board: str | None, limit: int) -> list[Prediction]:
        """The newest predictions, oldest of them first."""
        rows = await self.database.rows(
            _PREDICTIONS + "WHERE ? IS NULL OR s.board = ? ORDER BY p.id DESC LIMIT ?", (board, board, limit)
        )
        return [_prediction(row) for row in reversed(rows)]

    async def _run(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        async def write(db: aiosqlite.Connection) -> None:
            await db.executemany(statement, rows)

        await self.database.write(write)


async def _put_source(db: aiosqlite.Connection, numbering: int, key: StreamKey, source: Place) -> None:
    """Have one numbering of a stream of this name, at most, come from a place, and one place a numbering."""
    await db.execute("DELETE FROM sources WHERE numbering = ?", (numbering,))
    await db.execute(
        "DELETE FROM sources WHERE board = ? AND slot = ? AND numbering IN"
        " (SELECT n.id FROM numberings n JOIN streams s ON s.id = n.stream WHERE s.name = ?)",
        (source.board, source.slot, key.stream),
    )
    if source != key.place:
        await db.execute("INSERT INTO sources VALUES (?, ?, ?)", (numbering, source.board, source.slot))


def _numbering(row: Any) -> tuple[StreamKey, Numbering]:
    number, boot_id, next_seq, announced, lost, board, slot, stream, *source = row
    return StreamKey(board, slot, stream), Numbering(
        number, Position(boot_id, next_seq, announced, lost), Place(*source)
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _position_row(position: Position) -> tuple[object, ...]:
    return position.boot_id, position.next_seq, position.announced, position.lost


def _record_row(numbering: int, record: Record) -> tuple[object, ...]:
    values = record.values.astype("<f4").tobytes()
    return numbering, record.seq, record.time_ms, record.digest, values, int(record.flags)


def _stored_record(row: Any) -> StoredRecord:
    seq, time_ms, digest, values, flags = row
    return StoredRecord(seq, time_ms, digest, np.frombuffer(values, "<f4"), flags)


def _prediction_row(made: Prediction) -> tuple[object, ...]:
    values = np.array(made.values, "<f4").tobytes()
    return (
        made.pipeline,
        made.numbering,
        made.seq,
        made.time_ms,
        made.module,
        made.model,
        values,
        made.withheld,
    )


def _prediction(row: Any) -> Prediction:
    identity, pipeline, board, slot, stream, numbering, seq, time_ms, module, model, values, withheld = row
    numbers = tuple(float(value) for value in np.frombuffer(values, "<f4"))
    return Prediction(
        pipeline,
        board,
        slot,
        stream,
        numbering,
        seq,
        time_ms,
        module,
        model,
        numbers,
        withheld,
        identity,
    )
