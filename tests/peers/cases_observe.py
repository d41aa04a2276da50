"""TD_COAP_OBS: observation (RFC 7641)."""

from __future__ import annotations

import contextlib

from aiocoap import Type

from peers.case import Stage, case
from peers.peer import FORMAT_TEXT, FORMAT_XML, CannotDo, Reply, Watch
from peers.plugtest_site import LARGE
from peers.tap import Datagram

UNTIL_CONFIRMABLE = 40  # changes: our board makes every 32nd notification confirmable
ACK_WAITS_S = (3.0, 6.0, 12.0, 24.0, 48.0)  # ACK_TIMEOUT * ACK_RANDOM_FACTOR * 2^i, RFC 7252 section 4.8


def is_notification(datagram: Datagram) -> bool:
    """Whether it is a notification, no matter how it is sent."""
    return datagram.is_notification


def is_confirmable(datagram: Datagram) -> bool:
    """Whether it is a confirmable notification."""
    return datagram.is_notification and datagram.kind is Type.CON


def is_rejection(datagram: Datagram) -> bool:
    """Whether the client rejects a notification."""
    return datagram.to_server and datagram.kind is Type.RST


async def change_and_see(stage: Stage, watch: Watch, name: str, payload: bytes) -> None:
    """Change a resource; check that the observer is told."""
    await stage.change(name, payload, content_format=FORMAT_TEXT)
    assert await watch.next() == Reply("2.05", payload)


async def begin(stage: Stage, watch: Watch, name: str) -> None:
    """Wait for the registration; check it on the wire."""
    assert (await watch.next()).code == "2.05"
    registration, answer = stage.tap.requests()[0], stage.tap.responses()[0]
    assert registration.message.opt.observe == 0
    assert answer.message.opt.observe is not None
    assert answer.message.token == registration.message.token
    await change_and_see(stage, watch, name, b"first")


async def until_confirmable(stage: Stage, watch: Watch, name: str) -> Datagram:
    """Change the resource until a notification is confirmable; return it."""
    for count in range(UNTIL_CONFIRMABLE):
        if found := stage.tap.find(is_confirmable):
            return found[-1]
        await change_and_see(stage, watch, name, b"change %d" % count)
    raise AssertionError("no notification is confirmable")


def check_order(stage: Stage) -> None:
    """Check that the Observe values grow, and that every notification has the observer's token."""
    numbers = [datagram.message.opt.observe for datagram in stage.tap.find(is_notification)]
    assert numbers == sorted(set(numbers))
    token = stage.tap.requests()[0].message.token
    assert {datagram.message.token for datagram in stage.tap.find(is_notification)} == {token}


@case("OBS_01", "observation, with a confirmable notification")
async def obs_01(stage: Stage) -> None:
    """A confirmable notification is acknowledged."""
    async with stage.client.observe(stage.make("GET", "obs")) as watch:
        await begin(stage, watch, "obs")
        confirmable = await until_confirmable(stage, watch, "obs")
        mid = confirmable.message.mid
        await stage.tap.wait_for(lambda it: it.to_server and it.kind is Type.ACK and it.message.mid == mid)
        check_order(stage)


@case("OBS_02", "observation, registered with a NON")
async def obs_02(stage: Stage) -> None:
    """Registration and notifications that nobody confirms."""
    async with stage.client.observe(stage.make("GET", "obs-non", confirmable=False)) as watch:
        await begin(stage, watch, "obs-non")
        assert stage.tap.requests()[0].kind is Type.NON
        await stage.tap.wait_for(lambda it: is_notification(it) and it.kind is Type.NON)
        check_order(stage)


@case("OBS_04", "Max-Age passes without news: the client registers again")
async def obs_04(stage: Stage) -> None:
    """The server was restarted, and knows nothing of its observers."""
    async with stage.client.observe(stage.make("GET", "obs-max-age")) as watch:
        await begin(stage, watch, "obs-max-age")
        await watch.renews()
        await stage.server.restart()
        assert await watch.next() == Reply("2.05", b"obs-max-age")
        assert [request.message.opt.observe for request in stage.tap.requests()][-1] == 0
        await change_and_see(stage, watch, "obs-max-age", b"after the restart")


@case("OBS_05", "client gone: the server gives it up")
async def obs_05(stage: Stage) -> None:
    """A confirmable notification that nobody acknowledges ends the observation."""
    await stage.server.skip(0.0)
    async with stage.client.observe(stage.make("GET", "obs")) as watch:
        await begin(stage, watch, "obs")
        seen = len(stage.tap.find(is_confirmable))
        stage.tap.lose(lambda datagram: not datagram.to_server, times=100)
        await stage.server.skip(24 * 3600)  # RFC 7641 section 4.5: one a day is confirmable
        for count, wait_s in enumerate(ACK_WAITS_S, 1):
            await stage.tap.wait_for(is_confirmable, seen + count)
            await stage.server.skip(wait_s)
        sent = len(stage.tap.find(is_notification))
        await stage.change("obs", b"nobody is told")
        await stage.server.skip(0.0)
        assert len(stage.tap.find(is_notification)) == sent


