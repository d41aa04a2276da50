"""TD_COAP_CORE: methods, tokens, options, loss (RFC 7252)."""

from __future__ import annotations

from functools import partial

from aiocoap import Type

from peers.case import Stage, case
from peers.peer import FORMAT_TEXT, FORMAT_XML, Reply
from peers.tap import Datagram

LOCATION = ("location1", "location2", "location3")


def answer(stage: Stage) -> Datagram:
    """Return the last response on the wire, after checking that it belongs to the first request."""
    response = stage.tap.responses()[-1]
    assert response.message.token == stage.tap.requests()[0].message.token
    return response


def check_exchange(stage: Stage, *, confirmable: bool) -> None:
    """Check types and message IDs of one request and its response (section 5.2.1, 5.2.3)."""
    request, response = stage.tap.requests()[0], answer(stage)
    assert request.kind is (Type.CON if confirmable else Type.NON)
    if confirmable:
        assert response.kind is Type.ACK
        assert response.message.mid == request.message.mid
    else:
        assert response.kind is Type.NON


async def run_get(stage: Stage, *, confirmable: bool) -> None:
    """GET."""
    reply = await stage.ask("GET", "test", confirmable=confirmable)
    assert reply == Reply("2.05", b"test")
    check_exchange(stage, confirmable=confirmable)
    assert answer(stage).message.opt.content_format in (
        FORMAT_TEXT,
        None,
    )  # None: libcoap's, for what was PUT


async def run_delete(stage: Stage, *, confirmable: bool) -> None:
    """DELETE."""
    assert (await stage.ask("DELETE", "test", confirmable=confirmable)).code == "2.02"
    check_exchange(stage, confirmable=confirmable)
    assert (await stage.other.ask(stage.make("GET", "test"))).code == "4.04"


async def run_put(stage: Stage, *, confirmable: bool) -> None:
    """PUT."""
    reply = await stage.ask(
        "PUT", "test", payload=b"new", content_format=FORMAT_TEXT, confirmable=confirmable
    )
    assert reply.code == "2.04"
    check_exchange(stage, confirmable=confirmable)
    assert (await stage.other.ask(stage.make("GET", "test"))).payload == b"new"


async def run_post(stage: Stage, *, confirmable: bool) -> None:
    """POST."""
    stage.require("location-query")  # who has it has POST
    reply = await stage.ask(
        "POST", "test", payload=b"more", content_format=FORMAT_TEXT, confirmable=confirmable
    )
    assert reply.code in ("2.01", "2.04")
    check_exchange(stage, confirmable=confirmable)


for number, (method, run_method) in enumerate(
    {"GET": run_get, "DELETE": run_delete, "PUT": run_put, "POST": run_post}.items(), 1
):
    case(f"CORE_{number:02}", f"{method}, confirmable")(partial(run_method, confirmable=True))
    case(f"CORE_{number + 4:02}", f"{method}, non-confirmable")(partial(run_method, confirmable=False))


def check_separate(stage: Stage) -> None:
    """Check empty ACK, then a confirmable response with an ACK of its own (section 5.2.2)."""
    request, response = stage.tap.requests()[0], answer(stage)
    empty = next(datagram for datagram in stage.tap.datagrams if not datagram.to_server)
    assert (empty.kind, empty.code, empty.message.mid) == (Type.ACK, "0.00", request.message.mid)
    assert response.kind is Type.CON


def acknowledges(message_id: int, datagram: Datagram) -> bool:
    """Whether it is the client's empty ACK of this message."""
    return datagram.to_server and datagram.kind is Type.ACK and datagram.message.mid == message_id


@case("CORE_09", "GET with a separate response")
async def core_09(stage: Stage) -> None:
    """The response comes in a message of its own and is acknowledged."""
    assert (await stage.ask("GET", "separate")).code == "2.05"
    check_separate(stage)
    await stage.tap.wait_for(partial(acknowledges, answer(stage).message.mid))


@case("CORE_10", "token of eight bytes, piggybacked")
async def core_10(stage: Stage) -> None:
    """The response repeats the token."""
    assert (await stage.ask("GET", "test", token=b"eightlet")).payload == b"test"
    assert len(stage.tap.requests()[0].message.token) == 8
    check_exchange(stage, confirmable=True)


@case("CORE_11", "token, separate response")
async def core_11(stage: Stage) -> None:
    """The separate response repeats the token."""
    assert (await stage.ask("GET", "separate")).code == "2.05"
    assert stage.tap.requests()[0].message.token
    check_separate(stage)


@case("CORE_12", "empty token")
async def core_12(stage: Stage) -> None:
    """A request without a token gets a response without one."""
    assert (await stage.ask("GET", "test", token=b"")).payload == b"test"
    assert answer(stage).message.token == b""


@case("CORE_13", "several Uri-Path options")
async def core_13(stage: Stage) -> None:
    """Each segment is an option."""
    assert (await stage.ask("GET", "seg1/seg2/seg3")).payload == b"seg1/seg2/seg3"
    assert stage.tap.requests()[0].message.opt.uri_path == ("seg1", "seg2", "seg3")


