"""Slots of the host runtime: probation, roll-back, restarts; on a clock that a test turns by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from wasmote.build import build_bundle
from wasmote.errors import UsageFault
from wasmote.runtime.slots import Conflict, HostSlot, Unfit
from wasmote.runtime.status import status_of
from wasmote.wire.bundle import Bundle
from wasmote.wire.manifest import StateSchema
from wasmote.wire.modules import Cause, Control, ModuleState
from wasmote.wire.samples import Sample

MODULES = Path(__file__).parents[1] / "modules"
GOOD, PICKY = (build_bundle(MODULES / f"sums_v{version}.toml") for version in (1, 2))
TUNED = build_bundle(MODULES / "scale.toml")
SHORT = build_bundle(MODULES / "short.toml")


@dataclass
class FakeTimer:
    due: float
    callback: Callable[[], None]
    cancelled: bool = False

    def when(self) -> float:
        return self.due

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class FakeClock:
    now: float = 0.0
    timers: list[FakeTimer] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> FakeTimer:
        self.timers.append(FakeTimer(self.now + delay, callback))
        return self.timers[-1]

    def advance(self, seconds: float) -> None:
        self.now += seconds
        due = [one for one in self.timers if one.due <= self.now and not one.cancelled]
        self.timers = [one for one in self.timers if one.due > self.now]
        for timer in due:
            timer.callback()


class Bench:
    """A slot, and what its stream has emitted."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.slot = HostSlot(0, lambda *_: None, self.clock)
        self._fed = 0

    def put(self, bundle: Bundle, operation: Control = Control.START) -> None:
        self.slot.install(bundle)
        self.slot.control(operation, {})

    def feed(self, *values: float) -> None:
        for value in values:
            self._fed += 1
            self.slot.feed("probe", Sample(self._fed * 1000, (value,)))

    def records(self) -> list[tuple[int, bytes, list[float]]]:
        found = self.slot.rings["sums"].after(b"boot", None, 100).records
        return [(record.seq, record.digest, record.values.tolist()) for record in found]


def good(seq: int, total: float, seen: int) -> tuple[int, bytes, list[float]]:
    return seq, GOOD.manifest.digest[:8], [total, seen]


def picky(seq: int, total: float, seen: int) -> tuple[int, bytes, list[float]]:
    return seq, PICKY.manifest.digest[:8], [total, seen]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def swapped(bench: Bench) -> Bench:
    """The picky module on probation over the good one, which has seen 1 and 2."""
    bench.put(GOOD)
    bench.slot.control(Control.CONFIRM, {})
    bench.feed(1, 2)
    bench.put(PICKY, Control.SWAP)
    return bench


def test_a_new_module_is_on_probation_until_it_has_handled_so_many_events(bench: Bench) -> None:
    bench.put(GOOD)
    assert status_of(bench.slot).probation == 3
    assert status_of(bench.slot).fallback is None
    bench.feed(1, 2)
    assert status_of(bench.slot).probation == 1
    bench.feed(3)
    assert status_of(bench.slot).probation is None
    with pytest.raises(Conflict):
        bench.slot.control(Control.CONFIRM, {})


def test_what_emits_other_records_than_it_claims_proves_nothing(bench: Bench) -> None:
    said: list[str] = []
    bench.slot.log = lambda _slot, _level, text: said.append(text)
    bench.put(SHORT)
    bench.feed(*range(5))
    status = status_of(bench.slot)
    assert (status.probation, status.events, status.refused) == (3, 5, 5)
    assert [(one.name, one.next_seq) for one in status.streams] == [("seen", 5), ("pair", 0)]
    told = "refused: it emits 4 bytes to pair, whose 2 values have 8"
    assert said == ["running short 1.0.0", told]
    bench.slot.control(Control.STOP, {})
    bench.slot.control(Control.START, {})
    assert status_of(bench.slot).refused is None
    bench.feed(1)
    assert said.count(told) == 2  # once of each kind and start


def test_a_state_of_another_size_than_is_declared_is_refused(bench: Bench) -> None:
    claim = replace(SHORT.manifest, state=StateSchema("short/1", 8))
    with pytest.raises(Unfit, match="declares a state of 8 bytes, the module's has 4"):
        bench.slot.install(Bundle(claim, SHORT.module))
    assert bench.slot.candidate is None


def test_it_goes_back_to_what_was_confirmed_last(swapped: Bench) -> None:
    fallback = status_of(swapped.slot).fallback
    assert fallback is not None
    assert fallback.version == "1.0.0"
    swapped.put(PICKY, Control.SWAP)  # one on probation is nothing to go back to
    assert status_of(swapped.slot).fallback == fallback


