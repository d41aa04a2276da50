"""Compare what the node takes with what the host takes:  make -C tests/strict fuzz

Prints how many mutants of each kind both took and both refused, and each that only one of them takes.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from mutants import mutants, undamaged
from reading import READ, Kind, NodeReading, Question, build_target, host_takes

BATCH = 1000


@dataclass
class Tally:
    """How often both took what they were asked, and both refused it, by kind; and where they differ."""

    taken: Counter[Kind] = field(default_factory=Counter)
    refused: Counter[Kind] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def add(self, question: Question, node: bool, host: bool) -> None:
        """Count one."""
        kind, payload = question
        if node is host:
            (self.taken if node else self.refused)[kind] += 1
        else:
            which = "the node takes" if node else "the host takes"
            self.differences.append(f"{kind.name.lower()}: only {which} {payload.hex()}")


def compare(questions: Iterable[Question]) -> Tally:
    """Ask both all of them."""
    tally = Tally()
    with NodeReading() as node:
        for batch in _batches(iter(questions)):
            for question, answer in zip(batch, node.takes(batch), strict=True):
                tally.add(question, answer, host_takes(*question))
    return tally


def _batches(questions: Iterator[Question]) -> Iterator[list[Question]]:
    while batch := list(islice(questions, BATCH)):
        yield batch


def main() -> int:
    """Run it; 1 when there is a difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    build_target()
    tally = compare(chain(undamaged(), mutants(arguments.count, arguments.seed)))
    for kind in READ:
        print(f"{kind.name.lower():12}{tally.taken[kind]:9} taken {tally.refused[kind]:9} refused")
    print(f"{arguments.count} mutants, {len(tally.differences)} differences")
    print(*tally.differences[:40], sep="\n")
    return 1 if tally.differences else 0


if __name__ == "__main__":
    sys.exit(main())
