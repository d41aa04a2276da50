"""What has to be done so that a slot runs the module it should run: decided without input or output."""

from __future__ import annotations

import asyncio
import enum
from typing import TYPE_CHECKING

from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import Control, ModuleState

if TYPE_CHECKING:
    from wasmote.gateway.config import ModuleSettings
    from wasmote.wire.manifest import Manifest
    from wasmote.wire.modules import ModuleStatus


class Action(enum.Enum):
    """What a slot needs."""

    LEAVE = "leave it as it is"
    LEAVE_NEWER = "leave the newer release that is there"
    START = "start the module that is there"
    INSTALL = "install, then start or swap"


def plan(status: ModuleStatus, wanted: Manifest) -> Action:
    """Compare a slot with the module it should run.

    A release with a higher sequence number stays: someone pushed it on purpose. With the same number but
    other bytes it is a rebuild, and ours is the one that was configured. One that is paused is being moved.
    """
    if status.name == wanted.name and status.digest is not None:
        if (status.sequence or 0) > wanted.sequence:
            return Action.LEAVE_NEWER if status.state is ModuleState.RUNNING else Action.START
        if status.digest == wanted.digest:
            return Action.LEAVE if status.state in (ModuleState.RUNNING, ModuleState.PAUSED) else Action.START
    return Action.INSTALL


def is_candidate(status: ModuleStatus, wanted: Manifest) -> bool:
    """Whether the module was installed already and waits for its start or swap."""
    return status.candidate is not None and status.candidate.digest == wanted.digest


def activation(status: ModuleStatus) -> Control:
    """How a candidate becomes what runs: in place of a running module, or in an idle slot."""
    return Control.SWAP if status.state is ModuleState.RUNNING else Control.START


async def load_bundle(settings: ModuleSettings) -> Bundle:
    """Read a bundle file, or build a project. Raises what reading, checking or building it finds wrong."""
    if settings.project is not None:
        from wasmote.build import build_bundle

        return await asyncio.to_thread(build_bundle, settings.project)
    assert settings.bundle is not None  # ModuleSettings has one of the two
    return await asyncio.to_thread(Bundle.from_file, settings.bundle)
