"""What a script's commands ask of a target, and whether its answers are right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from packing import FUNCTIONS, ImportEntry, pack, read_imports, signature
from suite import Script
from target import (
    EINVAL,
    END_RECORD,
    ETRAP,
    OK,
    RECORDS_MAX,
    Answer,
    Core,
    ImportedFunction,
    global_record,
    invoke_record,
    load_record,
    run,
)
from wasmote.build.wasm import FuncType, Kind, WasmModule
from wasmote.errors import WasmoteError

Verdict = str
"""Nothing, or what is wrong with an answer."""

UNNAMED = 0
"""The slot of modules that nobody refers to later."""

# The suite's words for a trap -> what the engine may say.
TRAPS = {
    "undefined element": ("undefined element",),
    "undefined": ("undefined element",),
    "uninitialized element": ("null table element",),
    "uninitialized": ("null table element",),
    "indirect call signature mismatch": ("indirect call type mismatch",),
    "indirect call": ("null table element", "indirect call type mismatch"),
    "call stack exhausted": ("stack overflow",),
    "unreachable": ("unreachable executed",),
    "oob": ("out of bounds memory access",),
    "out of bounds memory access": ("out of bounds memory access",),
}
INSTANTIATION = ("lies outside the table", "lies outside the memory", "[trap]")

VALIDATOR = ("does not validate", "needs what the engine lacks", "is beyond a limit")

F32, F64 = "f32", "f64"
CANONICAL = {F32: 0x7FC00000, F64: 0x7FF8000000000000}
SIGN = {F32: 1 << 31, F64: 1 << 63}


def is_value(pattern: int, kind: str, wanted: str) -> bool:
    """Whether a bit pattern is the value that the suite wants: exact bits, or a class of NaN."""
    if kind in CANONICAL and wanted == "nan:canonical":
        return pattern & ~SIGN[kind] == CANONICAL[kind]
    if kind in CANONICAL and wanted == "nan:arithmetic":
        return pattern & CANONICAL[kind] == CANONICAL[kind] and pattern < 2 * SIGN[kind]
    return pattern == int(wanted)


@dataclass(frozen=True)
class Step:
    """A record, and the judgement of its answer; an answer known beforehand needs no record."""

    at: str
    """script:line, with #2, #3 for others on the same line."""
    record: bytes
    judge: Callable[[Answer], Verdict]
    answer: Answer | None = None
    counts: bool = True
    """Whether it is an assertion, as that a good module loads is too."""


@dataclass
class Plan:
    """The steps of one script."""

    script: str
    steps: list[Step] = field(default_factory=list)
    ordered: bool = True
    """Whether a step needs those before it, beside the loading of the module."""

    def records(self) -> bytes:
        """All that the target is given."""
        return b"".join(step.record for step in self.steps if step.answer is None)

    def sample(self, number: int, of: int) -> Plan:
        """One part of `of` of the steps, always the same one; all of them when they build on each other."""
        if self.ordered:
            return self
        mine = [step for step in self.steps if not step.counts or crc32(step.at.encode()) % of == number % of]
        return Plan(self.script, mine, self.ordered)


@dataclass(frozen=True)
class Outcome:
    """What became of a step."""

    script: str
    at: str
    verdict: Verdict
    counts: bool


# ---- from commands to steps ------------------------------------------------------------------------------


@dataclass
class _Live:
    slot: int
    exports: dict[str, FuncType]
    refused: Answer | None = None


