"""Signed modules: a board with keys takes what they signed, and refuses all else with its reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from aiocoap import Code
from click.testing import CliRunner

from hil.rig import RigBoard
from on_board import SANITIZED, bundle, outputs, probe, run_module
from wasmote.cli import main
from wasmote.devices import Device
from wasmote.errors import CoapError
from wasmote.keys import Key, new_key
from wasmote.node import Node
from wasmote.signing import sign_bundle, sign_change
from wasmote.sim import Simulator
from wasmote.wire.bundle import Bundle
from wasmote.wire.keys import KeyChange
from wasmote.wire.modules import Control, ModuleState


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv("WASMOTE_KEY", raising=False)
    return tmp_path


@pytest.fixture
def ours() -> Key:
    return new_key("ours")


@pytest_asyncio.fixture
async def locked(emulated: Simulator | None, node: Node, ours: Key) -> AsyncIterator[Node]:
    """A node that trusts one key."""
    if emulated is None:
        pytest.skip("a board of a rig would keep the key")
    await node.change_keys(KeyChange(1, 0, ours.public))
    yield node


def release(name: str, sequence: int, device_class: str = "any") -> Bundle:
    made = bundle(name)
    return Bundle(replace(made.manifest, sequence=sequence, device_class=device_class), made.module)


async def refused(node: Node, content: bytes) -> str:
    with pytest.raises(CoapError) as caught:
        await node.install(0, content)
    assert caught.value.code is Code.FORBIDDEN
    assert caught.value.diagnostic
    return caught.value.diagnostic


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.cores
async def test_what_is_signed_runs(locked: Node, ours: Key) -> None:
    info = await locked.info()
    assert not info.development
    assert info.key_ids == (ours.id,)
    assert ours.id.hex() in info.mode
    await locked.install(0, sign_bundle(bundle("counter"), ours).to_bytes())
    await locked.control(0, Control.START)
    await locked.feed("probe", probe(1.0, 2.0))
    assert await outputs(locked, "count") == [1.0, 2.0]


async def test_the_rest_is_refused_and_the_running_module_goes_on(locked: Node, ours: Key) -> None:
    good = sign_bundle(release("counter", 5), ours).to_bytes()
    other = new_key("other")
    await locked.install(0, good)
    await locked.control(0, Control.START)
    await locked.control(0, Control.CONFIRM)
    assert "is not signed" in await refused(locked, bundle("counter").to_bytes())
    said = await refused(locked, sign_bundle(bundle("counter"), other).to_bytes())
    assert f"signed with key {other.id.hex()}, which this node does not trust" in said
    said = await refused(locked, sign_bundle(release("counter", 4), ours).to_bytes())
    assert "sequence number 4 is older than 5" in said
    elsewhere = sign_bundle(release("counter", 5, "cortex-m99"), ours).to_bytes()
    assert "made for device class cortex-m99" in await refused(locked, elsewhere)
    envelope = len(good) - len(bundle("counter").module)
    for bit in (*range(8 * 60, 8 * envelope, 997), *range(8 * envelope, 8 * min(1024, len(good)), 1013)):
        await refused(locked, flipped(good, bit))
    for length in (1, envelope - 3, envelope, len(good) - 1):
        await refused(locked, good[:length])
    await locked.feed("probe", probe(1.0))
    assert (await locked.module(0)).state is ModuleState.RUNNING
    assert await outputs(locked, "count") == [1.0]


async def test_a_newer_release_swaps_and_the_older_does_not_come_back(locked: Node, ours: Key) -> None:
    older, newer = (sign_bundle(release("counter", sequence), ours).to_bytes() for sequence in (1, 2))
    await locked.install(0, older)
    await locked.control(0, Control.START)
    await locked.install(0, newer)
    await locked.control(0, Control.SWAP)
    await locked.install(0, older)  # no release has been left behind: 2 is not confirmed
    await locked.control(0, Control.CONFIRM)
    assert "older than 2" in await refused(locked, older)
    await locked.install(0, newer)  # the same again


async def test_what_was_let_pass_before_there_was_a_key_does_not_start(
    emulated: Simulator | None, node: Node, ours: Key
) -> None:
    if emulated is None:
        pytest.skip("a board of a rig would keep the key")
    await node.install(0, bundle("counter").to_bytes())
    await node.change_keys(KeyChange(1, 0, ours.public))
    status = await node.module(0)
    assert status.candidate is None
    assert status.error is not None
    assert "is not signed" in status.error
    with pytest.raises(CoapError, match=r"4\.09"):
        await node.control(0, Control.START)


async def test_keys_are_rotated(locked: Node, ours: Key) -> None:
    successor = new_key("successor")
    put = KeyChange(2, 1, successor.public)
    for change in (put, sign_change(put, successor)):  # not signed; signed by who is not trusted yet
        with pytest.raises(CoapError) as caught:
            await locked.change_keys(change)
        assert caught.value.code is Code.FORBIDDEN
    await locked.change_keys(sign_change(put, ours))
    await locked.change_keys(sign_change(KeyChange(3, 0, None), successor))
    trusted = await locked.trusted_keys()
    assert trusted.places == (None, successor.public, None, None)
    assert trusted.sequence == 3
    await refused(locked, sign_bundle(bundle("counter"), ours).to_bytes())
    await locked.install(0, sign_bundle(bundle("counter"), successor).to_bytes())
    for replay in (sign_change(put, ours), sign_change(KeyChange(3, 0, ours.public), successor)):
        with pytest.raises(CoapError) as caught:
            await locked.change_keys(replay)
        assert caught.value.code is Code.FORBIDDEN
    with pytest.raises(CoapError) as caught:
        await locked.change_keys(sign_change(KeyChange(4, 1, None), successor))
    assert caught.value.code is Code.CONFLICT


async def test_keys_and_their_number_outlive_a_power_cut(
    simulator: Simulator, locked: Node, ours: Key, board: str
) -> None:
    successor = new_key("successor")
    put = sign_change(KeyChange(2, 1, successor.public), ours)
    await locked.change_keys(put)
    await locked.change_keys(sign_change(KeyChange(3, 1, None), ours))
    await locked.close()
    await simulator.kill()
    await simulator.restart()
    async with await Node.connect(simulator.url) as node:
        assert not (await node.info()).development
        trusted = await node.trusted_keys()
        assert trusted.places == (ours.public, None, None, None)
        assert trusted.sequence == 3
        assert "is not signed" in await refused(node, bundle("counter").to_bytes())
        with pytest.raises(CoapError) as caught:
            await node.change_keys(put)  # recorded before the cut
        assert caught.value.code is Code.FORBIDDEN
        await node.change_keys(sign_change(KeyChange(4, 1, successor.public), ours))


@pytest.mark.cores
async def test_a_board_that_is_flashed_with_keys_is_never_in_development_mode(
    place: str | RigBoard, ours: Key
) -> None:
    if isinstance(place, RigBoard):
        pytest.skip("a board of a rig would keep the keys")
    other = new_key("other")
    image = SANITIZED if place == "native" else None
    async with await Simulator.start(place, image=image, keys=(ours.public, other.public)) as simulator:
        async with await Node.connect(simulator.url) as node:
            assert (await node.info()).key_ids == (ours.id, other.id)
            assert "is not signed" in await refused(node, bundle("counter").to_bytes())
            await node.install(0, sign_bundle(bundle("counter"), other).to_bytes())
            await node.change_keys(sign_change(KeyChange(1, 1, None), ours))
        await simulator.kill()
        await simulator.restart()
        async with await Node.connect(simulator.url) as node:
            assert (await node.info()).key_ids == (ours.id,)
            assert "does not trust" in await refused(node, sign_bundle(bundle("counter"), other).to_bytes())


async def test_what_ran_unsigned_is_sent_once_more_with_a_signature(
    simulator: Simulator, node: Node, ours: Key, folder: Path
) -> None:
    path = folder / "counter.bundle"
    path.write_bytes(bundle("counter").to_bytes())
    await run_module(node, "counter")
    await node.control(0, Control.CONFIRM)
    assert (await node.module(0)).signer is None
    await node.close()
    said = (await run("keys", "trust", "ours", "--link", simulator.url))[1]
    assert "slot 0: no key that the board trusts has signed counter 1.0.0" in said
    assert "runs already" in (await run("push", str(path), "--link", simulator.url))[1]
    said = (await run("push", str(path), "--key", "ours", "--link", simulator.url))[1]
    assert "slot 0: swapped to counter 1.0.0" in said
    assert (await run("confirm", "--link", simulator.url))[0] == 0
    assert "runs already" in (await run("push", str(path), "--key", "ours", "--link", simulator.url))[1]
    await simulator.kill()
    await simulator.restart()
    async with await Node.connect(simulator.url) as again:
        status = await again.module(0)
        assert (status.state, status.signer) == (ModuleState.RUNNING, ours.id)


async def test_a_signed_bundle_runs_in_development_mode(node: Node, ours: Key) -> None:
    assert (await node.info()).development
    await node.install(0, sign_bundle(bundle("counter"), ours).to_bytes())
    await node.control(0, Control.START)
    await run_module(node, "scale", slot=1)


async def run(*arguments: str) -> tuple[int, str]:
    done = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    return done.exit_code, done.output


async def test_the_commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "counter.bundle"
    path.write_bytes(bundle("counter").to_bytes())
    async with await Simulator.start("native", image=SANITIZED) as simulator:
        link = ("--link", simulator.url)
        assert "development mode: takes unsigned modules" in (await run("ls", *link))[1]
        assert (await run("keys", "new", "release"))[0] == 0
        assert (await run("keys", "trust", "release", *link))[0] == 0
        code, said = await run("push", str(path), *link)
        assert code == 6
        assert "is not signed" in said
        assert "--key KEY" in said
        assert (await run("push", str(path), "--key", "release", *link))[0] == 0
        shown = (await run("ls", *link))[1]
        assert "takes modules of key" in shown
        found = [Device(simulator.url, "native", emulated=True), Device("unix:/nowhere", "netduinoplus2")]
        monkeypatch.setattr("wasmote.devices.find_devices", lambda: found)
        asked = (await run("devices", "--ask"))[1].splitlines()
        assert "takes modules of key" in asked[1]
        assert "not known" in asked[2]
        assert "not asked" in (await run("devices"))[1]  # to open a serial line may reset the board
        assert "development mode" not in shown
        assert (await run("keys", "new", "next"))[0] == 0
        assert (await run("keys", "trust", "next", *link))[0] == 2  # which key is to sign that?
        assert (await run("keys", "trust", "next", "--key", "release", *link))[0] == 0
        assert (await run("keys", "trust", "release", "--remove", "--key", "next", *link))[0] == 0
        code, said = await run("push", str(path), "--slot", "1", "--key", "release", *link)
        assert code == 6, said
