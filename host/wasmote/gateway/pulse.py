"""Waking tasks: a pulse for "something was stored", and a clock that a test can turn by hand."""

from __future__ import annotations

import asyncio


class Pulse:
    """Wakes everyone who waits. Take `next()` *before* looking for work, await it when there is none."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def beat(self) -> None:
        """Wake all who hold the current event."""
        self._event.set()
        self._event = asyncio.Event()

    def next(self) -> asyncio.Event:
        """The event that the next beat sets."""
        return self._event


class Clock:
    """The passing of time, as far as the gateway waits for it."""

    async def sleep(self, seconds: float) -> None:
        """Return when so much time has passed."""
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for an event, at most so long; return whether it was set."""
        if event.is_set():
            return True
        waits = {asyncio.create_task(event.wait()), asyncio.create_task(self.sleep(seconds))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel(*waits)
        return event.is_set()


async def cancel(*tasks: asyncio.Task[object]) -> None:
    """Cancel tasks and wait until they have ended; what they raise is theirs."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
