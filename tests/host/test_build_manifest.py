import hashlib
import string
from dataclasses import replace

import cbor2
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wasmote.errors import VerificationRefused, WasmoteError
from wasmote.limits import MODULE_HEAD_MAX
from wasmote.wire.bundle import Bundle, HeadTooLong, InvalidBundle
from wasmote.wire.manifest import Input, InvalidManifest, Manifest, MemoryUse, StateSchema, Stream

MODULE = b"\0asm\1\0\0\0"
DIGEST = hashlib.sha256(MODULE).digest()
MINIMAL = Manifest("counter", "1.0", 1, DIGEST, len(MODULE), pages=1, stack=2048)
FULL = replace(
    MINIMAL,
    streams=(Stream("out", (2,), ("a", "b"), ("mm", "m3/s")),),
    inputs=(Input("river", ("rain", "flow"), ("mm", "m3/s"), poll_ms=1000),),
    config={"gain": 1.5, "offset": -3.0},
    state=StateSchema("counter/1", 36),
    capabilities=("log", "random"),
    event_budget_us=20_000,
    memory_bytes=5000,
    memory_use=MemoryUse(1024, 3000, 976),
    probation=0,
)

names = st.text(string.ascii_lowercase + string.digits + "_-", min_size=1, max_size=31)
labels = st.text(min_size=1, max_size=5).filter(lambda text: text.isprintable())
u32 = st.integers(0, 0xFFFF_FFFF)
positive = st.integers(1, 0xFFFF_FFFF)


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    fields = tuple(draw(st.lists(labels, min_size=1, max_size=5, unique=True)))
    units = tuple(draw(st.lists(labels, min_size=len(fields), max_size=len(fields))))
    rate = draw(st.none() | st.integers(1, 0xFFFF_FFFF))
    return Stream(draw(names), (len(fields),), fields, draw(st.sampled_from([(), units])), rate_ms=rate)


@st.composite
def inputs(draw: st.DrawFn) -> Input:
    channels = tuple(draw(st.lists(labels, min_size=1, max_size=4, unique=True)))
    units = tuple(draw(st.lists(labels, min_size=len(channels), max_size=len(channels))))
    return Input(draw(names), channels, units, draw(st.none() | positive))