@case("CORE_14", "several Uri-Query options")
async def core_14(stage: Stage) -> None:
    """Each argument is an option."""
    query = ("first=1", "second=2", "third=3")
    reply = await stage.ask("GET", "query", query=query)
    assert reply.payload == b"first=1&second=2&third=3"
    assert stage.tap.requests()[0].message.opt.uri_query == query


@case("CORE_15", "lossy: request and piggybacked response lost once each")
async def core_15(stage: Stage) -> None:
    """The client sends again until the response is there; the server answers the same again."""
    stage.tap.lose(lambda datagram: datagram.is_request)
    stage.tap.lose(lambda datagram: not datagram.to_server)
    assert await stage.ask("GET", "test") == Reply("2.05", b"test")
    requests, responses = stage.tap.requests(), stage.tap.responses()
    assert [request.raw for request in requests] == [requests[0].raw] * 3
    assert responses[1].raw == responses[0].raw


@case("CORE_16", "lossy: separate response lost once")
async def core_16(stage: Stage) -> None:
    """The server sends its response again until it is acknowledged."""
    stage.tap.lose(lambda datagram: not datagram.to_server and datagram.code == "2.05")
    assert (await stage.ask("GET", "separate")).code == "2.05"
    check_separate(stage)
    first, second = stage.tap.responses()[:2]
    assert first.raw == second.raw
    await stage.tap.wait_for(partial(acknowledges, second.message.mid))


@case("CORE_17", "separate response, non-confirmable")
async def core_17(stage: Stage) -> None:
    """No ACK, and later a response."""
    assert (await stage.ask("GET", "separate", confirmable=False)).code == "2.05"
    assert stage.tap.requests()[0].kind is Type.NON
    assert answer(stage).kind is Type.NON
    assert not stage.tap.find(lambda datagram: datagram.code == "0.00")


@case("CORE_18", "POST with Location-Path")
async def core_18(stage: Stage) -> None:
    """What was made is at /location1/location2/location3."""
    stage.require("location-query")  # who has it has POST
    assert (await stage.ask("POST", "test", payload=b"x")).code == "2.01"
    assert answer(stage).message.opt.location_path == LOCATION


@case("CORE_19", "POST with Location-Query")
async def core_19(stage: Stage) -> None:
    """What was made is at /?first=1&second=2."""
    assert (await stage.ask("POST", "location-query", payload=b"x")).code == "2.01"
    assert answer(stage).message.opt.location_query == ("first=1", "second=2")


@case("CORE_20", "Accept")
async def core_20(stage: Stage) -> None:
    """The client gets the format that it wants, or 4.06."""
    assert (await stage.ask("GET", "multi-format", accept=FORMAT_TEXT)).payload == b"text"
    assert stage.tap.responses()[-1].message.opt.content_format == FORMAT_TEXT
    assert (await stage.ask("GET", "multi-format", accept=FORMAT_XML)).payload == b"<text/>"
    assert stage.tap.responses()[-1].message.opt.content_format == FORMAT_XML
    assert (await stage.ask("GET", "multi-format", accept=60)).code == "4.06"


async def read_etag(stage: Stage) -> bytes:
    """GET /validate; return its ETag."""
    assert (await stage.ask("GET", "validate")).code == "2.05"
    etag: bytes | None = stage.tap.responses()[-1].message.opt.etag
    assert etag
    return etag


@case("CORE_21", "ETag: 2.03 while nothing changed")
async def core_21(stage: Stage) -> None:
    """A client that names what it has gets it again only when it changed."""
    etag = await read_etag(stage)
    valid = await stage.ask("GET", "validate", etag=etag)
    assert (valid.code, valid.payload) == ("2.03", b"")
    assert stage.tap.responses()[-1].message.opt.etag == etag
    await stage.change("validate", b"changed")
    assert await stage.ask("GET", "validate", etag=etag) == Reply("2.05", b"changed")
    assert stage.tap.responses()[-1].message.opt.etag != etag


@case("CORE_22", "If-Match")
async def core_22(stage: Stage) -> None:
    """A PUT goes through only while what the client knows still stands."""
    etag = await read_etag(stage)
    assert (await stage.ask("PUT", "validate", payload=b"one", if_match=etag)).code == "2.04"
    etag = await read_etag(stage)
    await stage.change("validate", b"two")
    assert (await stage.ask("PUT", "validate", payload=b"three", if_match=etag)).code == "4.12"
    assert (await stage.other.ask(stage.make("GET", "validate"))).payload == b"two"


@case("CORE_23", "If-None-Match")
async def core_23(stage: Stage) -> None:
    """A PUT makes something, and does not replace it."""
    assert (await stage.ask("PUT", "create1", payload=b"one", if_none_match=True)).code == "2.01"
    assert (await stage.ask("PUT", "create1", payload=b"two", if_none_match=True)).code == "4.12"
    assert (await stage.other.ask(stage.make("GET", "create1"))).payload == b"one"


@case("CORE_31", "ping")
async def core_31(stage: Stage) -> None:
    """An empty confirmable message is answered with RST."""
    await stage.client.ping()
    ping = await stage.tap.wait_for(lambda it: it.to_server and it.kind is Type.CON and it.code == "0.00")
    pong = await stage.tap.wait_for(lambda it: not it.to_server and it.kind is Type.RST)
    assert (pong.raw[:2], pong.message.mid) == (b"\x70\x00", ping.message.mid)
