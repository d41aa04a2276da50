"""Counts of passed, failed and not applicable assertions, for each core: build/spec/CORE.json.

The tests write them (WASMOTE_FULL=1 .venv/bin/python -m pytest tests/spec), `make bench` reads them.
"""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import edge_table
import suite
from judge import Outcome, Plan, Planner, run_plans
from target import CORES, Core

ROOT = Path(__file__).resolve().parents[2]
EXCUSES = Path(__file__).with_name("not_applicable.toml")
ASSERTION = re.compile(rb"^\s*\(assert_", re.MULTILINE)
SHOWN_OF_ONE, SHOWN = 3, 60
"""Failures that are named: of one script or instruction, and in all."""


@dataclass
class Result:
    """What one core made of the suite or of the table."""

    passed: int = 0
    failed: int = 0
    not_applicable: int = 0
    text_format: int = 0
    failures: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Excuses that are not needed."""

    def count(self, outcomes: Iterable[Outcome]) -> None:
        """Add outcomes that nothing excuses."""
        for outcome in outcomes:
            if outcome.verdict:
                self.failed += 1
                self.failures.append(f"{outcome.at}: {outcome.verdict}")
            elif outcome.counts:
                self.passed += 1

    def write(self, core: Core, part: str) -> None:
        """Put the counts into the core's file."""
        path = ROOT / "build" / "spec" / f"{core.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = json.loads(path.read_text())["parts"] if path.exists() else {}
        parts[part] = {
            "passed": self.passed,
            "failed": self.failed,
            "not_applicable": self.not_applicable,
            "text_format": self.text_format,
            "failures": self.shown(),
        }
        sums = {
            key: sum(one[key] for one in parts.values()) for key in ("passed", "failed", "not_applicable")
        }
        path.write_text(json.dumps(sums | {"parts": parts}, indent=2) + "\n")

    def shown(self) -> list[str]:
        """Some failures of each script or instruction, and how many more there are."""
        some: list[str] = []
        for _, group in itertools.groupby(self.failures, lambda one: one.partition(":")[0]):
            every = list(group)
            some += every[:SHOWN_OF_ONE]
            if len(every) > SHOWN_OF_ONE:
                some.append(f"    and {len(every) - SHOWN_OF_ONE} more")
        return some[:SHOWN]

    def __str__(self) -> str:
        stale = [f"{excuse}: passes, yet not_applicable.toml lists it" for excuse in self.stale]
        counts = f"{self.passed} passed, {self.failed} failed, {self.not_applicable} not applicable"
        return "\n".join([counts, *self.shown(), *stale])


# ---- the specification's suite ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Excuses:
    """not_applicable.toml."""

    files: frozenset[str]
    assertions: frozenset[str]

    @classmethod
    def load(cls) -> Excuses:
        """Read it; a name that stands there twice is an error."""
        with EXCUSES.open("rb") as file:
            table = tomllib.load(file)
        files = [name for entry in table["files"] for name in entry["names"]]
        assertions = [at for entry in table["assertions"] for at in entry["at"]]
        for names in (files, assertions):
            assert len(set(names)) == len(names), "not_applicable.toml lists something twice"
        return cls(frozenset(files), frozenset(assertions))


@cache
def suite_plans() -> tuple[Plan, ...]:
    """Every script that could be converted."""
    return tuple(Planner(script).plan() for script in suite.load().scripts)


def run_suite(core: Core) -> Result:
    """The whole suite on one core."""
    core.build()
    loaded, excuses, result = suite.load(), Excuses.load(), Result()
    outcomes = list(run_plans(core, list(suite_plans())))
    excused = [one for one in outcomes if one.at in excuses.assertions]
    result.stale += [one.at for one in excused if not one.verdict]
    result.stale += sorted(excuses.assertions - {one.at for one in outcomes})
    result.count(
        one for one in outcomes if one.script not in excuses.files and one.at not in excuses.assertions
    )
    failing = {one.script for one in outcomes if one.verdict}
    converted = {script.name for script in loaded.scripts}
    result.stale += sorted(name for name in excuses.files & converted if name not in failing)
    result.stale += sorted(excuses.files - converted - set(loaded.refused))
    unexplained = sorted(set(loaded.refused) - excuses.files)
    result.failed += len(unexplained)
    result.failures += [f"{name}: wast2json: {loaded.refused[name]}" for name in unexplained]
    result.not_applicable = len(excused) + sum(_assertions(name) for name in excuses.files)
    result.text_format = sum(
        command.get("module_type") == "text" for script in loaded.scripts for command in script.commands
    )
    return result


def _assertions(name: str) -> int:
    return len(ASSERTION.findall((suite.OUTPUT / name / f"{name}.wast").read_bytes()))


# ---- our table -------------------------------------------------------------------------------------------


@cache
def table_plans() -> tuple[Plan, ...]:
    """Every instruction."""
    return tuple(edge_table.plans())


def run_table(core: Core, parts: int = 1) -> Result:
    """The table, or one of `parts` of it: another one on each core."""
    core.build()
    number = [one.name for one in CORES].index(core.name)
    result = Result()
    result.count(run_plans(core, [plan.sample(number, parts) for plan in table_plans()]))
    return result