manifests = st.builds(
    Manifest,
    name=names,
    version=labels,
    sequence=u32,
    digest=st.just(DIGEST),
    size=st.just(len(MODULE)),
    pages=u32,
    stack=positive,
    streams=st.lists(streams(), max_size=2, unique_by=lambda s: s.name).map(tuple),
    inputs=st.lists(inputs(), max_size=3, unique_by=lambda i: i.sensor).map(tuple),
    config=st.dictionaries(labels, st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    state=st.none() | st.builds(StateSchema, labels, positive),
    capabilities=st.lists(st.sampled_from(["log", "random"]), unique=True).map(tuple),
    event_budget_us=st.none() | positive,
    memory_use=st.none() | st.builds(MemoryUse, u32, u32, u32),
    probation=st.none() | u32,
)


@given(manifests)
def test_manifests_survive_the_wire_and_encode_alike_each_time(manifest: Manifest) -> None:
    encoded = manifest.to_cbor()
    assert Manifest.from_cbor(encoded) == manifest
    assert Manifest.from_cbor(encoded).to_cbor() == encoded


def test_members_stand_under_the_keys_of_the_spec_and_absent_ones_do_not() -> None:
    item = cbor2.loads(FULL.to_cbor())
    assert list(item) == list(range(18))
    assert item[9] == [{0: "out", 1: 0, 2: [2], 3: ["a", "b"], 4: ["mm", "m3/s"]}]
    assert item[10] == [{0: "river", 1: ["rain", "flow"], 2: ["mm", "m3/s"], 3: 1000}]
    assert item[12] == {0: "counter/1", 1: 36}
    assert (item[15], item[16], item[17]) == (5000, [1024, 3000, 976], 0)
    assert list(cbor2.loads(MINIMAL.to_cbor())) == list(range(11))


def test_config_order_does_not_change_the_bytes() -> None:
    turned = replace(FULL, config={"offset": -3.0, "gain": 1.5})
    assert turned.to_cbor() == FULL.to_cbor()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (0, "Upper", "name: 'Upper' is not 1 to 31"),
        (0, "x" * 32, "name: 'xxx"),
        (0, 5, "name: expected a text, found int 5"),
        (2, 1 << 32, "sequence: 4294967296 is not between"),
        (2, -1, "sequence: expected an unsigned integer, found -1"),
        (2, True, "sequence: expected an integer, found bool True"),
        (3, b"short", "digest: has 5 bytes"),
        (5, "1", "abi: expected an integer, found str '1'"),
        (1, "", "version: '' has 0 bytes"),
        (1, "1" * 24, "version: '1+' has 24 bytes, not 1 to 23"),
        (6, "", "device class: '' has 0 bytes"),
        (8, 0, "stack: 0 is not between 1"),
        (9, {}, "streams: expected an array, found a map {}"),
        (9, [5], r"streams\[0\]: expected a map, found int 5"),
        (9, [{0: "a", 1: 7, 2: [1]}], "stream 'a': dtype: 7 is not known"),
        (9, [{0: "a", 1: 0, 2: []}], "stream 'a': shape: needs at least one"),
        (9, [{0: "a", 1: 0, 2: [0]}], "stream 'a': shape: 0 is not between 1"),
        (9, [{0: "a", 1: 0, 2: [43, 3]}], "stream 'a': shape: 129 values, a node takes at most 128"),
        (9, [{0: n, 1: 0, 2: [1]} for n in "abc"], "streams: 3 streams, a node takes at most 2"),
        (10, [{0: n, 1: ["c"], 2: ["1"]} for n in "abcde"], "inputs: 5 inputs, a node takes at most 4"),
        (10, [{0: "p", 1: list("abcdefghi"), 2: ["1"] * 9}], "channels: 9 channels, a node takes"),
        (11, {"x" * 520: 1}, "config: 525 bytes of CBOR, a node takes at most 512"),
        (9, [{0: "a", 1: 0, 2: [2], 3: ["x"]}], "stream 'a': fields: has 1 for 2 values"),
        (9, [{0: "a", 1: 0, 2: [2], 3: ["x", "x"]}], "stream 'a': fields: 'x' is there twice"),
        (9, [{0: "a", 1: 0, 2: [1]}] * 2, "streams: 'a' is there twice"),
        (9, [{0: "a", 1: 0, 2: [1], 3: []}], r"streams\[0\]: fields: is empty"),
        (9, [{0: "a", 1: 0, 2: [1], -9: 0}], r"streams\[0\]: -9 is not a key"),
        (10, [{0: "p", 1: ["c"], 2: []}], "input 'p': units: has 0 for 1 channels"),
        (10, [{0: "p", 1: [], 2: []}], "input 'p': channels: needs at least one"),
        (10, [{0: "p", 1: ["c"]}], r"inputs\[0\]: units: missing"),
        (11, {"a": float("nan")}, "config 'a': nan is not a finite number"),
        (11, {5: 1}, "config: a key: expected a text, found int 5"),
        (11, {"a": "b"}, "config 'a': expected a number"),
        (12, {0: "", 1: 4}, "state schema: '' has 0 bytes"),
        (13, ["fly"], "capabilities: 'fly' is not one of log, random"),
        (13, ["log", "log"], "capabilities: 'log' is there twice"),
        (14, 0, "event_budget_us: 0 is not between 1"),
        (15, 0, "memory_bytes: 0 bytes do not end in page 1 of 16 KiB"),
        (15, 16385, "memory_bytes: 16385 bytes do not end in page 1"),
        (16, [1024, 3000], "memory_use: has 2 parts"),
        (16, [1024, 3000, -1], "memory_use"),
        (17, -1, "probation: "),
        (1, "1\0", "version: '1.x00' holds a NUL"),
        ("18", 1, "manifest: '18' is not a key"),
    ],
)
def test_a_bad_member_is_named_with_the_reason(key: object, value: object, message: str) -> None:
    item = cbor2.loads(FULL.to_cbor())
    item[key] = value
    with pytest.raises(InvalidManifest, match=message):
        Manifest.from_cbor(cbor2.dumps(item))


def test_what_a_later_version_may_add_is_kept() -> None:
    item = cbor2.loads(FULL.to_cbor())
    item[99], item[9][0][99] = {"later": [1.5, None]}, b"later"
    encoded = cbor2.dumps(cbor2.dumps(item)) + cbor2.dumps(MODULE)
    bundle = Bundle.from_bytes(encoded)
    assert bundle.manifest == FULL
    assert bundle.to_bytes() == encoded