@case("OBS_06", "client answers RST")
async def obs_06(stage: Stage) -> None:
    """The observation ends."""
    await stage.prove()
    async with stage.client.observe(stage.make("GET", "obs")) as watch:
        await begin(stage, watch, "obs")
        await watch.forget()
        token = stage.tap.requests()[0].message.token
        while not stage.tap.find(is_rejection):  # only of a confirmable one it must be sent
            payload = b"unwanted %d" % len(stage.tap.responses())
            await stage.change("obs", payload)
            await stage.tap.wait_for(lambda it: is_rejection(it) or it.message.payload == payload)  # noqa: B023
            if stage.tap.find(is_confirmable):
                await stage.tap.wait_for(is_rejection)
        sent = len(stage.tap.find(lambda it: is_notification(it) and it.message.token == token))
        await stage.change("obs", b"not sent")
        await stage.other.ask(stage.make("GET", "obs"))
        assert len(stage.tap.find(lambda it: is_notification(it) and it.message.token == token)) == sent


@case("OBS_07", "DELETE ends the observation")
async def obs_07(stage: Stage) -> None:
    """The observer is told with 4.04."""
    async with stage.client.observe(stage.make("GET", "obs")) as watch:
        await begin(stage, watch, "obs")
        await stage.other.ask(stage.make("DELETE", "obs"))
        last = await stage.tap.wait_for(lambda it: not it.to_server and it.code == "4.04")
        assert last.message.opt.observe is None
        sent = len(stage.tap.responses())
        await stage.change("obs", b"new")
        await stage.other.ask(stage.make("GET", "obs"))
        assert len(stage.tap.responses()) == sent


@case("OBS_08", "a change of the content format ends the observation")
async def obs_08(stage: Stage) -> None:
    """The observer is told with an error (RFC 7641 section 4.2)."""
    async with stage.client.observe(stage.make("GET", "obs")) as watch:
        await begin(stage, watch, "obs")
        await stage.change("obs", b"<text/>", content_format=FORMAT_XML)
        last = await stage.tap.wait_for(lambda it: not it.to_server and it.code in ("4.06", "5.00"))
        assert last.message.opt.observe is None


@case("OBS_09", "update by another client")
async def obs_09(stage: Stage) -> None:
    """Every observer gets the new content, in the same format."""
    async with stage.client.observe(stage.make("GET", "obs")) as watch:
        await begin(stage, watch, "obs")
        await change_and_see(stage, watch, "obs", b"updated")
        first, last = (stage.tap.responses()[at].message for at in (0, -1))
        assert last.payload == b"updated"
        assert last.opt.content_format == first.opt.content_format


@case("OBS_10", "a GET does not cancel the observation")
async def obs_10(stage: Stage) -> None:
    """A plain GET of the same resource with another token is answered, and nothing else."""
    async with stage.client.observe(stage.make("GET", "obs")) as watch:
        await begin(stage, watch, "obs")
        assert (await stage.ask("GET", "obs")).payload == b"first"
        assert stage.tap.requests()[-1].message.opt.observe is None
        await change_and_see(stage, watch, "obs", b"still here")


@case("OBS_11", "lossy: a confirmable notification is lost")
async def obs_11(stage: Stage) -> None:
    """It is sent again."""
    async with stage.client.observe(stage.make("GET", "obs")) as watch:
        await begin(stage, watch, "obs")
        stage.tap.lose(is_confirmable)
        for count in range(UNTIL_CONFIRMABLE):
            payload = b"change %d" % count
            await stage.change("obs", payload)
            sent = await stage.tap.wait_for(lambda it: it.message.payload == payload and not it.to_server)  # noqa: B023
            if sent.lost:
                break
            assert await watch.next() == Reply("2.05", payload)
        with contextlib.suppress(CannotDo):  # then it takes its 2 to 3 s
            await stage.server.skip(ACK_WAITS_S[0])
        assert await watch.next() == Reply("2.05", payload)
        again = stage.tap.find(is_confirmable)[-1]
        assert again.message.payload == payload


@case("OBS_12", "Observe = 1 ends the observation")
async def obs_12(stage: Stage) -> None:
    """The server forgets an observer that says so."""
    async with stage.client.observe(stage.make("GET", "obs")) as watch:
        await begin(stage, watch, "obs")
        await watch.cancel()
        leaving = await stage.tap.wait_for(lambda it: it.is_request and it.message.opt.observe == 1)
        token = leaving.message.token
        assert token == stage.tap.requests()[0].message.token
        await stage.tap.wait_for(
            lambda it: not it.to_server and it.kind is Type.ACK and it.message.mid == leaving.message.mid
        )
        sent = len(stage.tap.find(is_notification))
        await stage.change("obs", b"not sent")
        await stage.other.ask(stage.make("GET", "obs"))
        assert len(stage.tap.find(is_notification)) == sent


async def observe_large(stage: Stage, body: bytes) -> None:
    """Observe /obs-large; change it to `body`; check that the observer has the whole of it."""
    async with stage.client.observe(stage.make("GET", "obs-large")) as watch:
        assert (await watch.next()).payload == LARGE
        await stage.change("obs-large", body, content_format=FORMAT_TEXT)
        assert (await watch.next()).payload == body
        first = stage.tap.find(is_notification)[0].message
        assert first.opt.block2.block_number == 0
        assert first.opt.block2.more
        later = [
            it for it in stage.tap.requests() if it.message.opt.block2 and it.message.opt.block2.block_number
        ]
        assert later[-1].message.opt.observe is None


@case("OBS_13", "a representation of several blocks")
async def obs_13(stage: Stage) -> None:
    """The notification brings the first block, the client fetches the others."""
    await observe_large(stage, LARGE.upper())


@case("OBS_14", "a representation of several blocks that becomes longer")
async def obs_14(stage: Stage) -> None:
    """The number of blocks changes."""
    await observe_large(stage, LARGE.upper() + b"x" * 700)
