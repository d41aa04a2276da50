"""Feeding one board of the demo: as fast as its stream is read, never faster than its ring can hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from wasmote.errors import NoAnswer
from wasmote.replay import BATCH_DEFAULT, batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmote.demo.tally import Tally
    from wasmote.node import Node
    from wasmote.wire.samples import Sample

IN_FLIGHT = 48  # feature vectors fed for, but not yet predicted: half of what a ring of 8 KiB holds
STALL_S = 20.0  # without any prediction: something is wrong


async def feed(
    node: Node, board: str, sensor: str, samples: Sequence[Sample], tally: Tally, fed: Callable[[int], None]
) -> None:
    """Feed all samples and wait until every feature vector that they give is predicted.

    `fed` gets the number of samples after each batch. Raises NoAnswer when predictions stop coming.
    """
    due = tally.script.due()
    count = 0
    for batch in batches(samples, BATCH_DEFAULT):
        await predicted(tally, board, due[min(count + len(batch), len(samples))] - IN_FLIGHT)
        await node.feed(sensor, batch)
        count += len(batch)
        fed(count)
    await predicted(tally, board, due[-1])


async def predicted(tally: Tally, board: str, count: int) -> None:
    """Wait until a board has so many predictions. Raises NoAnswer when none comes for STALL_S."""
    while tally.count(board) < count:
        wake = tally.changed.next()
        before = tally.count(board)
        try:
            async with asyncio.timeout(STALL_S):
                while tally.count(board) == before:
                    await wake.wait()
                    wake = tally.changed.next()
        except TimeoutError:
            raise NoAnswer(
                f"{board}: {before} predictions of {count} came, then none for {STALL_S:.0f} s",
                "the gateway's log, beside the plot, says what it is waiting for",
            ) from None