def test_a_trap_on_probation_rolls_back_with_the_state_of_the_swap_and_loses_no_sample(
    swapped: Bench,
) -> None:
    swapped.feed(10, -5, 7)
    status = status_of(swapped.slot)
    assert (status.state, status.version, status.probation) == (ModuleState.RUNNING, "1.0.0", None)
    assert status.failure is not None
    assert (status.failure.cause, status.failure.is_of(PICKY.manifest.digest)) == (Cause.TRAP, True)
    assert status.error is not None
    assert "unreachable" in status.error
    # 10 was handled by the picky one; the good one goes on from 3, and gets -5 that the other trapped on
    assert swapped.records() == [
        *(good(0, 1, 1), good(1, 3, 2), picky(2, 13, 3)),
        *(good(3, -2, 3), good(4, 5, 4)),
    ]


def test_it_is_rolled_back_when_asked(swapped: Bench) -> None:
    swapped.slot.control(Control.ROLL_BACK, {})
    status = status_of(swapped.slot)
    assert (status.version, status.traps) == ("1.0.0", 0)
    assert status.failure is not None
    assert status.failure.cause is Cause.REQUESTED
    with pytest.raises(Conflict):
        swapped.slot.control(Control.ROLL_BACK, {})


def test_a_confirmed_module_that_traps_is_restarted_with_the_state_before_the_event(swapped: Bench) -> None:
    swapped.slot.control(Control.CONFIRM, {})
    swapped.feed(-5)
    status = status_of(swapped.slot)
    assert (status.state, status.restart_in_ms) == (ModuleState.TRAPPED, 500)
    swapped.clock.advance(0.5)
    assert status_of(swapped.slot).state is ModuleState.RUNNING
    swapped.feed(4)
    assert swapped.records()[2:] == [picky(2, 7, 3)]


def test_a_second_trap_in_a_row_is_followed_by_the_initial_state(swapped: Bench) -> None:
    swapped.slot.control(Control.CONFIRM, {})
    for _ in range(2):
        swapped.feed(-5)
        swapped.clock.advance(1)
    swapped.feed(*range(15))
    assert status_of(swapped.slot).traps_in_a_row == 2
    swapped.feed(1)  # the sixteenth
    assert status_of(swapped.slot).traps_in_a_row is None
    assert swapped.records()[2] == picky(2, 0, 1)


def test_one_that_traps_on_probation_with_nothing_to_go_back_to_proves_itself_anew(bench: Bench) -> None:
    bench.put(PICKY)
    bench.feed(1, 2, -1)
    assert status_of(bench.slot).probation == 3
    bench.clock.advance(0.5)
    bench.feed(1, 1, 1)
    assert status_of(bench.slot).probation is None


def test_the_third_trap_in_a_row_is_the_last(swapped: Bench) -> None:
    swapped.slot.control(Control.CONFIRM, {})
    waits: list[int | None] = []
    for _ in range(3):
        swapped.feed(-1)
        waits.append(status_of(swapped.slot).restart_in_ms)
        swapped.clock.advance(60)
    status = status_of(swapped.slot)
    assert waits == [500, 1000, None]
    assert (status.state, status.traps_in_a_row, status.failure) == (ModuleState.TRAPPED, 3, None)
    swapped.slot.control(Control.START, {})
    assert status_of(swapped.slot).traps_in_a_row is None


def test_parameters_that_are_not_named_go_back_to_their_defaults(bench: Bench) -> None:
    with pytest.raises(Conflict):
        bench.slot.configure({})
    bench.put(TUNED)
    for config in ({"gain": 4.0}, {"offset": 1.0}):
        bench.slot.configure(config)
        assert bench.slot.config == {**TUNED.manifest.config, **config}
    bench.slot.control(Control.STOP, {})
    bench.slot.configure({"gain": 3.0})  # kept for its next start
    with pytest.raises(UsageFault, match="no parameter 'gian'"):
        bench.slot.configure({"gian": 3.0})
    bench.slot.control(Control.START, {})
    assert bench.slot.config == {**TUNED.manifest.config, "gain": 3.0}


def test_one_that_is_only_watched_does_not_prove_itself(bench: Bench) -> None:
    bench.put(GOOD)
    shadow = HostSlot(1, lambda *_: None, bench.clock)
    shadow.install(PICKY)
    shadow.start_beside(bench.slot, {})
    shadow.feed("probe", Sample(1000, (-1.0,)))
    bench.clock.advance(0.5)
    status = status_of(shadow)
    assert (status.state, status.traps, status.probation) == (ModuleState.RUNNING, 1, 0)
    shadow.control(Control.STOP, {})
    shadow.install(PICKY)
    with pytest.raises(Conflict, match="empty slot"):
        shadow.start_beside(bench.slot, {})


def test_one_that_waits_for_its_restart_can_be_stopped(swapped: Bench) -> None:
    swapped.slot.control(Control.CONFIRM, {})
    swapped.feed(-1)
    swapped.slot.control(Control.STOP, {})
    swapped.clock.advance(60)
    assert status_of(swapped.slot).state is ModuleState.STOPPED
