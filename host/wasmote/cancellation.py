"""Keeps an order to end from getting lost among the faults that it meets on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection


def heed_cancellation() -> None:
    """Raise CancelledError where the current task was cancelled, and what it did to tidy up raised a fault.

    Call it where a fault was caught and work is to go on.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def together(tasks: Collection[asyncio.Task[None]]) -> None:
    """Wait until all tasks have ended or one has failed, then cancel the rest and wait for them.

    Raises the faults as an ExceptionGroup, like asyncio.TaskGroup, which serves for what may end with the
    first fault. It does not for work that is taken up again: in Python 3.11 a group that has failed drops the
    cancellation that reaches its task meanwhile, and where nobody has cancelled the task it leaves a count in
    `cancelling()` as if somebody had (https://github.com/python/cpython/issues/116720).
    """
    order: asyncio.CancelledError | None = None
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    except asyncio.CancelledError as cancelled:
        order = cancelled
    for task in tasks:
        task.cancel()
    while running := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError as cancelled:
            order = cancelled
    if order is not None:
        raise order
    faults = [fault for task in tasks if not task.cancelled() and (fault := task.exception())]
    if faults:
        raise BaseExceptionGroup("what ran together has failed", faults)


async def ends_within(seconds: float, work: Awaitable[object]) -> bool:
    """Wait for something that ends by itself, at most so long; return whether it has ended.

    For tidying up: in a task that was cancelled, asyncio.timeout of the first releases of Python 3.11 raises
    CancelledError when the time is over, and asyncio.wait_for of all of them may drop a cancellation.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            task.result()
        return task.done()
    finally:
        task.cancel()
