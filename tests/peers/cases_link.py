"""TD_COAP_LINK: /.well-known/core and its filters (RFC 6690)."""

from __future__ import annotations

import re

from peers.case import Stage, case
from peers.peer import FORMAT_LINK

CORE = ".well-known/core"


async def discover(stage: Stage, *query: str) -> set[str]:
    """Return the paths that /.well-known/core lists for a query."""
    reply = await stage.ask("GET", CORE, query=query)
    assert reply.code == "2.05"
    first = stage.tap.responses()[0].message
    assert first.opt.content_format == FORMAT_LINK or not reply.payload
    return set(re.findall(r"<([^>]*)>", reply.payload.decode()))


@case("LINK_01", "discovery")
async def link_01(stage: Stage) -> None:
    """The list holds what is there."""
    assert {"/test", "/obs", "/large-update"} <= await discover(stage)


@case("LINK_02", "filter by rt")
async def link_02(stage: Stage) -> None:
    """Only what has this resource type."""
    stage.require("link1")
    assert await discover(stage, "rt=Type1") == {"/link1", "/link3"}


@case("LINK_03", "filter by an empty prefix")
async def link_03(stage: Stage) -> None:
    """Everything that has a resource type."""
    stage.require("link1")
    assert await discover(stage, "rt=*") == {"/link1", "/link2", "/link3"}


@case("LINK_04", "filter by one of several rt")
async def link_04(stage: Stage) -> None:
    """A type that stands second in one list and first in another."""
    stage.require("link1")
    assert await discover(stage, "rt=Type2") == {"/link1", "/link2"}


@case("LINK_05", "filter by if")
async def link_05(stage: Stage) -> None:
    """Interface descriptions that begin with these letters."""
    stage.require("link1")
    assert await discover(stage, "if=If*") == {"/link1", "/link2"}


@case("LINK_06", "filter by sz")
async def link_06(stage: Stage) -> None:
    """What tells its size."""
    stage.require("link1")
    assert await discover(stage, "sz=*") == {"/large"}


@case("LINK_07", "filter by href")
async def link_07(stage: Stage) -> None:
    """One path."""
    assert await discover(stage, "href=/test") == {"/test"}


@case("LINK_08", "filter by a prefix of href")
async def link_08(stage: Stage) -> None:
    """Paths that begin with these letters."""
    assert await discover(stage, "href=/obs*") >= {"/obs", "/obs-non", "/obs-large"}


@case("LINK_09", "hierarchy")
async def link_09(stage: Stage) -> None:
    """From a list to a list to a resource."""
    stage.require("path")
    assert "/path" in await discover(stage, "ct=40")
    below = await stage.ask("GET", "path", accept=FORMAT_LINK)
    assert re.findall(r"<([^>]*)>", below.payload.decode()) == ["/path/sub1", "/path/sub2", "/path/sub3"]
    assert (await stage.ask("GET", "path/sub1")).payload == b"path/sub1"
