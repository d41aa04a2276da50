"""The log of a host node: what became of its modules, and what they say."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

from wasmote.build import build_bundle
from wasmote.node import Node
from wasmote.runtime.log import HostLog
from wasmote.runtime.server import serve
from wasmote.wire.log import LogLevel, LogLine
from wasmote.wire.modules import Control
from wasmote.wire.samples import Sample

MODULES = Path(__file__).parents[1] / "modules"
GOOD, PICKY = (build_bundle(MODULES / f"sums_v{version}.toml") for version in (1, 2))
SPEAKER = """#include <wasmote.h>
WASMOTE_BUFFER(16)
void on_start(void) { wasmote_log(1, WASMOTE_TEXT("here")); }
"""


async def lines(node: Node, since: str = "none") -> list[LogLine]:
    reply = await node.request("GET", f"/log?since={since}")
    return LogLine.list_from_cbor(reply.payload, "/log")


async def test_it_tells_what_became_of_a_module() -> None:
    async with serve() as (_, link), await Node.connect(link) as node:
        for operation, bundle in ((Control.START, GOOD), (Control.SWAP, PICKY)):
            await node.install(0, bundle.to_bytes())
            await node.control(0, operation)
            if operation is Control.START:
                await node.control(0, Control.CONFIRM)
        await node.feed("probe", [Sample(1000, (-5.0,))])
        await node.control(0, Control.STOP)
        found = await lines(node)
        assert [(line.seq, line.level, line.slot) for line in found] == [
            (0, LogLevel.INFO, 0),
            (1, LogLevel.INFO, 0),
            (2, LogLevel.INFO, 0),
            (3, LogLevel.ERROR, 0),
            (4, LogLevel.WARNING, 0),
            (5, LogLevel.INFO, 0),
            (6, LogLevel.INFO, 0),
        ]
        said = [line.text for line in found]
        assert "unreachable" in said.pop(3)
        assert said == [
            "running sums 1.0.0",
            "confirmed sums 1.0.0",
            "running sums 2.0.0",
            "back to sums 1.0.0",
            "running sums 1.0.0",
            "stopped",
        ]
        assert await lines(node, "5") == found[6:]


async def test_whoever_observes_it_gets_what_a_module_says(tmp_path: Path) -> None:
    (tmp_path / "speaker.c").write_text(SPEAKER)
    project = tmp_path / "speaker.toml"
    project.write_text(
        'name = "speaker"\nversion = "1"\nsequence = 1\nsource = "speaker.c"\ncapabilities = ["log"]\n'
    )
    async with serve() as (_, link), await Node.connect(link) as node:
        async with aclosing(node.observe("/log")) as changes:
            assert LogLine.list_from_cbor((await anext(changes)).payload, "/log") == []
            await node.install(1, build_bundle(project).to_bytes())
            await node.control(1, Control.START)
            await anext(changes)
        said = [(line.level, line.slot, line.text) for line in await lines(node)]
        assert said == [(LogLevel.WARNING, 1, "here"), (LogLevel.INFO, 1, "running speaker 1")]


def test_a_line_has_120_bytes_at_most_and_a_level_that_there_is() -> None:
    grown: list[None] = []
    log = HostLog(lambda: 7, lambda: grown.append(None))
    log.add(1, 9, "ä" * 100)
    assert list(log.lines) == [LogLine(0, 7, LogLevel.INFO, 1, "ä" * 60)]
    assert len(grown) == 1
