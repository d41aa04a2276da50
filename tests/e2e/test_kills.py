"""A board killed at any moment of an install runs the old module or the new one, whole, and knows which.

The process is ended by SIGKILL, native or QEMU: what it had in flash is in a file that stays. 200 kills with
WASMOTE_FULL=1, a sample of them without.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiocoap import Code

from hil.rig import RigBoard
from on_board import SANITIZED, bundle, outputs, probe
from wasmote.errors import CoapError, WasmoteError
from wasmote.keys import Key, new_key
from wasmote.node import Node
from wasmote.signing import sign_bundle
from wasmote.sim import Simulator
from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import Control, ModuleState, ModuleStatus

FULL = "WASMOTE_FULL" in os.environ
KILLS = {"native": 140 if FULL else 40, "netduinoplus2": 60 if FULL else 6}
SEED = 1935
PATIENCE_S = 60.0  # for a board to come back; nothing is asserted about how long it takes


def release(sequence: int) -> Bundle:
    made = bundle("counter")
    manifest = replace(made.manifest, sequence=sequence, version=f"1.0.{sequence}", probation=0)
    return Bundle(manifest, made.module)


@dataclass
class Progress:
    """What the board has acknowledged, and what it may have done without our knowing."""

    confirmed: int
    in_doubt: int | None = None  # the release whose confirmation was asked for


async def upgrade(url: str, key: Key, sequence: int, progress: Progress) -> None:
    """Install, activate and confirm a release."""
    async with await Node.connect(url) as node:
        await node.install(0, sign_bundle(release(sequence), key).to_bytes())
        running = (await node.module(0)).state is ModuleState.RUNNING
        await node.control(0, Control.SWAP if running else Control.START)
        progress.in_doubt = sequence
        await node.control(0, Control.CONFIRM)
        progress.confirmed, progress.in_doubt = sequence, None


async def killed_during(upgrading: asyncio.Task[None], simulator: Simulator, after_s: float) -> None:
    """Cut the power `after_s` into the upgrade, or behind its end, and switch it on again."""
    await asyncio.wait({upgrading}, timeout=after_s)
    await simulator.kill()
    upgrading.cancel()
    with contextlib.suppress(asyncio.CancelledError, WasmoteError):
        await upgrading
    await simulator.restart()


def check(status: ModuleStatus, progress: Progress) -> None:
    """One of the releases that may run does, and it is not on probation: the other was rolled back."""
    assert status.state is ModuleState.RUNNING
    assert status.sequence is not None
    assert status.sequence in {progress.confirmed, progress.in_doubt} - {None}
    assert status.version == f"1.0.{status.sequence}"
    assert status.digest == bundle("counter").manifest.digest
    assert status.probation is None
    progress.confirmed, progress.in_doubt = status.sequence, None


async def check_board(url: str, key: Key, progress: Progress) -> None:
    async with asyncio.timeout(PATIENCE_S), await Node.connect(url) as node:
        check(await node.module(0), progress)
        await node.feed("probe", probe(1.0, 2.0))
        assert await outputs(node, "count") == [1.0, 2.0]
        if progress.confirmed > 1:
            with pytest.raises(CoapError) as caught:
                await node.install(0, sign_bundle(release(progress.confirmed - 1), key).to_bytes())
            assert caught.value.code is Code.FORBIDDEN
        assert not (await node.info()).development


async def test_kills_at_any_moment_of_an_upgrade(
    place: str | RigBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(place, RigBoard):
        pytest.skip("a rig cannot switch the power of its boards")
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path))
    moments = random.Random(SEED)
    key = new_key("release")
    progress = Progress(confirmed=0)
    image = SANITIZED if place == "native" else None
    async with await Simulator.start(place, image=image, keys=(key.public,)) as simulator:
        await upgrade(simulator.url, key, 1, progress)
        began = time.monotonic()
        await upgrade(simulator.url, key, 2, progress)
        usual_s = time.monotonic() - began
        for sequence in range(3, 3 + KILLS[place]):
            upgrading = asyncio.create_task(upgrade(simulator.url, key, sequence, progress))
            await killed_during(upgrading, simulator, moments.random() * usual_s)
            await check_board(simulator.url, key, progress)
