"""Builds a module anew whenever its files are saved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from wasmote.build.project import SOURCE_SUFFIXES
from wasmote.errors import WasmoteError

if TYPE_CHECKING:
    from watchfiles import Change

    from wasmote.wire.bundle import Bundle

SUFFIXES = (*SOURCE_SUFFIXES, ".h", ".toml")
DEBOUNCE_MS = 300  # editors and formatters write in several steps


def watched_folder(source: Path) -> Path:
    """The folder whose files a module is made of: its source's, with all below it."""
    return source.resolve().parent


async def saves(folder: Path, *, debounce_ms: int = DEBOUNCE_MS) -> AsyncGenerator[object, None]:
    """Yield whenever a file that a module may be made of was written in `folder` or below."""
    from watchfiles import awatch

    async for changed in awatch(folder, watch_filter=_is_source, debounce=debounce_ms):
        yield changed


def _is_source(_: Change, path: str) -> bool:
    return Path(path).suffix in SUFFIXES


async def builds(
    build: Callable[[], Bundle], changes: AsyncIterator[object]
) -> AsyncGenerator[Bundle | WasmoteError, None]:
    """Build now and after every change; yield failures, and bundles that differ from what came before.

    Behind a failure that is also the bundle that was there before it: what was broken is mended.

    `build` runs in a thread, so that the outputs can be followed meanwhile. Before it begins, `changes` is
    asked for the next one: what is saved during a build leads to another.
    """
    last: Bundle | None = None
    while True:
        change = asyncio.create_task(_next(changes), name="waiting for a save")
        try:
            await asyncio.sleep(0)  # it runs up to where it waits
            try:
                bundle = await asyncio.to_thread(build)
            except WasmoteError as fault:
                last = None
                yield fault
            else:
                if bundle != last:
                    yield bundle
                last = bundle
            if await change is None:
                return
        finally:
            change.cancel()
            await asyncio.wait([change])


async def _next(changes: AsyncIterator[object]) -> object:
    return await anext(changes, None)
