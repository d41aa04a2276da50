"""What broke wasm3 is refused with a reason, or runs as it should, on each core; nothing is kept."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "spec")]
from triggers import TRIGGERS, Trigger  # noqa: E402

from target import CORES, END_RECORD, Answer, Core, invoke_record, load_record, run  # noqa: E402


def said(answers: list[Answer]) -> str:
    """What the engine answers to a module and to the call of its `run`."""
    load, call = answers
    return load.why or call.why or "returns"


def of_each(core: Core) -> list[tuple[Trigger, str]]:
    """All triggers, one after the other on one engine."""
    records = b"".join(load_record(0, one.assemble()) + invoke_record(0, b"run", ()) for one in TRIGGERS)
    done = run(core, records + END_RECORD)
    assert not done.died, done.died
    assert done.answers[-1].values == (0,), "bytes of the arena were kept"
    return [(one, said(done.answers[2 * i : 2 * i + 2])) for i, one in enumerate(TRIGGERS)]


@pytest.mark.parametrize("core", CORES, ids=lambda core: core.name)
def test_nothing_gets_through(core: Core) -> None:
    """The engine goes on after each of them."""
    core.build()
    answers = {trigger.name: (trigger.answer, words) for trigger, words in of_each(core)}
    assert {name: words for name, (answer, words) in answers.items() if not words.startswith(answer)} == {}