class Planner:
    """Goes through a script and knows which module is in which slot."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._plan = Plan(script.name)
        self._by_name: dict[str, _Live] = {}
        self._registered: dict[str, _Live] = {}
        self._current = _Live(UNNAMED, {})
        self._next_slot = 1
        self._lines: dict[int, int] = {}

    def plan(self) -> Plan:
        """The whole script."""
        commands = self._script.commands
        for index, command in enumerate(commands):
            if command.get("module_type") == "text":
                continue  # the text format is wabt's business; no node sees it
            kept = command["type"] == "module" and self._is_kept(index)
            getattr(self, f"_{command['type']}", self._load_refused)(command, kept)
        self._add(Step(f"{self._script.name}:end", END_RECORD, _judge_end))
        return self._plan

    def _is_kept(self, index: int) -> bool:
        commands = self._script.commands
        if "name" in commands[index]:
            return True
        for later in commands[index + 1 :]:
            if later["type"] == "module":
                return False
            if later["type"] == "register" and "name" not in later:
                return True
        return False

    def _add(self, step: Step) -> None:
        self._plan.steps.append(step)

    def _at(self, command: dict[str, Any]) -> str:
        line = command["line"]
        self._lines[line] = self._lines.get(line, 0) + 1
        more = f"#{self._lines[line]}" if self._lines[line] > 1 else ""
        return f"{self._script.name}:{line}{more}"

    # modules

    def _module(self, command: dict[str, Any], kept: bool) -> None:
        slot = UNNAMED
        if kept:
            slot, self._next_slot = self._next_slot, self._next_slot + 1
        self._current = live = _Live(slot, {})
        if "name" in command:
            self._by_name[command["name"]] = live
        self._load(command, live, _judge_loaded)

    def _load(self, command: dict[str, Any], live: _Live, judge: Callable[[Answer], Verdict]) -> None:
        encoded = self._script.module(command)
        try:
            imports = self._imports(encoded)
            record = load_record(live.slot, pack(encoded), imports)
            live.exports = _functions(encoded)
        except WasmoteError as error:
            live.refused = Answer(EINVAL, (), f"packer: {error}")
            # What stood in the slot before must not answer for it.
            self._add(Step("", load_record(live.slot, b""), lambda _: "", counts=False))
            self._add(Step(self._at(command), b"", judge, live.refused))
            return
        self._add(Step(self._at(command), record, judge))

    def _imports(self, encoded: bytes) -> list[ImportedFunction]:
        module = WasmModule.from_bytes(encoded)
        offered: dict[tuple[str, str], ImportedFunction] = {}
        for entry in read_imports(module):
            if entry.kind != Kind.FUNCTION or "\0" in entry.module + entry.name:
                continue
            where = entry.module, entry.name
            if entry.module == "spectest" and (printer := self._printer(module, entry)) is not None:
                offered[where] = ImportedFunction(*where, signature(printer))
            elif (source := self._registered.get(entry.module)) and entry.name in source.exports:
                kind = source.exports[entry.name]
                offered[where] = ImportedFunction(*where, signature(kind), source.slot, entry.name.encode())
        return list(offered.values())

    @staticmethod
    def _printer(module: WasmModule, entry: ImportEntry) -> FuncType | None:
        """A function of spectest. The suite's older files have `print` take what they like."""
        kind = module.types()[entry.type_index]
        return kind if entry.name == "print" and not kind.results else FUNCTIONS.get(entry.name)

    def _register(self, command: dict[str, Any], _: bool) -> None:
        self._registered[command["as"]] = self._live(command, "name")

    def _live(self, command: dict[str, Any], key: str) -> _Live:
        return self._by_name[command[key]] if key in command else self._current

    # modules that must be refused

    def _load_refused(self, command: dict[str, Any], _: bool) -> None:
        judge = {
            "assert_invalid": _judge_invalid,
            "assert_malformed": _judge_invalid,
            "assert_unlinkable": _judge_unlinkable,
            "assert_uninstantiable": _judge_uninstantiable,
        }[command["type"]]
        if judge is _judge_invalid:
            record = load_record(self._spare(), self._script.module(command))
            self._add(Step(self._at(command), record, judge))
        else:
            self._load(command, _Live(self._spare(), {}), judge)

    def _spare(self) -> int:
        """A slot that no live module is in."""
        return self._next_slot

    # actions

    def _action(self, command: dict[str, Any], _: bool) -> None:
        self._act(command, lambda answer: "" if answer.status == OK else _said(answer))

    def _assert_return(self, command: dict[str, Any], _: bool) -> None:
        self._act(command, lambda answer: _judge_return(answer, command["expected"]))

    def _assert_trap(self, command: dict[str, Any], _: bool) -> None:
        if "action" not in command:
            self._load_refused({**command, "type": "assert_uninstantiable"}, False)
            return
        allowed = TRAPS.get(command["text"].split(' "')[0], (command["text"],))
        self._act(command, lambda answer: _judge_trap(answer, allowed))

    def _assert_exhaustion(self, command: dict[str, Any], _: bool) -> None:
        self._act(command, lambda answer: _judge_trap(answer, TRAPS["call stack exhausted"]))

    def _act(self, command: dict[str, Any], judge: Callable[[Answer], Verdict]) -> None:
        action = command["action"]
        live = self._live(action, "module")
        name = action["field"].encode()
        if action["type"] == "get":
            record = global_record(live.slot, name)
        else:
            record = invoke_record(live.slot, name, (int(arg["value"]) for arg in action.get("args", ())))
        self._add(Step(self._at(command), record, judge, live.refused))


