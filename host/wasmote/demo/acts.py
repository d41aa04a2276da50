"""What one board's module lives through in the demo, while its samples keep coming."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wasmote.demo.tally import DemoFailed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from wasmote.demo.material import Material
    from wasmote.demo.view import View
    from wasmote.gateway.core import Gateway
    from wasmote.gateway.session import BoardSession
    from wasmote.node import Node
    from wasmote.wire.modules import ModuleStatus

SLOT = 0
HOST = "gateway"
CONFIRM_AFTER = 4  # good records of a new module
EVENT_S = 120.0  # for a board to confirm a module, or to roll one back


@dataclass
class Life:
    """What became of a board's module."""

    swapped: ModuleStatus
    rolled_back: str = ""  # why the bad release went
    paused_s: list[float] = field(default_factory=list)  # without events, in each move

    @property
    def swap_gap_ms(self) -> float:
        """How long no module ran in the swap."""
        return (self.swapped.swap_gap_us or 0) / 1000


@dataclass
class Travel:
    """The boards in the order in which their modules move: the gateway has one river, for one of them."""

    order: tuple[str, ...]
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)


class Acts:
    """The swap, the bad release and the moves of one board, each at its day of those that count.

    `fed` is told how many samples went in, and holds the next ones up in between; `node` tells where to.
    """

    def __init__(self, gateway: Gateway, board: str, material: Material, view: View, travel: Travel) -> None:
        days, first = len(material.series) - material.warm_up, material.warm_up
        moves = travel.order.index(board)
        sixteenths = (8, 10, 12 + 2 * moves, 13 + 2 * moves)
        self._swap, self._bad, self._leave, self._return = (first + days * n // 16 for n in sixteenths)
        self._gateway = gateway
        self._board = board
        self._material = material
        self._view = view
        self._travel = travel
        self._place = board
        self._count = 0
        self._life: Life | None = None
        self._script = self._play()

    def node(self) -> Node:
        """The node that the module is on."""
        return self._gateway.nodes[self._place]

    async def fed(self, count: int) -> None:
        """Let happen what is due."""
        self._count = count
        await anext(self._script, None)

    def end(self) -> Life:
        """What became of the module. Raises DemoFailed when not all of it was shown."""
        if self._life is None or len(self._life.paused_s) < 2:
            raise DemoFailed(f"{self._board}: the days were over before the end", "take more --days")
        return self._life

    async def _play(self) -> AsyncGenerator[None, None]:
        """What happens, in order; it yields where samples are to go on coming."""
        while self._count < self._swap:
            yield
        swapping = asyncio.create_task(self._gateway.deploy(self._board, self._material.second))
        while not swapping.done() and self._count < self._bad:
            yield  # beside the swap
        self._tell_swap(await swapping)
        proved = self._count + CONFIRM_AFTER
        while self._count < max(self._bad, proved):
            yield
        await self._until(lambda session: session.slots[SLOT].probation is None)
        await self._gateway.deploy(self._board, self._material.bad)
        yield
        await self._until(lambda session: session.slots[SLOT].failure is not None and session.follows)
        await self._tell_roll_back()
        while self._count < self._leave:
            yield
        async with self._travel.one_at_a_time:
            await self._move(HOST)
            yield
            while self._count < self._return:
                yield
            await self._move(self._board)

    def _tell_swap(self, status: ModuleStatus) -> None:
        self._life = Life(status)
        gap = f"{self._life.swap_gap_ms:.2f} ms of emulated time without a running module"
        self._view.note(f"{self._board}: swapped to {status.version} with its state, {gap}")

    async def _tell_roll_back(self) -> None:
        events = await self._gateway.store.events(100)
        event = next((one for one in reversed(events) if one.place.board == self._board), None)
        status = self._gateway.sessions[self._board].slots[SLOT]
        assert self._life is not None
        if event is None or status.digest != self._material.second.manifest.digest:
            raise DemoFailed(f"{self._board}: the bad release was not rolled back", "see the gateway's log")
        self._life.rolled_back = event.detail
        bad, why = self._material.bad.manifest.version, status.error or event.detail
        self._view.note(f"{self._board}: {bad} failed ({why}); {status.version} is back")

    async def _move(self, place: str) -> None:
        name = self._material.second.manifest.name
        moved = await self._gateway.move(name, self._place, place)
        assert self._life is not None
        self._life.paused_s.append(moved.paused_s)
        self._view.note(f"{self._place} -> {place}: {name} moved, {moved.snapshot_bytes} bytes of state")
        self._place = place

    async def _until(self, holds: Callable[[BoardSession], bool]) -> None:
        session = self._gateway.sessions[self._board]
        try:
            async with asyncio.timeout(EVENT_S):
                while True:
                    waits = [session.looked.next(), session.changed.next()]
                    if holds(session):
                        return
                    tasks = {asyncio.create_task(wait.wait()) for wait in waits}
                    try:
                        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for task in tasks:
                            task.cancel()
        except TimeoutError:
            raise DemoFailed(f"{self._board}: its module did not settle", "see the gateway's log") from None
