"""An order to end is obeyed, whatever fails at the same moment."""

from __future__ import annotations

import asyncio

import pytest

from wasmote.cancellation import ends_within, heed_cancellation, together


class _Work:
    """Two tasks: one fails when it is told to, the other tidies up for as long as it is told to."""

    def __init__(self) -> None:
        self.broken, self.tidying, self.tidy = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.went_on = False

    async def run(self) -> None:
        try:
            await together([asyncio.create_task(self._fails()), asyncio.create_task(self._tidies_up())])
        except* OSError:
            pass
        heed_cancellation()
        self.went_on = True

    async def _fails(self) -> None:
        await self.broken.wait()
        raise OSError("the link broke")

    async def _tidies_up(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.tidying.set()
            await self.tidy.wait()


@pytest.mark.parametrize("times", [1, 2])
async def test_a_cancellation_among_faults_is_heeded_when_all_is_tidy(times: int):
    work = _Work()
    task = asyncio.create_task(work.run())
    work.broken.set()
    await work.tidying.wait()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    work.tidy.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_that_nobody_cancelled_goes_on():
    work = _Work()
    work.broken.set()
    work.tidy.set()
    await work.run()
    assert work.went_on


async def test_a_task_of_several_that_is_cancelled_alone_ends_nothing():
    work = _Work()
    alone = asyncio.create_task(asyncio.sleep(60))
    other = asyncio.create_task(work.tidying.wait())
    waiting = asyncio.create_task(together([alone, other]))  # type: ignore[list-item]
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    work.tidying.set()
    await waiting


async def test_a_fault_while_tidying_up_takes_no_cancellation_s_place():
    async def work() -> None:
        try:
            try:
                await asyncio.Event().wait()
            finally:
                raise OSError("the disk is full")
        except OSError:
            heed_cancellation()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_waiting_has_a_bound_in_a_task_that_tidies_up_too():
    ends: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append(await ends_within(0, asyncio.Event().wait()))
            ends.append(await ends_within(60, asyncio.sleep(0)))

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ends == [False, True]


async def test_what_fails_while_it_is_waited_for_is_raised():
    async def fails() -> None:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await ends_within(60, fails())
