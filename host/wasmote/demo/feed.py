"""Feeding the boards of the demo: as fast as their streams are read, never faster than a ring can hold.

The boards keep step, so that a day appears for all of them at about the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from wasmote.demo.acts import EVENT_S
from wasmote.errors import NoAnswer
from wasmote.replay import BATCH_DEFAULT, batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmote.demo.tally import Tally
    from wasmote.node import Node
    from wasmote.wire.samples import Sample

IN_FLIGHT = 48  # feature vectors fed for, but not yet predicted: half of what a ring of 8 KiB holds
BATCHES_MIN = 32  # of the days that count, so that there is time between what happens
STALL_S = 2 * EVENT_S  # without any prediction: a board may wait for its module, and the other for it


async def feed(
    node: Callable[[], Node],
    sensor: str,
    samples: Sequence[Sample],
    tally: Tally,
    fed: Callable[[int], Awaitable[None]],
) -> None:
    """Feed all samples to a module and wait until every feature vector that they give is predicted.

    `node` tells where the module is. `fed` gets the number of samples after each batch, and may hold the next
    one up. Raises NoAnswer when predictions stop coming.
    """
    due = tally.script.due()
    count = 0
    size = min(max(tally.script.days // BATCHES_MIN, 1), BATCH_DEFAULT)
    for batch in batches(samples, size):
        await predicted(tally, due[count + len(batch)] - IN_FLIGHT)
        await node().feed(sensor, batch)
        count += len(batch)
        await fed(count)
    await predicted(tally, due[-1])


async def predicted(tally: Tally, count: int) -> None:
    """Wait until every board has so many predictions. Raises NoAnswer when none comes for STALL_S."""
    while (slowest := tally.slowest()) and tally.count(slowest) < count:
        try:
            async with asyncio.timeout(STALL_S):
                await tally.changed.next().wait()
        except TimeoutError:
            came = f"{tally.count(slowest)} of {count} predictions came"
            raise NoAnswer(
                f"{slowest}: {came}, then none for {STALL_S:.0f} s",
                "the gateway's log says what it is waiting for",
            ) from None
