"""The gateway's SQLite file: opening it for one gateway alone, and committing in batches.

Every commit costs an SD card a few pages however little it holds, so `Database.write` collects what arrives
within `commit_every_s` from all sessions and pipelines into one transaction. A write is done when its future
is: after the commit. WAL with synchronous=NORMAL keeps every commit when the process dies and may lose the
last ones when the power does; both ways the file is consistent, and a reader goes on from what it holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from wasmote.errors import Busy, WasmoteError

try:
    import aiosqlite
except ImportError as fault:  # pragma: no cover - depends on the environment
    raise WasmoteError(
        "the gateway needs aiosqlite, which is not installed", "pip install 'wasmote[gateway]'"
    ) from fault

BATCH_MAX = 600  # writes in one transaction

Write = Callable[[aiosqlite.Connection], Awaitable[Any]]


class StoreFault(WasmoteError):
    """The database could not be read or written: full disk, failing card, foreign file."""


@dataclass(frozen=True)
class _Job:
    write: Write
    done: asyncio.Future[Any]


class Database:
    """One open database: `write` queues a change, `rows` reads what is committed."""

    def __init__(self, path: Path, schema: str, version: int, commit_every_s: float) -> None:
        self.path = path
        self._schema = schema
        self._version = version
        self._commit_every_s = commit_every_s
        self.fault: StoreFault | None = None  # of the last commit; None when it went well
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._lock = _lock(self.path)
        try:
            self._writer = await self._connect()
            self._reader = await self._connect()
        except BaseException:
            self._lock.close()
            raise
        self._task = asyncio.create_task(self._serve(), name="store writer")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Commit what is queued, then close."""
        self._closing.set()
        self._jobs.put_nowait(None)
        await self._task
        await self._reader.close()
        await self._writer.close()
        self._lock.close()

    def write(self, write: Write) -> asyncio.Future[Any]:
        """Queue a change. The future holds what `write` returned, once it is committed, or StoreFault.

        Changes are made in the order in which they are queued.
        """
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._closing.is_set():
            done.set_exception(StoreFault(f"{self.path} is closed"))
        else:
            self._jobs.put_nowait(_Job(write, done))
        return done

    async def rows(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        """Read committed rows."""
        try:
            return list(await self._reader.execute_fetchall(query, values))
        except sqlite3.Error as fault:
            raise self._fault(fault) from fault

    async def _connect(self) -> aiosqlite.Connection:
        connection = await aiosqlite.connect(self.path, isolation_level=None)
        try:
            await connection.execute("PRAGMA journal_mode=WAL")
            await connection.execute("PRAGMA synchronous=NORMAL")
            await connection.execute("PRAGMA foreign_keys=ON")
            await self._prepare(connection)
        except sqlite3.Error as fault:
            await connection.close()
            hint = "name a `store` that is not somebody else's file, or check the health of the disk"
            raise StoreFault(f"{self.path}: {fault}", hint) from fault
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _prepare(self, connection: aiosqlite.Connection) -> None:
        [row] = await connection.execute_fetchall("PRAGMA user_version")
        if row[0] not in (0, self._version):
            raise StoreFault(
                f"{self.path} is a store of version {row[0]}, this gateway writes version {self._version}",
                "name another file as `store`, or use the gateway version that made it",
            )
        await connection.executescript(self._schema)
        await connection.execute(f"PRAGMA user_version={self._version}")

    async def _serve(self) -> None:
        while (job := await self._jobs.get()) is not None:
            batch = [job, *await self._collect()]
            await self._commit(batch)

    async def _collect(self) -> list[_Job]:
        """What else arrives before this transaction is due."""
        batch: list[_Job] = []
        try:
            async with asyncio.timeout(self._commit_every_s):
                while len(batch) < BATCH_MAX:
                    job = await self._jobs.get()
                    if job is None:
                        self._jobs.put_nowait(None)  # closing: commit now, then let _serve see it
                        break
                    batch.append(job)
        except TimeoutError:
            pass
        return batch

    async def _commit(self, batch: list[_Job]) -> None:
        try:
            await self._writer.execute("BEGIN IMMEDIATE")
            results = [await job.write(self._writer) for job in batch]
            await self._writer.execute("COMMIT")
        except Exception as fault:  # whatever it was, nothing of this batch is stored, and all must know
            await self._roll_back()
            if isinstance(fault, sqlite3.Error):
                self.fault = self._fault(fault)
            for job in batch:
                if not job.done.done():
                    job.done.set_exception(self._fault(fault) if isinstance(fault, sqlite3.Error) else fault)
            return
        self.fault = None
        for job, result in zip(batch, results, strict=True):
            if not job.done.done():
                job.done.set_result(result)

    async def _roll_back(self) -> None:
        """Give the transaction up. Where that fails as well, the next BEGIN says so to the next batch."""
        if self._writer.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                await self._writer.execute("ROLLBACK")

    def _fault(self, fault: sqlite3.Error) -> StoreFault:
        return StoreFault(f"{self.path}: {fault}", "check free space, permissions and the health of the disk")


def _lock(path: Path) -> IO[bytes]:
    """Keep a second gateway away from the same file; the kernel lets go when the process ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()  # a folder, or no permission: SQLite would not say which
        lock = path.with_name(path.name + ".lock").open("ab")
    except OSError as fault:
        raise StoreFault(f"{path}: {fault.strerror}", "name a `store` that can be written") from fault
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        lock.close()
        raise Busy(
            f"another gateway uses {path}", "stop it, or give this one a `store` of its own"
        ) from fault
    return lock
