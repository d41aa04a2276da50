"""The suite's own judgement: what is wrong is called wrong."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

import result
from edge_table import Row, judge, wanted
from judge import Plan, Step, is_value, run_plans
from result import Excuses, Result
from target import END_RECORD, ETRAP, OK, Answer, Core, invoke_record

F32_CANONICAL, F32_PAYLOAD, F32_SIGNALLING = 0x7FC00000, 0x7FC01234, 0x7F800001
ADD = Row("f32.add", 0x92, "NONE", ("f32", "f32"), "f32", 1)


@pytest.mark.parametrize(
    ("pattern", "kind", "words", "right"),
    [
        (F32_CANONICAL, "f32", "nan:canonical", True),
        (F32_CANONICAL | 1 << 31, "f32", "nan:canonical", True),
        (F32_PAYLOAD, "f32", "nan:canonical", False),
        (F32_PAYLOAD, "f32", "nan:arithmetic", True),
        (F32_SIGNALLING, "f32", "nan:arithmetic", False),
        (0x7F800000, "f32", "nan:arithmetic", False),
        (0x7FF8000000000000, "f64", "nan:canonical", True),
        (0x7FF8000000000001, "f64", "nan:canonical", False),
        (0x7FF0000000000001, "f64", "nan:arithmetic", False),
        (0x80000000, "f32", "0", False),
        (5, "i32", "5", True),
    ],
)
def test_value(pattern: int, kind: str, words: str, right: bool) -> None:
    assert is_value(pattern, kind, words) == right


def test_nan_class_follows_the_operands() -> None:
    assert wanted(ADD, (F32_CANONICAL, 0), F32_CANONICAL) == "nan:canonical"
    assert wanted(ADD, (F32_PAYLOAD, 0), F32_PAYLOAD) == "nan:arithmetic"
    assert wanted(ADD, (F32_SIGNALLING, F32_CANONICAL), F32_CANONICAL) == "nan:arithmetic"
    assert wanted(ADD, (0x7F800000, 0xFF800000), F32_CANONICAL) == "nan:canonical"
    negate = Row("f32.neg", 0x8C, "NONE", ("f32",), "f32", 1)
    assert wanted(negate, (F32_SIGNALLING,), 0xFF800001) == 0xFF800001


def test_a_trap_of_another_kind_is_wrong() -> None:
    trap = Answer(ETRAP, (), "[trap] integer overflow")
    assert judge(trap, "i32", "integer overflow") == ""
    assert judge(trap, "i32", "integer divide by zero") != ""
    assert judge(trap, "i32", 0) != ""
    assert judge(Answer(OK, (0,)), "i32", "integer overflow") != ""


@dataclass(frozen=True)
class DyingCore(Core):
    """Answers the first record of a batch, then dies."""

    script: Path = Path()

    def command(self, records: Path, answers: Path) -> list[str]:
        return [str(self.script), str(records), str(answers)]


@pytest.fixture
def dying(tmp_path: Path) -> DyingCore:
    script = tmp_path / "target"
    script.write_text("#!/bin/sh\nprintf '\\0\\0\\0' > \"$2\"\necho it broke >&2\nexit 3\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return DyingCore("dying", script=script)


def returned(answer: Answer) -> str:
    return "" if answer.status == OK else answer.why


def plan(name: str, steps: int) -> Plan:
    calls = [Step(f"{name}:{i}", invoke_record(0, b"f", ()), returned) for i in range(steps)]
    return Plan(name, [*calls, Step(f"{name}:end", END_RECORD, returned)])


def test_a_target_that_dies_fails_one_script_and_the_others_go_on(dying: DyingCore) -> None:
    outcomes = list(run_plans(dying, [plan("first", 2), plan("second", 1)]))
    assert [one.at for one in outcomes] == ["first:0", "first:1", "first:end", "second:0", "second:end"]
    assert [one.verdict == "" for one in outcomes] == [True, False, False, True, False]
    assert "exit status 3: it broke" in outcomes[1].verdict


def test_a_sample_is_a_part_of_the_steps_and_all_samples_are_all() -> None:
    whole = plan("numbers", 200)
    assert whole.sample(0, 4) is whole
    whole.ordered = False
    parts = [[step.at for step in whole.sample(number, 4).steps] for number in range(4)]
    assert sorted(at for part in parts for at in part) == sorted(step.at for step in whole.steps)
    assert all(25 <= len(part) <= 75 for part in parts)


def test_an_excuse_that_is_not_needed_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    excuses = Excuses.load()
    more = Excuses(excuses.files | {"i32"}, excuses.assertions | {"i64:36", "i64:999999"})
    monkeypatch.setattr(Excuses, "load", lambda: more)
    found: Result = result.run_suite(result.CORES[0])
    assert found.stale == ["i64:36", "i64:999999", "i32"]
