"""What has to be done so that a slot runs the module it should run: decided without input or output."""

from __future__ import annotations

import asyncio
import enum
from typing import TYPE_CHECKING

from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import Control, ModuleState

if TYPE_CHECKING:
    from wasmote.gateway.config import ModuleSettings
    from wasmote.wire.modules import ModuleStatus


class Action(enum.Enum):
    """What a slot needs."""

    LEAVE = "leave it as it is"
    LEAVE_NEWER = "leave the newer release that is there"
    LEAVE_STOPPED = "leave it stopped, as somebody or the node decided"
    LEAVE_FAILED = "leave what is there: the node has taken the wanted module out of service"
    LEAVE_MOVED = "leave it empty: its module moved, and runs elsewhere"
    INSTALL = "install, then start or swap"


_IN_SERVICE = (ModuleState.RUNNING, ModuleState.PAUSED)


def plan(status: ModuleStatus, bundle: Bundle, *, changed: bool = False, moved: bool = False) -> Action:
    """Compare a slot with the module it should run.

    `changed`: it was given another one since; `moved`: that module runs elsewhere now.

    A release with a higher sequence number stays: someone pushed it on purpose. With the same number but
    other bytes it is a rebuild, and ours is the one that was configured. One that is paused is being moved.
    A node starts by itself what should run: what is stopped there was stopped on purpose, moved away, or has
    used up its tries. What it rolled back is not sent again until the deployment has changed, or it would be
    rolled back again. One that is there without our signature is sent once more: a node with keys would not
    start it after a reset.
    """
    wanted = bundle.manifest
    if _lacks_signature(status, bundle):
        return Action.INSTALL
    if status.name == wanted.name and status.digest is not None:
        newer = (status.sequence or 0) > wanted.sequence
        if newer or status.digest == wanted.digest:
            if status.state not in _IN_SERVICE and status.restart_in_ms is None:
                return Action.LEAVE_STOPPED
            return Action.LEAVE_NEWER if newer else Action.LEAVE
    if not changed and status.out_of_service(wanted.digest):
        return Action.LEAVE_FAILED
    return Action.LEAVE_MOVED if moved else Action.INSTALL


def _lacks_signature(status: ModuleStatus, bundle: Bundle) -> bool:
    if bundle.signer in (None, status.signer) or status.digest != bundle.manifest.digest:
        return False
    if status.state is ModuleState.RUNNING:
        return status.failure is None or not status.failure.is_of(bundle.manifest.digest)
    return status.state is ModuleState.QUARANTINED


def is_candidate(status: ModuleStatus, bundle: Bundle) -> bool:
    """Whether the bundle was installed already and waits for its start or swap."""
    there = status.candidate
    return there is not None and (there.digest, there.signer) == (bundle.manifest.digest, bundle.signer)


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