MANDATORY = ("name", "version", "sequence", "digest", "size", "abi")
MANDATORY += ("device class", "pages", "stack", "streams", "inputs")


@pytest.mark.parametrize(("key", "name"), [*enumerate(MANDATORY)])
def test_a_missing_member_is_named(key: int, name: str) -> None:
    item = cbor2.loads(FULL.to_cbor())
    del item[key]
    with pytest.raises(InvalidManifest, match=f"manifest: {name}: missing"):
        Manifest.from_cbor(cbor2.dumps(item))


def test_doubled_keys_and_indefinite_lengths_are_refused() -> None:
    with pytest.raises(InvalidManifest, match="not CBOR"):
        Manifest.from_cbor(b"\xa2\x00\x61a\x00\x61b")
    with pytest.raises(InvalidManifest, match="not CBOR"):
        Manifest.from_cbor(b"\xbf\xff")


def test_indices_are_found_by_name() -> None:
    assert FULL.stream_index("out") == 0
    assert FULL.input_index("river") == 0
    with pytest.raises(InvalidManifest, match="no stream 'in'"):
        FULL.stream_index("in")
    with pytest.raises(InvalidManifest, match="no input 'sea'"):
        FULL.input_index("sea")


@given(manifests)
def test_bundles_survive_the_wire(manifest: Manifest) -> None:
    assume(len(manifest.to_cbor()) < MODULE_HEAD_MAX - 8)
    bundle = Bundle(manifest, MODULE)
    assert Bundle.from_bytes(bundle.to_bytes()) == bundle


def test_a_bundle_is_two_byte_strings() -> None:
    encoded = Bundle(FULL, MODULE).to_bytes()
    assert encoded == cbor2.dumps(FULL.to_cbor()) + cbor2.dumps(MODULE)


def test_a_head_is_as_long_as_a_node_keeps_and_no_longer() -> None:
    fields = tuple(f"f{number:03}" for number in range(100))
    longest = replace(MINIMAL, streams=(Stream("out", (100,), fields, ("",) * 100),))
    spare = MODULE_HEAD_MAX - Bundle(longest, MODULE).head_bytes
    units = ["u" * max(0, min(20, spare - 20 * place)) for place in range(100)]
    longest = replace(MINIMAL, streams=(Stream("out", (100,), fields, tuple(units)),))
    assert Bundle(longest, MODULE).head_bytes == MODULE_HEAD_MAX
    with pytest.raises(HeadTooLong, match="1025 bytes"):
        Bundle(replace(longest, version=MINIMAL.version + "1"), MODULE)


def test_a_changed_module_is_refused_by_digest_and_a_cut_one_by_size() -> None:
    manifest = cbor2.dumps(FULL.to_cbor())
    with pytest.raises(VerificationRefused, match="SHA-256"):
        Bundle.from_bytes(manifest + cbor2.dumps(b"\0asm\2\0\0\0"))
    with pytest.raises(VerificationRefused, match="has 4 bytes, its manifest says 8"):
        Bundle.from_bytes(manifest + cbor2.dumps(b"\0asm"))


def test_what_is_no_bundle_says_why() -> None:
    encoded = Bundle(FULL, MODULE).to_bytes()
    with pytest.raises(InvalidBundle, match="bare Wasm module"):
        Bundle.from_bytes(MODULE)
    with pytest.raises(InvalidBundle, match="1 bytes follow"):
        Bundle.from_bytes(encoded + b"\0")
    with pytest.raises(InvalidBundle, match="expected a byte string, found int 1"):
        Bundle.from_bytes(b"\x01")


def test_every_cut_bundle_is_refused() -> None:
    encoded = Bundle(FULL, MODULE).to_bytes()
    for length in range(len(encoded)):
        with pytest.raises(InvalidBundle):
            Bundle.from_bytes(encoded[:length])


@given(st.binary(max_size=64))
def test_noise_is_refused_with_an_error_of_ours(noise: bytes) -> None:
    for refuse in (Bundle.from_bytes, Manifest.from_cbor):
        with pytest.raises(WasmoteError):
            refuse(noise)


@given(st.integers(0), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_gives_a_valid_bundle(position: int, value: int) -> None:
    encoded = bytearray(Bundle(FULL, MODULE).to_bytes())
    encoded[position % len(encoded)] = value
    try:
        bundle = Bundle.from_bytes(bytes(encoded))
    except WasmoteError:
        return
    assert bundle.module == MODULE
