"""A session against a board whose faults come between exactly the calls that a test chooses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiocoap import Code

from fake_board import FakeBoard, FakeClock, make_bundle
from wasmote.errors import CoapError, LinkDown
from wasmote.gateway.entities import StreamKey
from wasmote.gateway.identities import Identities
from wasmote.gateway.moves import Moves
from wasmote.gateway.pulse import Pulse, cancel
from wasmote.gateway.session import BoardSession, SessionState
from wasmote.gateway.store import Store
from wasmote.wire.bundle import Bundle
from wasmote.wire.modules import Control, ModuleState

KEY = StreamKey("bench", 0, "features")
STALE_S = 60.0
CONFIRM_AFTER = 2


@dataclass
class Rig:
    board: FakeBoard
    store: Store
    clock: FakeClock
    session: BoardSession
    stored: Pulse

    async def until(self, true: Callable[[], bool]) -> None:
        while not true():  # noqa: ASYNC110 - any of the fake board's fields may be what is waited for
            await asyncio.sleep(0)

    async def time_passes(self, true: Callable[[], bool]) -> None:
        while not true():
            self.clock.advance(STALE_S)
            await asyncio.sleep(0)

    async def read(self, next_seq: int) -> None:
        """Wait until all below `next_seq` is stored or lost."""
        while True:
            wake = self.stored.next()
            numbering = await self.store.numbering(KEY)
            if numbering and (numbering.position.next_seq or 0) >= next_seq:
                return
            await wake.wait()

    async def again(self) -> None:
        """Let a broken session try again, until it follows."""
        await self.session.until(SessionState.BROKEN)
        await self.until(lambda: bool(self.clock.sleepers))
        self.clock.advance(30)
        await self.session.until(SessionState.FOLLOWING)

    async def seqs(self) -> list[int]:
        rows = await self.store.database.rows("SELECT seq FROM records ORDER BY numbering, seq")
        return [row[0] for row in rows]

    async def lost(self) -> int:
        return sum(totals.lost for totals in await self.store.totals("bench"))


@asynccontextmanager
async def make_rig(path: Path, board: FakeBoard, bundle: Bundle | None = None) -> AsyncIterator[Rig]:
    clock, stored = FakeClock(), Pulse()
    modules = {0: bundle or make_bundle()}
    async with Store(path / "store.sqlite", commit_every_s=0) as store:
        session = BoardSession(
            "bench",
            "fake:",
            modules,
            store,
            stored=stored.beat,
            stale_after_s=STALE_S,
            confirm_after=CONFIRM_AFTER,
            clock=clock,
            identities=Identities(),
            moves=Moves(store),
            connect=board.connect,
        )
        running = asyncio.create_task(session.run())
        try:
            yield Rig(board, store, clock, session, stored)
        finally:
            await cancel(running)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with make_rig(tmp_path, FakeBoard()) as made:
        await made.session.until(SessionState.FOLLOWING)
        yield made


async def test_a_missing_module_is_deployed_and_followed(rig: Rig):
    assert "install" in rig.board.requests
    assert "control START None" in rig.board.requests
    rig.board.emit(3.0, 4.0)
    await rig.read(1)
    assert await rig.seqs() == [0]


async def test_a_record_that_comes_in_order_needs_no_request(rig: Rig):
    await rig.until(lambda: bool(rig.board.watchers))
    rig.board.requests.clear()
    rig.board.emit()
    await rig.read(1)
    assert rig.board.requests == []


async def test_a_burst_is_fetched_by_its_numbers(rig: Rig):
    for _ in range(7):  # the ring holds 8, an answer 4
        rig.board.emit()
    await rig.read(7)
    assert await rig.seqs() == [0, 1, 2, 3, 4, 5, 6]
    assert await rig.lost() == 0


async def test_what_the_ring_dropped_is_lost_exactly(rig: Rig):
    rig.board.emit()
    await rig.read(1)
    rig.board.deaf = True
    for _ in range(11):
        rig.board.emit()
    rig.board.deaf = False
    rig.board.emit()
    await rig.read(13)
    assert await rig.seqs() == [0, *range(5, 13)]
    assert await rig.lost() == 4
    assert await rig.store.gaps(KEY) == [(1, 4)]


async def test_a_lost_notification_is_found_when_the_observation_is_stale(rig: Rig):
    await rig.until(lambda: bool(rig.board.watchers))
    rig.board.deaf = True
    rig.board.emit()
    watches = rig.board.requests.count("watch")
    await rig.time_passes(lambda: rig.board.requests.count("watch") > watches)
    await rig.read(1)
    assert rig.session.state is SessionState.FOLLOWING


async def test_a_broken_link_is_observed_again_and_the_gap_closed(rig: Rig):
    rig.board.emit()
    await rig.read(1)
    rig.board.cut()
    await rig.session.until(SessionState.BROKEN)
    rig.board.emit()
    rig.board.emit()
    await rig.again()
    await rig.read(3)
    assert await rig.seqs() == [0, 1, 2]
    assert "install" not in rig.board.requests[rig.board.requests.index("watch") :]


async def test_numbers_go_on_after_a_restart_and_what_was_announced_is_lost(rig: Rig):
    for _ in range(3):
        rig.board.emit()
    await rig.read(3)
    rig.board.down = True  # what is announced now cannot be fetched
    rig.board.emit()
    rig.board.emit()
    await rig.session.until(SessionState.BROKEN)
    rig.board.reboot()
    rig.board.down = False
    await rig.again()
    assert "control START {'features': 5}" in rig.board.requests
    rig.board.emit()
    await rig.read(6)
    assert await rig.seqs() == [0, 1, 2, 5]
    assert await rig.store.gaps(KEY) == [(3, 4)]


async def test_a_restart_that_nobody_announces_is_noticed_by_looking(rig: Rig):
    rig.board.emit()
    await rig.read(1)
    watchers, rig.board.watchers = rig.board.watchers, []
    rig.board.reboot()
    rig.board.watchers = watchers
    await rig.time_passes(lambda: rig.board.requests.count("install") == 2)
    await rig.session.until(SessionState.FOLLOWING)
    rig.board.emit()
    await rig.read(2)
    assert await rig.seqs() == [0, 1]


async def test_a_node_that_starts_from_nought_gets_a_numbering_of_its_own(rig: Rig):
    rig.board.emit()
    await rig.read(1)
    rig.board.honours_next_seq = False
    rig.board.reboot()
    await rig.again()
    rig.board.emit()
    await rig.until(lambda: bool(rig.board.ring))
    await rig.read(1)
    assert await rig.seqs() == [0, 0]
    assert await rig.lost() == 0


async def test_deploying_swaps_and_the_numbers_go_on(rig: Rig):
    rig.board.emit()
    await rig.read(1)
    status = await rig.session.deploy(0, make_bundle(2))
    assert (status.version, status.swap_gap_us) == ("2.0.0", 100)
    rig.board.emit()
    await rig.read(2)
    assert await rig.seqs() == [0, 1]
    assert rig.session.state is SessionState.FOLLOWING


async def test_deploying_to_a_board_that_is_away_says_so(rig: Rig):
    rig.board.cut()
    await rig.session.until(SessionState.BROKEN)
    with pytest.raises(LinkDown, match="board bench is broken: cut"):
        await rig.session.deploy(0, make_bundle(2))


@pytest.mark.parametrize(("there", "installs"), [(1, 1), (2, 0), (3, 0)], ids=["older", "same", "newer"])
async def test_only_an_older_release_is_replaced(tmp_path: Path, there: int, installs: int):
    board = FakeBoard()
    await board.install(0, make_bundle(there).to_bytes())
    await board.control(0, Control.START)
    board.emit()
    board.requests.clear()
    async with make_rig(tmp_path, board, make_bundle(2)) as rig:
        await rig.session.until(SessionState.FOLLOWING)
        assert board.requests.count("install") == installs
        await rig.read(1)
        assert await rig.lost() == 0


async def test_a_refused_module_leaves_the_running_one_followed(tmp_path: Path):
    board = FakeBoard()
    await board.install(0, make_bundle(1).to_bytes())
    await board.control(0, Control.START)
    board.refusal = CoapError("4.22: needs more memory than there is", Code.UNPROCESSABLE_ENTITY)
    async with make_rig(tmp_path, board, make_bundle(2)) as rig:
        await rig.session.until(SessionState.FOLLOWING)
        assert "needs more memory" in rig.session.fault
        board.emit()
        await rig.read(1)


async def test_a_board_that_is_not_there_is_tried_again(tmp_path: Path):
    board = FakeBoard()
    board.down = True
    async with make_rig(tmp_path, board) as rig:
        await rig.session.until(SessionState.BROKEN)
        await rig.until(lambda: bool(rig.clock.sleepers))
        board.down = False
        rig.clock.advance(0.5)
        await rig.session.until(SessionState.FOLLOWING)
    assert board.closed


async def test_killed_between_receipt_and_commit_it_asks_again(tmp_path: Path):
    board = FakeBoard()
    async with make_rig(tmp_path, board) as rig:
        await rig.session.until(SessionState.FOLLOWING)
        board.emit()
        await rig.read(1)
        rig.store.advance = lambda *_: asyncio.get_running_loop().create_future()  # never committed
        board.emit()
        await rig.until(lambda: "since 0" in board.requests or rig.session.state is SessionState.FOLLOWING)
    async with make_rig(tmp_path, board) as rig:
        board.emit()
        await rig.read(3)
        assert await rig.seqs() == [0, 1, 2]
        assert await rig.lost() == 0


async def running(board: FakeBoard, sequence: int) -> None:
    """A confirmed module, from before the gateway came."""
    await board.install(0, make_bundle(sequence).to_bytes())
    await board.control(0, Control.START)
    board.status = replace(board.status, probation=None, fallback=None)
    board.requests.clear()


async def test_good_records_confirm_a_new_module(tmp_path: Path):
    board = FakeBoard()
    board.has_probation = True
    async with make_rig(tmp_path, board) as rig:
        await rig.session.until(SessionState.FOLLOWING)
        for value in (float("nan"), 1.0):
            board.emit(value, 1.0)
        await rig.read(2)
        assert board.status.probation == 60  # a NaN is no good record
        board.emit()
        await rig.until(lambda: board.status.probation is None)
        assert board.requests.count("control CONFIRM None") == 1


async def test_records_do_not_confirm_what_had_host_calls_refused(tmp_path: Path):
    board = FakeBoard()
    board.has_probation = True
    async with make_rig(tmp_path, board) as rig:
        await rig.session.until(SessionState.FOLLOWING)
        board.status = replace(board.status, refused=2)
        for _ in range(2 * CONFIRM_AFTER):
            board.emit()
        await rig.read(2 * CONFIRM_AFTER)
        await rig.session.until(SessionState.FOLLOWING)
        assert board.status.probation == 60
        assert not [one for one in board.requests if "CONFIRM" in one]


async def test_records_of_a_former_life_confirm_nothing(tmp_path: Path):
    board = FakeBoard()
    board.has_probation = True
    await running(board, 2)
    for _ in range(CONFIRM_AFTER):
        board.emit()
    await running(board, 1)  # that is what the gateway finds, and records of 2 in the ring
    async with make_rig(tmp_path, board, make_bundle(2)) as rig:
        await rig.session.until(SessionState.FOLLOWING)
        assert (board.status.version, board.status.probation) == ("2.0.0", 60)
        await rig.read(CONFIRM_AFTER)
        board.emit()
        await rig.read(CONFIRM_AFTER + 1)
        await rig.time_passes(rig.session.looked.next().is_set)
        assert board.status.probation == 60
        board.emit()
        await rig.until(lambda: board.status.probation is None)


async def test_a_restart_of_the_node_begins_the_proof_anew(tmp_path: Path):
    board = FakeBoard()
    board.has_probation = True
    async with make_rig(tmp_path, board) as rig:
        await rig.session.until(SessionState.FOLLOWING)
        board.emit()
        await rig.read(1)
        status = board.status
        board.start_by_itself()
        board.status = replace(status, streams=())  # on probation still: there is nothing to go back to
        await rig.again()
        board.emit()
        await rig.read(1)
        await rig.time_passes(rig.session.looked.next().is_set)
        assert board.status.probation == 60
        board.emit()
        await rig.until(lambda: board.status.probation is None)


async def test_what_has_taken_the_place_of_a_proved_module_is_not_confirmed(tmp_path: Path):
    board = FakeBoard()
    board.has_probation = True
    async with make_rig(tmp_path, board) as rig:
        await rig.session.until(SessionState.FOLLOWING)
        for _ in range(CONFIRM_AFTER):
            board.emit()
        await board.install(0, make_bundle(3).to_bytes())  # by somebody else, in the same moment
        await board.control(0, Control.SWAP)
        await rig.read(CONFIRM_AFTER)
        await rig.time_passes(rig.session.looked.next().is_set)
        assert board.status.probation == 60
        assert "control CONFIRM None" not in board.requests


async def test_a_roll_back_is_stored_and_not_undone(tmp_path: Path):
    board = FakeBoard()
    board.has_probation = True
    await running(board, 1)
    async with make_rig(tmp_path, board, make_bundle(2)) as rig:
        await rig.session.until(SessionState.FOLLOWING)
        assert board.requests.count("install") == 1
        board.roll_back()
        board.emit()  # the old one's: that is how it is noticed at once
        await rig.until(lambda: "service" in rig.session.fault)
        assert "has taken the wanted module out of service" in rig.session.fault
        (event,) = await rig.store.events(9)
        assert (event.kind, event.digest) == ("rolled back", make_bundle(2).manifest.digest[:8])
        assert event.detail == "it trapped: unreachable in on_sample"
        board.cut()
        await rig.again()
        assert board.requests.count("install") == 1
        board.emit()
        await rig.read(2)
    async with make_rig(tmp_path, board, make_bundle(2)) as rig:  # a new gateway knows it too
        await rig.session.until(SessionState.FOLLOWING)
        assert board.requests.count("install") == 1
        assert len(await rig.store.events(9)) == 1
        await rig.session.deploy(0, make_bundle(2))  # somebody insists
        assert board.requests.count("install") == 2
        board.roll_back()
        board.emit()
        await rig.until(lambda: "service" in rig.session.fault)
        assert len(await rig.store.events(9)) == 2
        assert board.requests.count("install") == 2
    async with make_rig(tmp_path, board, make_bundle(3)) as rig:  # the deployment has changed
        await rig.session.until(SessionState.FOLLOWING)
        assert board.status.version == "3.0.0"


@pytest.mark.parametrize("state", [ModuleState.STOPPED, ModuleState.TRAPPED, ModuleState.QUARANTINED])
async def test_what_was_stopped_stays_stopped(tmp_path: Path, state: ModuleState):
    board = FakeBoard()
    await running(board, 1)
    board.status = replace(board.status, state=state)
    async with make_rig(tmp_path, board) as rig:
        await rig.session.until(SessionState.FOLLOWING)
        assert not {"install", "control START None"} & set(board.requests)
        assert "leave it stopped" in rig.session.fault


async def test_a_module_that_the_node_starts_by_itself_is_read_from_its_first_record(rig: Rig):
    for _ in range(3):
        rig.board.emit()
    await rig.read(3)
    rig.board.start_by_itself()
    for _ in range(rig.board.ring.maxlen + 2 if rig.board.ring.maxlen else 0):
        rig.board.emit()  # before anybody reads: two fall out of the ring
    await rig.again()
    await rig.read(10)
    assert rig.board.requests.count("install") == 1
    assert await rig.seqs() == [0, 1, 2, *range(2, 10)]
    assert await rig.lost() == 2
