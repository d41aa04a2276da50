"""Payloads that a node may be sent, and mutants of them that know where CBOR's items lie; from a seed."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cbor2

from reading import CONTEXT, MODULE, READ, Kind, Question
from wasmote.wire.codec import TIME_MAX_MS, TIME_MIN_MS, encode
from wasmote.wire.cose import Sign1
from wasmote.wire.keys import KeyChange
from wasmote.wire.manifest import Manifest, MemoryUse, Stream
from wasmote.wire.modules import Control, ControlRequest, config_to_cbor
from wasmote.wire.node import NextStart, NodeOrder
from wasmote.wire.samples import Sample
from wasmote.wire.trace import Call, EventKind, Function, TracedEvent, events_to_cbor

LATEST_SETTING_MS = TIME_MAX_MS - 36_524 * 86_400_000
BYTES, TEXT, ARRAY, MAP, TAG = 2, 3, 4, 5, 6


def head(major: int, argument: int, width: int | None = None) -> bytes:
    """A head; in a width of 0, 1, 2, 4 or 8 bytes more, or in the shortest."""
    if width is None:
        width = next(
            w for w, end in ((0, 24), (1, 1 << 8), (2, 1 << 16), (4, 1 << 32), (8, 1 << 64)) if argument < end
        )
    if width == 0:
        return bytes([major << 5 | argument])
    return bytes([major << 5 | 23 + width.bit_length()]) + argument.to_bytes(width)


# ---- items by which others are replaced ------------------------------------------------------------------

NUMBERS = (0, 1, 2, 3, 4, 5, 23, 24, 31, 32, 128, 255, 256, 65535, 65536, 65537)
NUMBERS += (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**52, 2**63 - 1, 2**63, 2**64 - 1)
TEXTS = (b"", b"a", b"gain", b"out", b"probe", b"log", b"random", b"any", b"A", b"a b", b"a\0b")
TEXTS += (b"x" * 23, b"x" * 24, b"x" * 31, b"x" * 32, "\u20ac".encode(), "\U0001f30a".encode())
NO_TEXTS = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"a\x80")
FLOATS = (
    "f90000",
    "f93c00",
    "f90015",
    "f90014",
    "f97e00",
    "f97c00",
    "fa3f800000",
    "fa00000015",
    "fa7f800000",
)
FLOATS += ("fb3ff0000000000000", "fb0000000000000015", "fb7ff8000000000000", "fb7ff0000000000000", "f9fc00")
SIMPLES = ("f4", "f5", "f6", "f7", "e0", "e1", "f3", "f814", "f815", "f800", "f81f", "f820", "f8ff")
CONTAINERS = ("80", "8100", "820001", "83000102", "a0", "a10000", "a1616100", "a200000100", "81f6")
CONTAINERS += ("a20000180000", "a2616100616101", "a261610078016101", "a12000", "a1f400", "a14100", "a18000")
TAGS = (
    "d85544",
    "d8554400000000",
    "d855480000803f0000803f",
    "c24105",
    "c07432303133",
    "c100",
    "d81c00",
    "d9d9f700",
)
ILLEGAL = ("1c", "3f", "5f4100ff", "7f6161ff", "9f00ff", "bf0000ff", "ff", "fc", "dc", "5bffffffffffffffff")
ILLEGAL += ("9bffffffffffffffff", "bb8000000000000001")


def _items() -> Iterator[bytes]:
    for number in NUMBERS:
        yield head(0, number)
        yield head(1, number)
    for width in (1, 2, 4, 8):
        yield head(0, 1, width)
        yield head(1, 0, width)
        yield head(TEXT, 1, width) + b"a"
        yield head(BYTES, 8, width) + bytes(8)
    for content in (*TEXTS, *NO_TEXTS):
        yield head(TEXT, len(content)) + content
    for size in (0, 1, 7, 8, 9, 31, 32, 33):
        yield head(BYTES, size) + bytes(range(size))
    for written in (*FLOATS, *SIMPLES, *CONTAINERS, *TAGS, *ILLEGAL):
        yield bytes.fromhex(written)
    for depth in range(5, 11):
        yield b"\x81" * depth + b"\x00"
        yield b"\xa1\x00" * depth + b"\x00"
        yield b"\xc1" * depth + b"\x00"


ITEMS = tuple(_items())


# ---- where items lie ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Item:
    """An item from `start` to `end`; `behind_head` and `count` of a container, of a map in pairs."""

    start: int
    end: int
    major: int
    behind_head: int = 0
    count: int = 0
    children: tuple[Item, ...] = ()


def items_of(data: bytes, at: int = 0) -> tuple[Item, list[Item]]:
    """The item that begins here, and all items in it, itself the first. IndexError where there is none."""
    found: list[Item] = []

    def walk(at: int) -> Item:
        major, info = data[at] >> 5, data[at] & 31
        width = 0 if info < 24 else 1 << (info - 24)
        end = at + 1 + width
        argument = int.from_bytes(data[at + 1 : end]) if width else info
        if info > 27 or end > len(data):
            raise IndexError(at)
        item = Item(at, end, major, end, argument)
        found.append(item)
        if major in (BYTES, TEXT):
            item.end += argument
            if item.end > len(data):
                raise IndexError(at)
        elif major in (ARRAY, MAP, TAG):
            children = []
            for _ in range({ARRAY: argument, MAP: 2 * argument, TAG: 1}[major]):
                children.append(walk(item.end))
                item.end = children[-1].end
            item.children = tuple(children)
        return item

    return walk(at), found


@dataclass(frozen=True, slots=True)
class Seed:
    """A well-formed payload and its items."""

    data: bytes
    items: tuple[Item, ...]

    @classmethod
    def of(cls, data: bytes) -> Seed:
        """Find the items."""
        return cls(data, tuple(items_of(data)[1]))


# ---- one damage ------------------------------------------------------------------------------------------


def replace_item(seed: Seed, dice: random.Random) -> bytes:
    """Another item in the place of one, mostly of a small one: as mutants of keys and values."""
    item = dice.choice(seed.items)
    if item.children and dice.random() < 0.8:
        item = dice.choice(item.children)
    other = dice.choice(ITEMS)
    if dice.random() < 0.3:
        one = dice.choice(seed.items)
        other = seed.data[one.start : one.end]
    return seed.data[: item.start] + other + seed.data[item.end :]


def widen(seed: Seed, dice: random.Random) -> bytes:
    """The same head in another width: nothing but the bytes changes."""
    item = dice.choice(seed.items)
    if item.major == 7:
        return replace_item(seed, dice)
    width = dice.choice((1, 2, 4, 8))
    if item.count >= 1 << 8 * width:
        width = 8
    return seed.data[: item.start] + head(item.major, item.count, width) + seed.data[item.behind_head :]


def recount(seed: Seed, dice: random.Random) -> bytes:
    """A pair or an item more or less in a container, and a count that tells so - or does not."""
    containers = [item for item in seed.items if item.major in (ARRAY, MAP)]
    if not containers:
        return replace_item(seed, dice)
    item = dice.choice(containers)
    step = 2 if item.major == MAP else 1
    parts = [seed.data[one.start : one.end] for one in item.children]
    place = step * dice.randrange(item.count + 1)
    match dice.randrange(5):
        case 0 if item.count:  # one less
            place -= place == step * item.count and step
            del parts[place : place + step]
        case 1 if item.count:  # one twice
            one = step * dice.randrange(item.count)
            parts[place:place] = parts[one : one + step]
        case 2 if item.count > 1:  # in another order
            pairs = [parts[i : i + step] for i in range(0, len(parts), step)]
            dice.shuffle(pairs)
            parts = [part for pair in pairs for part in pair]
        case 3 if item.major == MAP:  # a key of a later version
            parts[place:place] = [head(0, dice.randrange(18, 40)), dice.choice(ITEMS)]
        case _:
            parts[place:place] = [dice.choice(ITEMS) for _ in range(step)]
    count = len(parts) // step + (dice.choice((-1, 1)) if dice.random() < 0.05 else 0)
    whole = head(item.major, max(count, 0)) + b"".join(parts)
    return seed.data[: item.start] + whole + seed.data[item.end :]


def wrap(seed: Seed, dice: random.Random) -> bytes:
    """An item in an array, a map or a tag."""
    item = dice.choice(seed.items)
    before = dice.choice((b"\x81", b"\xa1\x00", b"\xc1", b"\xd8\x55", b"\xd2"))
    return seed.data[: item.start] + before + seed.data[item.start :]


def break_bytes(seed: Seed, dice: random.Random) -> bytes:
    """Damage that knows nothing of items."""
    data = bytearray(seed.data)
    at = dice.randrange(len(data) + 1)
    match dice.randrange(5):
        case 0 if data:
            data[at % len(data)] ^= 1 << dice.randrange(8)
        case 1 if data:
            data[at % len(data)] = dice.randrange(256)
        case 2:
            del data[at:]
        case 3:
            data += dice.choice((b"\0", b"\xf6", b"\xff"))
        case _:
            data[at:at] = bytes([dice.randrange(256)])
    return bytes(data)


DAMAGES = (replace_item, replace_item, recount, recount, widen, wrap, break_bytes)


def damaged(data: bytes, dice: random.Random) -> bytes:
    """One damage, two or three; further ones where what is left is well-formed."""
    mutant = dice.choice(DAMAGES)(_seed(data), dice)
    while dice.random() < 0.3:
        try:
            mutant = dice.choice(DAMAGES)(Seed.of(mutant), dice)
        except IndexError:
            break  # it is no item any more
    return mutant


_seeds: dict[bytes, Seed] = {}


def _seed(data: bytes) -> Seed:
    if data not in _seeds:
        _seeds[data] = Seed.of(data)
    return _seeds[data]


# ---- what is damaged -------------------------------------------------------------------------------------


def _manifests() -> Iterator[bytes]:
    plain = Manifest("plain", "1.0", 7, CONTEXT.digest, len(MODULE), pages=1, stack=512)
    yield plain.to_cbor()
    yield CONTEXT.to_cbor()
    full = replace(
        CONTEXT,
        streams=(
            Stream("a", (2, 2), ("p", "q", "r", "s"), ("1", "m", "s", "K"), rate_ms=1000),
            Stream("b", (1,)),
        ),
        inputs=(replace(CONTEXT.inputs[0], poll_ms=100), CONTEXT.inputs[1]),
        capabilities=("log", "random"),
        event_budget_us=1000,
        memory_bytes=9000,
        memory_use=MemoryUse(1024, 512, 7464),
        probation=10,
    )
    yield full.to_cbor()
    later = cbor2.loads(full.to_cbor())
    later[99], later[9][0][30], later[10][0][31] = {0: [1, {"a": 2.5}]}, "later", [{}]
    later[12][7] = {"deep": [[[[True]]]]}
    yield cbor2.dumps(later)


MANIFESTS = tuple(_manifests())
KEY_ID = bytes(range(8))
HEADERS = tuple(
    cbor2.dumps(item)
    for item in ({1: -8, 4: KEY_ID}, {1: -8, 3: 60, 4: KEY_ID}, {1: -8, 3: "text/x", 4: KEY_ID})
)


def _events() -> Iterator[bytes]:
    values = struct.pack("<2f", 1.5, float("nan"))
    calls = (
        Call(Function.SENSOR_READ, (0, 2, values)),
        Call(Function.SENSOR_READ, (1, -2)),
        Call(Function.EMIT, (0,)),
        Call(Function.NOW_MS, (1_700_000_000_000,)),
        Call(Function.RANDOM, (b"\1\2\3\4",)),
    )
    sample = TracedEvent(EventKind.SAMPLE, 0, 1, 2000, 0, values, calls)
    tick = TracedEvent(EventKind.TICK, 1, 2, TIME_MAX_MS)
    config = TracedEvent(EventKind.CONFIG, 2, 3, content=config_to_cbor({"gain": 2.0}))
    yield events_to_cbor([sample])
    yield events_to_cbor([replace(sample, time_ms=TIME_MIN_MS, calls=()), tick, config])
    yield events_to_cbor([replace(config, trap="unreachable", digest=bytes(8), cut=True)])
    yield events_to_cbor([tick])


SEEDS: dict[Kind, tuple[bytes, ...]] = {
    Kind.CONTROL: (
        *(ControlRequest(operation).to_cbor() for operation in Control),
        ControlRequest(Control.START, {"out": 7, "other": 2**32 - 1}, 1).to_cbor(),
        ControlRequest(Control.SWAP, {"out": 0}).to_cbor(),
    ),
    Kind.CONFIG: (
        config_to_cbor({}),
        config_to_cbor({"gain": 1.0, "offset": 0.1}),
        encode({"gain": 2, "offset": -(2**63)}),
    ),
    Kind.TRACE: (encode({0: True}), encode({0: False})),
    Kind.EVENT: tuple(_events()),
    Kind.KEY_CHANGE: (KeyChange(1, 0, bytes(32)).to_cbor(), KeyChange(2**32 - 1, 3, None).to_cbor()),
    Kind.NODE_ORDER: (
        *(NodeOrder(how).to_cbor() for how in NextStart),
        NodeOrder(NextStart.LOADER, 5).to_cbor(),
    ),
    Kind.SAMPLES: (
        encode([Sample(1000, (1.0, -2.5)).to_item()]),
        encode([[time_ms, [0, float("inf")]] for time_ms in (TIME_MIN_MS, -1, 0, 7, TIME_MAX_MS)]),
        encode([[time_ms, [time_ms, 0.1]] for time_ms in range(32)]),
    ),
    Kind.TIME: (encode(0), encode(LATEST_SETTING_MS), encode(LATEST_SETTING_MS + 1), encode(TIME_MIN_MS)),
}


def _bundle(dice: random.Random) -> bytes:
    """A bundle, most often of a damaged manifest, else around or behind a good one."""
    manifest, module = dice.choice(MANIFESTS), MODULE
    place = dice.random()
    if place < 0.65:
        manifest = damaged(manifest, dice)
    signed = dice.random() < 0.5
    if not signed:
        whole = head(BYTES, len(manifest)) + manifest + head(BYTES, len(module)) + module
        return break_bytes(Seed(whole, ()), dice) if place > 0.95 else whole
    protected, outside = dice.choice(HEADERS), {}
    if dice.random() < 0.2:
        protected, outside = cbor2.dumps({1: -8}), {4: KEY_ID}
    if 0.65 <= place < 0.8:
        protected = damaged(protected, dice)
    item = cbor2.CBORTag(18, [protected, outside, manifest, bytes(64)])
    envelope = cbor2.dumps(item)
    if 0.8 <= place < 0.95:
        envelope = damaged(envelope, dice)
    whole = envelope + head(BYTES, len(module)) + module
    return break_bytes(Seed(whole, ()), dice) if place > 0.95 else whole


def undamaged() -> Iterator[Question]:
    """Every seed as it is."""
    for manifest in MANIFESTS:
        yield Kind.BUNDLE, encode(manifest) + encode(MODULE)
        for protected in HEADERS:
            yield (
                Kind.BUNDLE,
                encode(Sign1(protected, KEY_ID, manifest, bytes(64)).to_item()) + encode(MODULE),
            )
    for kind, seeds in SEEDS.items():
        yield from ((kind, seed) for seed in seeds)


def mutants(count: int, seed: int) -> Iterator[Question]:
    """So many, the same ones for the same seed; half of them bundles, which have most to be read."""
    dice = random.Random(seed)
    others = READ[1:]
    for index in range(count):
        if index % 2:
            kind = others[index // 2 % len(others)]
            yield kind, damaged(dice.choice(SEEDS[kind]), dice)
        else:
            yield Kind.BUNDLE, _bundle(dice)
