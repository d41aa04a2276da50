"""Evidence of a module begins with its start."""

from __future__ import annotations

import numpy as np
import pytest

from wasmote.evidence import Evidence
from wasmote.wire.modules import ModuleState, ModuleStatus, StreamStatus
from wasmote.wire.records import Record

OURS, OTHERS = bytes(32), bytes([1]) * 32


def status(digest: bytes, next_seq: int, state: ModuleState = ModuleState.RUNNING) -> ModuleStatus:
    return ModuleStatus(0, state, "m", digest=digest, streams=(StreamStatus("out", next_seq),))


def record(seq: int, digest: bytes = OURS) -> Record:
    return Record(seq, 0, digest[:8], np.zeros(1, np.float32))


@pytest.mark.parametrize(
    ("before", "first"),
    [
        (None, 9),
        (status(OTHERS, 5), 5),  # that one may have emitted up to 9; ours are told by their digest
        (status(OURS, 5), 9),  # ours emitted up to 9, too
        (status(OURS, 5, ModuleState.PAUSED), 9),
        (status(OURS, 5, ModuleState.STOPPED), 5),
        (ModuleStatus(0, ModuleState.EMPTY), 0),
    ],
)
def test_it_begins_with_the_start(before: ModuleStatus | None, first: int):
    evidence = Evidence.since(before, status(OURS, 9))
    assert evidence.first == {"out": first}
    assert evidence.holds("out", record(first))
    assert not evidence.holds("out", record(first, OTHERS))
    assert evidence.is_new("out", record(first, OTHERS))
    if first:
        assert not evidence.holds("out", record(first - 1))


def test_numbers_begin_anew_after_the_last():
    evidence = Evidence(OURS[:8], {"out": 2**32 - 1})
    assert evidence.holds("out", record(2**32 - 1))
    assert evidence.holds("out", record(3))
    assert not evidence.holds("out", record(2**32 - 2))