def _functions(encoded: bytes) -> dict[str, FuncType]:
    module = WasmModule.from_bytes(encoded)
    types = module.function_types()
    return {entry.name: types[entry.index] for entry in module.exports() if entry.kind == Kind.FUNCTION}


# ---- judging ---------------------------------------------------------------------------------------------


def _said(answer: Answer) -> str:
    return f"status -{answer.status}: {answer.why}" if answer.status else f"returned {answer.values}"


def _judge_loaded(answer: Answer) -> Verdict:
    return "" if answer.status == OK else _said(answer)


def _judge_end(answer: Answer) -> Verdict:
    return "" if answer.values == (0,) else f"{answer.values} bytes of the arena were not given back"


def _judge_invalid(answer: Answer) -> Verdict:
    """Refused by the validator, before anything is compiled."""
    return "" if answer.status != OK and answer.why.startswith(VALIDATOR) else _said(answer)


def _judge_unlinkable(answer: Answer) -> Verdict:
    """Refused for an import, or, as the suite's older files have it, for a segment that does not fit."""
    refused = answer.status not in (OK, ETRAP) and any(
        word in answer.why for word in ("imports", *INSTANTIATION)
    )
    return "" if refused else _said(answer)


def _judge_uninstantiable(answer: Answer) -> Verdict:
    refused = answer.status != OK and any(words in answer.why for words in INSTANTIATION)
    return "" if refused else _said(answer)


def _judge_return(answer: Answer, expected: list[dict[str, Any]]) -> Verdict:
    if answer.status != OK or len(answer.values) != len(expected):
        return _said(answer)
    pairs = zip(answer.values, expected, strict=True)
    if all(is_value(pattern, wanted["type"], wanted["value"]) for pattern, wanted in pairs):
        return ""
    shown = ", ".join(f"{value:#x}" for value in answer.values)
    wished = ", ".join(
        f"{int(want['value']):#x}" if want["value"].isdigit() else want["value"] for want in expected
    )
    return f"returned {shown}, not {wished}"


def _judge_trap(answer: Answer, allowed: tuple[str, ...]) -> Verdict:
    trapped = answer.status == ETRAP and any(words in answer.why for words in allowed)
    return "" if trapped else _said(answer)


# ---- running ---------------------------------------------------------------------------------------------


def run_plans(core: Core, plans: list[Plan]) -> Iterator[Outcome]:
    """Run scripts in batches. Where the target dies, that script is over, and the others go on."""
    left = list(plans)
    while left:
        batch = _batch(left)
        outcome = run(core, b"".join(plan.records() for plan in batch))
        answers = list(outcome.answers)
        for plan in batch:
            yield from _judge_plan(plan, answers, outcome.died)
            left.remove(plan)
            if not answers and outcome.died:
                break


def _batch(plans: list[Plan]) -> list[Plan]:
    batch, size = [], 0
    for plan in plans:
        size += len(plan.records())
        if batch and size >= RECORDS_MAX:
            break
        batch.append(plan)
    return batch


def _judge_plan(plan: Plan, answers: list[Answer], died: str) -> Iterator[Outcome]:
    for step in plan.steps:
        answer = step.answer
        if answer is None and answers:
            answer = answers.pop(0)
        verdict = step.judge(answer) if answer is not None else f"the target died: {died}"
        yield Outcome(plan.script, step.at, verdict, step.counts)
