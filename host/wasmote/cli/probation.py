"""New modules on probation: what is said of them, and how `run` and `watch` see them through it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiocoap import Code

from wasmote.cli.common import note
from wasmote.errors import CoapError, LinkDown, WasmoteError
from wasmote.life import refused_text
from wasmote.wire.modules import Control, Failure, ModuleState

if TYPE_CHECKING:
    from wasmote.evidence import Evidence
    from wasmote.node import Node
    from wasmote.wire.modules import ModuleStatus
    from wasmote.wire.records import Record

LOOK_EVERY_S = 1.0  # a node does not tell by itself that it has rolled a module back


class RolledBack(WasmoteError):
    """The new module was taken out of service again."""


def rolled_back(title: str, status: ModuleStatus, failure: Failure) -> RolledBack:
    """The error of a module that was pushed and is gone again."""
    error = f": {status.error}" if status.error else ""
    instead = f"{status.name} {status.version} runs again" if status.name else "nothing runs"
    return RolledBack(
        f"{title} was rolled back, {failure.cause.text}{error}",
        f"slot {status.slot}: {instead}; `wasmote monitor` shows the board's log",
    )


async def say_mode(node: Node) -> None:
    """Say of a board without a key that it takes modules from everybody."""
    info = await node.info()
    if info.development:
        note(f"{node.url}: {info.mode}")


class Trial:
    """The probation of a module that was just started, of which `status` was said then.

    `evidence` tells its records from those of a former life, and of other modules.

    With `confirm` it ends with the first record that the module emits, else when the node ends it.
    """

    def __init__(self, node: Node, status: ModuleStatus, evidence: Evidence, *, confirm: bool) -> None:
        assert status.digest is not None  # it runs
        self._node = node
        self._slot = status.slot
        self._digest = status.digest
        self._evidence = evidence
        self._title = f"{status.name} {status.version}"
        self._confirm = confirm
        self._emitted = asyncio.Event()
        self._pending = status.probation is not None

    @property
    def proved(self) -> bool:
        """Whether nothing but to confirm it is left to do."""
        return self._pending and self._confirm and self._emitted.is_set()

    def saw(self, stream: str, record: Record) -> None:
        """Take note of a record."""
        if self._evidence.holds(stream, record):
            self._emitted.set()

    async def run(self) -> None:
        """See it through. Raises RolledBack, or WasmoteError when it stopped for good."""
        while self._pending:
            try:
                await self._look()
            except LinkDown:
                await self._node.wait_up()
            if self._pending:
                await self._wait()

    async def _wait(self) -> None:
        """Until it is time to look again: sooner when it has proved itself."""
        if not self._confirm:
            await asyncio.sleep(LOOK_EVERY_S)
            return
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._emitted.wait()
        except TimeoutError:
            return

    async def _look(self) -> None:
        status = await self._node.module(self._slot)
        if self.proved and status.digest == self._digest and self._is_kept(status):
            await self._end()
            status = await self._node.module(self._slot)
        if failure := status.out_of_service(self._digest):
            raise rolled_back(self._title, status, failure)
        if status.state is ModuleState.TRAPPED and status.restart_in_ms is None:
            raise WasmoteError(f"{self._title} stopped: {status.error or 'no reason given'}")
        if status.digest == self._digest and status.probation is None:
            note(f"slot {self._slot}: {self._title} is confirmed")
        self._pending = status.digest == self._digest and status.probation is not None

    def _is_kept(self, status: ModuleStatus) -> bool:
        """Whether what the module does is what its manifest says; if not, it is not confirmed from here."""
        if status.refused:
            self._confirm = False
            note(f"slot {self._slot}: {self._title} is not confirmed: {refused_text(status.refused)}")
            return False
        return True

    async def _end(self) -> None:
        try:
            await self._node.control(self._slot, Control.CONFIRM)
        except CoapError as fault:
            if fault.code is not Code.CONFLICT:
                raise
            # not on probation any more: the status tells why
