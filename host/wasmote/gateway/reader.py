"""The reader's rule of a stream (firmware/SPEC.md, `/out`), without any input or output.

A notification only announces; what counts is what was fetched with `?since=`. A `Position` knows the
first sequence number that is not accounted for yet, the first one that was not announced yet, and how
many records were lost on the way. Everything below the first is stored or counted as lost, exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wasmote.errors import WasmoteError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmote.wire.records import Record, Records


class StreamFault(WasmoteError):
    """A node's answers about a stream contradict each other."""


@dataclass(frozen=True)
class Gap:
    """Sequence numbers `first`..`last`, both included, that no ring holds any more."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many records are missing."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class Position:
    """How far one numbering of one stream was read.

    `boot_id` is the node's when the numbering was last seen. `next_seq` is the first number that is
    neither stored nor lost; None means that nothing is known yet, so that the oldest record kept on the
    node decides where to begin. `announced` is the first number that no answer has mentioned yet.
    """

    boot_id: bytes
    next_seq: int | None = None
    announced: int = 0
    lost: int = 0

    @property
    def since(self) -> int | None:
        """What to ask for: records after this number; None for all that is kept."""
        return self.next_seq - 1 if self.next_seq else None

    @property
    def behind(self) -> bool:
        """Whether records were announced that are not accounted for."""
        return self.next_seq is None or self.next_seq < self.announced


@dataclass(frozen=True)
class Step:
    """What one answer changed: the new position, and what has to be stored to make it true."""

    position: Position
    records: tuple[Record, ...] = ()
    gaps: tuple[Gap, ...] = ()


def restarted(position: Position, answer: Records) -> bool:
    """Whether an answer belongs to another numbering: the node booted, or the stream was made anew."""
    numbers_went_back = position.next_seq is not None and answer.next_seq < position.next_seq
    return answer.boot_id != position.boot_id or numbers_went_back


def announce(position: Position, notification: Records) -> Position:
    """Take a notification, or the first answer to an observation, as the announcement that it is."""
    newest = notification.records[-1].seq + 1 if notification.records else 0
    return replace(position, announced=max(position.announced, notification.next_seq, newest))


def absorb(position: Position, answer: Records) -> Step:
    """Account for the answer to a request for the records after `position.since`.

    Raises StreamFault when the answer names neither records nor a loss although the node says that
    there are some: asking again would go on for ever.
    """
    position = announce(position, answer)
    first = _first_number(position, answer)
    fresh = [record for record in answer.records if record.seq >= first]
    expected, gaps = first, []
    for record in fresh:
        if record.seq > expected:
            gaps.append(Gap(expected, record.seq - 1))
        expected = record.seq + 1
    if not fresh and answer.lost and expected < answer.next_seq:
        last = min(expected + answer.lost, answer.next_seq) - 1
        gaps.append(Gap(expected, last))
        expected = last + 1
    if expected == first and expected < answer.next_seq:
        raise StreamFault(
            f"the node announces records up to {answer.next_seq - 1} but gives none after {first - 1}",
            "its ring and its counter disagree: restart the module, and report this as a firmware fault",
        )
    lost = position.lost + sum(gap.count for gap in gaps)
    return Step(replace(position, next_seq=expected, lost=lost), tuple(fresh), tuple(gaps))


def fill(step: Step, gap: Gap, found: Sequence[Record]) -> Step:
    """Put records that were found elsewhere, the first ones of a gap without a hole, into their place."""
    if not found:
        return step
    rest = (Gap(found[-1].seq + 1, gap.last),) if found[-1].seq < gap.last else ()
    gaps = tuple(left for one in step.gaps for left in (rest if one == gap else (one,)))
    records = sorted((*step.records, *found), key=lambda record: record.seq)
    lost = step.position.lost - len(found)
    return Step(replace(step.position, lost=lost), tuple(records), gaps)


def close(position: Position) -> Step:
    """End a numbering: what was announced and never fetched is gone with the ring that held it."""
    if position.next_seq is None or not position.behind:
        return Step(position)
    gap = Gap(position.next_seq, position.announced - 1)
    return Step(replace(position, next_seq=position.announced, lost=position.lost + gap.count), gaps=(gap,))


def going_on(positions: Sequence[tuple[str, Position]]) -> dict[str, int]:
    """Key 1 of `control`: the number each stream goes on with after a restart of its node."""
    return {stream: max(position.next_seq or 0, position.announced) for stream, position in positions}


def _first_number(position: Position, answer: Records) -> int:
    """Where counting starts: where the last answer ended, else where the node says its loss began."""
    if position.next_seq is not None:
        return position.next_seq
    oldest = answer.records[0].seq if answer.records else answer.next_seq
    return max(oldest - answer.lost, 0)
