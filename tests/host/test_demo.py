"""What the demo says when things do not go as they should."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner

from fake_node import INFO
from wasmote.cli import main
from wasmote.demo import story
from wasmote.demo.story import tell_restarts
from wasmote.errors import NoAnswer
from wasmote.gateway.pulse import Pulse
from wasmote.gateway.session import BoardSession
from wasmote.wire.node import NodeInfo, ResetCause


@dataclass
class Looked:
    """As much of a session as is looked at: what the board said of itself."""

    name: str = "f405"
    info: NodeInfo | None = None
    looked: Pulse = field(default_factory=Pulse)

    def sees(self, info: NodeInfo) -> None:
        self.info = info
        self.looked.beat()


async def test_a_restart_of_a_board_is_named_once() -> None:
    session, notes = Looked(), []
    telling = asyncio.create_task(tell_restarts(cast(BoardSession, session), notes.append))
    again = replace(INFO, boot_id=b"next", reset_cause=ResetCause.WATCHDOG)
    for info in (INFO, INFO, again, again):
        session.sees(info)
        await asyncio.sleep(0)  # its turn
        await asyncio.sleep(0)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    assert notes == ["f405: the board was restarted (watchdog)"]


def test_what_a_failed_run_has_stored_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(material: object, _: object) -> None:
        (tmp_path / "gateway.sqlite").write_bytes(b"rows")
        (tmp_path / "gateway.sqlite-wal").write_bytes(b"more")
        raise NoAnswer("f405: 3 of 9 predictions came")

    monkeypatch.setattr(story, "tell", fails)
    done = CliRunner().invoke(main, ["demo", "--days", "60", "--out", str(tmp_path)])
    assert done.exit_code == NoAnswer.exit_code
    assert "3 of 9 predictions came" in done.output
    [folder] = tmp_path.glob("failed-*")
    assert str(folder / "gateway.sqlite") in done.output
    assert (folder / "gateway.sqlite").read_bytes() == b"rows"
    assert (folder / "gateway.sqlite-wal").read_bytes() == b"more"
