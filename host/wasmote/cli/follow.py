"""The output streams of a slot, followed and printed."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import note, print_json, tell_waiting
from wasmote.errors import LinkDown, WasmoteError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from wasmote.node import Node
    from wasmote.wire.records import Record


async def follow(
    node: Node, slot: int, streams: Mapping[str, int]
) -> AsyncGenerator[tuple[str, Record], None]:
    """Yield (stream, record) of several streams, each from a number on, as they come.

    There are no gaps as long as the ring holds the records.
    """
    queue: asyncio.Queue[tuple[str, Record] | WasmoteError] = asyncio.Queue()

    async def pump(stream: str, first: int) -> None:
        try:
            async for record in _records(node, slot, stream, first):
                queue.put_nowait((stream, record))
        except WasmoteError as fault:
            queue.put_nowait(fault)

    pumps = [asyncio.create_task(pump(*one), name=f"following {one[0]}") for one in streams.items()]
    try:
        while True:
            item = await queue.get()
            if isinstance(item, WasmoteError):
                raise item
            yield item
    finally:
        for task in pumps:
            task.cancel()
        await asyncio.wait(pumps)


async def _records(node: Node, slot: int, stream: str, first: int) -> AsyncIterator[Record]:
    """Yield every record from number `first` on; what notifications skip is fetched, what is lost is told.

    After a restart of the node its numbers begin anew: then from its newest record on.
    """
    boot_id, last = b"", first - 1
    while True:
        try:
            async with aclosing(node.watch(slot, stream)) as watched:
                async for notification in watched:
                    restarted = notification.boot_id != boot_id if boot_id else notification.next_seq <= last
                    if restarted:
                        last = notification.next_seq - 1 - len(notification.records)
                    boot_id = notification.boot_id
                    async for record in _since(node, slot, stream, last, notification.next_seq):
                        yield record
                        last = record.seq
        except LinkDown as fault:
            tell_waiting(fault)
            await node.wait_up()


async def _since(node: Node, slot: int, stream: str, last: int, end: int) -> AsyncIterator[Record]:
    while last + 1 < end:
        answer = await node.records(slot, stream, last if last >= 0 else None)
        if answer.lost:
            note(f"{stream}: {answer.lost} records lost")
        if not answer.records:
            return
        for record in answer.records:
            yield record
        last = answer.records[-1].seq


def print_record(stream: str, record: Record, as_json: bool) -> None:
    """Print a record as one line: its stream, number, time and values."""
    from wasmote.cli.render import plain

    if as_json:
        print_json({"event": "record", "stream": stream, **plain(record)})
        return
    values = " ".join(f"{value:g}" for value in record.values)
    flags = f" [{record.flags.name}]" if record.flags else ""
    click.echo(f"{stream} {record.seq} {_time(record.time_ms)}  {values}{flags}")


def _time(time_ms: int) -> str:
    from datetime import UTC, datetime, timedelta

    if -60_000 < time_ms < 366 * 86_400_000:  # the node's clock was not set: ms since its start
        return f"+{time_ms / 1000:.3f}s"
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    except OverflowError:
        return f"{time_ms} ms"  # not of the years 1 to 9999
    return moment.isoformat(timespec="seconds")
