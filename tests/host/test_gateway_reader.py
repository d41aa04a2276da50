"""The reader's rule: every record is stored once, or counted as lost once, whatever happens on the way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmote.gateway.reader import (
    Gap,
    Position,
    StreamFault,
    absorb,
    announce,
    close,
    fill,
    going_on,
    restarted,
)
from wasmote.wire.records import Record, Records

BOOT = b"boot"


def answer(first: int, count: int, next_seq: int, lost: int = 0, boot: bytes = BOOT) -> Records:
    records = [Record(seq, seq, bytes(8), np.zeros(1, np.float32)) for seq in range(first, first + count)]
    return Records(boot, lost, next_seq, tuple(records))


def test_records_in_order_move_the_position():
    step = absorb(Position(BOOT, 5, 5), answer(5, 3, 8))
    assert [record.seq for record in step.records] == [5, 6, 7]
    assert step.position == Position(BOOT, 8, 8, lost=0)
    assert not step.position.behind


def test_what_the_ring_lost_is_a_gap():
    step = absorb(Position(BOOT, 5, 5), answer(9, 2, 20, lost=4))
    assert step.gaps == (Gap(5, 8),)
    assert step.position == Position(BOOT, 11, 20, lost=4)
    assert step.position.behind
    assert step.position.since == 10


def test_records_that_are_stored_already_are_not_taken_again():
    step = absorb(Position(BOOT, 5, 5), answer(3, 4, 7))
    assert [record.seq for record in step.records] == [5, 6]
    assert step.gaps == ()


def test_everything_lost_and_nothing_kept():
    step = absorb(Position(BOOT, 5, 9), answer(0, 0, 9, lost=4))
    assert step.gaps == (Gap(5, 8),)
    assert step.position == Position(BOOT, 9, 9, lost=4)


def test_a_stream_joined_in_the_middle_begins_with_the_oldest_record_kept():
    step = absorb(Position(BOOT), answer(40, 3, 43))
    assert step.position == Position(BOOT, 43, 43, lost=0)


def test_a_stream_without_records_is_not_asked_again():
    assert not absorb(Position(BOOT), answer(0, 0, 0)).position.behind


def test_a_node_that_contradicts_itself_is_a_fault_and_not_a_loop():
    with pytest.raises(StreamFault, match="announces records up to 8 but gives none after 4"):
        absorb(Position(BOOT, 5, 5), answer(0, 0, 9))


def test_announced_and_never_fetched_is_lost_with_the_boot():
    step = close(announce(Position(BOOT, 5, 5), answer(11, 1, 12)))
    assert step.gaps == (Gap(5, 11),)
    assert step.position == Position(BOOT, 12, 12, lost=7)
    assert close(step.position).gaps == ()  # and only once
    assert going_on([("features", step.position)]) == {"features": 12}


def test_an_older_notification_takes_nothing_back():
    assert announce(Position(BOOT, 9, 9), answer(6, 1, 7)) == Position(BOOT, 9, 9)


@pytest.mark.parametrize(
    ("position", "reply", "is_new"),
    [
        (Position(BOOT, 9, 9), answer(9, 0, 9), False),
        (Position(BOOT, 9, 9), answer(0, 0, 9, boot=b"next"), True),
        (Position(BOOT, 9, 9), answer(0, 3, 3), True),
        (Position(BOOT), answer(0, 3, 3), False),
    ],
)
def test_another_numbering_is_noticed(position: Position, reply: Records, is_new: bool):
    assert restarted(position, reply) is is_new


@given(
    ring=st.integers(1, 6),
    answer_max=st.integers(1, 4),
    events=st.lists(st.sampled_from(["emit", "notice", "fetch", "reboot"]), max_size=80),
)
def test_stored_and_lost_add_up_to_what_was_announced(ring: int, answer_max: int, events: list[str]):
    boot, next_seq, first_kept = 0, 0, 0
    position = Position(bytes(4), 0, 0)
    stored: list[int] = []
    lost: list[int] = []

    def take(step):
        nonlocal position
        position = step.position
        stored.extend(record.seq for record in step.records)
        for gap in step.gaps:
            lost.extend(range(gap.first, gap.last + 1))

    for event in events:
        if event == "emit":
            next_seq += 1
            first_kept = max(first_kept, next_seq - ring)
        elif event == "notice":
            newest = min(1, next_seq - first_kept)
            position = announce(position, answer(next_seq - newest, newest, next_seq, boot=position.boot_id))
        elif event == "fetch":
            first = max(first_kept, (position.since if position.since is not None else -1) + 1)
            count = min(answer_max, next_seq - first)
            missed = 0 if position.since is None else max(0, first - position.since - 1)
            take(absorb(position, answer(first, count, next_seq, missed, position.boot_id)))
        else:
            take(close(position))
            boot += 1
            next_seq = first_kept = position.next_seq
            position = Position(boot.to_bytes(4, "big"), next_seq, next_seq, position.lost)
    take(close(position))
    assert sorted(stored + lost) == list(range(position.announced))
    assert position.lost == len(lost)


def test_records_found_elsewhere_shorten_a_gap():
    step = absorb(Position(BOOT, 3, 3), answer(7, 1, 8, lost=4))
    assert (step.gaps, step.position.lost) == ((Gap(3, 6),), 4)
    filled = fill(step, Gap(3, 6), answer(3, 2, 8).records)
    assert [record.seq for record in filled.records] == [3, 4, 7]
    assert (filled.gaps, filled.position.lost, filled.position.next_seq) == ((Gap(5, 6),), 2, 8)
    assert fill(step, Gap(3, 6), answer(3, 4, 8).records).gaps == ()
    assert fill(step, Gap(3, 6), ()) == step
