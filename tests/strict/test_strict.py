"""The node and the host take the same bytes: what was tried from outside, and mutants of all that is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cbor2
import pytest

from differ import compare
from mutants import mutants, undamaged
from reading import READ, Kind, NodeReading, build_target, host_takes
from wasmote.wire.cbor import Malformed, read_item

pytestmark = pytest.mark.xdist_group("strict")  # its program is built once

CASES = Path(__file__).parent / "cases"
KINDS = {
    "bool": Kind.TRACE,
    "control": Kind.CONTROL,
    "event": Kind.EVENT,
    "time": Kind.TIME,
    "good": Kind.BUNDLE,
    "cose": Kind.BUNDLE,
    "manifest": Kind.BUNDLE,
}
SAMPLE = 20_000  # of the million that `make -C tests/strict fuzz` compares


@pytest.fixture(scope="module")
def node() -> Iterator[NodeReading]:
    build_target()
    with NodeReading() as reading:
        yield reading


@pytest.mark.parametrize("path", sorted(CASES.iterdir()), ids=lambda path: path.name)
def test_what_was_tried_from_outside(node: NodeReading, path: Path) -> None:
    question = KINDS[path.name.partition("-")[0].partition(".")[0]], path.read_bytes()
    right = path.name == "good.bundle"
    assert (node.takes([question]), host_takes(*question)) == ([right], right)


def test_they_take_the_same_mutants(node: NodeReading) -> None:
    tally = compare([*undamaged(), *mutants(SAMPLE, seed=20261201)])
    assert tally.differences == []
    for kind in READ:  # or the mutants would show nothing
        assert tally.taken[kind] > 50, kind
        assert tally.refused[kind] > 50, kind


@pytest.mark.parametrize(
    ("written", "item"),
    [
        ("00", 0),
        ("1b000000000000002a", 42),
        ("3bffffffffffffffff", -(2**64)),
        ("a201021904006161", {1: 2, 1024: "a"}),
        ("8261611818", ["a", 24]),
        ("f4", False),
        ("f5", True),
        ("f6", None),
        ("f90001", 2.0**-24),
        ("fa7f800000", float("inf")),
        ("d85543010203", cbor2.CBORTag(85, b"\1\2\3")),
        ("c24105", cbor2.CBORTag(2, b"\5")),  # no number: a node does not take it for one
        ("a2006161616100", {0: "a", "a": 0}),
        ("8181818181818181" + "00", [[[[[[[[0]]]]]]]]),
        ("f820", cbor2.CBORSimpleValue(32)),
    ],
)
def test_an_item_is_read(written: str, item: object) -> None:
    data = bytes.fromhex(written)
    assert read_item(data) == (item, len(data))


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "ends before its last item"),
        ("8200", "ends before its last item"),
        ("19ff", "ends within a head"),
        ("6261", "ends within a string"),
        ("5bffffffffffffffff", "ends within a string"),
        ("9f00ff", "indefinite length"),
        ("1c", "reserved head"),
        ("61ff", "no UTF-8"),
        ("63eda080", "no UTF-8"),
        ("f814", "a simple value in two bytes"),
        ("a2000018000", "key 0 twice"),
        ("a26161006161", "key 'a' twice"),
        ("81a10082a200010002", "key 0 twice"),
        ("a1f400", "neither an integer nor a text"),
        ("a1410000", "neither an integer nor a text"),
        ("a18000", "nested deeper"),
        ("818181818181818181" + "00", "nested deeper than 8"),
        ("c1c1c1c1c1c1c1c1c1" + "00", "nested deeper than 8"),
    ],
)
def test_what_is_no_item_is_refused(written: str, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        read_item(bytes.fromhex(written + "0" * (len(written) % 2)))
