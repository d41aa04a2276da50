"""A node that takes no events from outside is told before anything is installed on it."""

from __future__ import annotations

import dataclasses

import pytest

from fake_node import FakeNode
from served import no_leaked_tasks, served
from wasmote.build import build_bundle
from wasmote.errors import UsageFault
from wasmote.recording import Recording
from wasmote.reproduce import reproduce
from wasmote.sim import ROOT

__all__ = ["no_leaked_tasks"]  # a fixture that every test here gets


async def test_a_board_without_injection_is_no_target() -> None:
    fake = FakeNode()
    fake.info = dataclasses.replace(fake.info, injection=False)
    nothing = Recording(build_bundle(ROOT / "tests/modules/asks.toml"), b"", (), {}, "fake")
    async with served(fake) as (_, node):
        with pytest.raises(UsageFault, match="a fake does not let events be injected"):
            await reproduce(nothing, node)
    assert not fake.bundles
