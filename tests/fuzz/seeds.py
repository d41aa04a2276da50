"""Write the first inputs of every fuzz target, from the modules that the host itself talks with.

Messages come from aiocoap, frames from wasmote.link, manifests and bundles from wasmote.wire, modules
from tests/c/wasm: what they say changes, the seeds change with it.

Usage: seeds.py FOLDER                    bundles.h, one folder a target in it, one file a seed
       seeds.py --pack FILE FOLDER...     all files of these folders in one, for replay.c
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiocoap import Code, Message, Type
from aiocoap.optiontypes import OpaqueOption, UintOption

from wasmote.link.slip import END, ESC
from wasmote.link.slipmux import COAP_MESSAGE_MAX, CoapFrame, DiagnosticFrame
from wasmote.wire.bundle import BUNDLE_CONTENT_FORMAT, Bundle
from wasmote.wire.codec import decode, encode
from wasmote.wire.cose import Sign1
from wasmote.wire.manifest import Input, Manifest, StateSchema, Stream

ROOT = Path(__file__).resolve().parents[2]
Seeds = Iterator[tuple[str, bytes]]

# ---- messages ---------------------------------------------------------------------------------


def message(
    code: Code, path: str = "", *, token: bytes = b"", payload: bytes = b"", **options: object
) -> Message:
    """Return a confirmable message; `options` are attributes of aiocoap's `Options`."""
    made = Message(code=code, payload=payload)
    made.mtype, made.mid, made.token = Type.CON, 0x1234, token
    if path:
        made.opt.uri_path = tuple(path.split("/"))
    for name, value in options.items():
        setattr(made.opt, name, value)
    return made


def messages() -> Iterator[tuple[str, Message]]:
    """One message for each thing that a client or a server may say."""
    block1, block2 = (3, True, 2), (5, False, 6)
    yield "get", message(Code.GET, "node", token=b"tokn", accept=60)
    yield "core", message(Code.GET, ".well-known/core", uri_query=("rt=wasmote*",))
    yield "href", message(Code.GET, ".well-known/core", uri_query=("href=/out*",))
    yield "since", message(Code.GET, "out/0/features", uri_query=("since=12", "x=y"))
    yield "observe", message(Code.GET, "out/0/features", token=b"12345678", observe=0)
    yield "block2", message(Code.GET, "out/0/features", block2=block2)
    yield (
        "block1",
        message(
            Code.PUT,
            "modules/0",
            payload=bytes(range(64)),
            content_format=BUNDLE_CONTENT_FORMAT,
            block1=block1,
            size1=257,
            request_tag=[b"tag"],
        ),
    )
    yield "conditional", message(Code.PUT, "modules/0/config", if_match=[b"etag", b""], payload=b"\xa0")
    yield "create", message(Code.POST, "modules/0/control", if_none_match=True, payload=b"\xa1\x00\x02")
    yield "delete", message(Code.DELETE, "modules/1")
    yield "etags", message(Code.GET, "node", etags=[b"abcd", b"12345678"])
    yield "proxy", message(Code.GET, proxy_uri="coap://elsewhere/node")
    yield "host", message(Code.GET, "node", uri_host="board.local", uri_port=5683)
    unknown = message(Code.GET, "node")
    unknown.opt.add_option(OpaqueOption(65000, b"elective"))
    unknown.opt.add_option(UintOption(65001, 1 << 24))
    yield "unknown", unknown
    long = message(Code.GET, "/".join("segment" * 6 for _ in range(2)), uri_query=("q" * 300,))
    yield "long", long


def datagrams() -> Seeds:
    """All messages as bytes, and some that are not requests."""
    for name, made in messages():
        yield name, made.encode()
    yield "ping", b"\x40\x00\x12\x34"
    yield "ack", b"\x60\x00\x12\x34"
    yield "reset", b"\x70\x00\x12\x34"
    yield "response", b"\x64\x45\x12\x34tokn\xc1\x3c\xff\xa0"
    yield "marker_without_payload", b"\x40\x01\x12\x34\xff"
    yield "token_of_nine", b"\x49\x01\x12\x34123456789"
    yield "option_wraps", b"\x40\x01\x12\x34\xe0\xff\xff\xe0\xff\xff"


# ---- targets ----------------------------------------------------------------------------------


def slip() -> Seeds:
    """How much room the encoder has, then the line."""
    get = message(Code.GET, "node").encode()
    good = CoapFrame(get).to_bytes()
    lines = {
        "frame": good,
        "two": good + CoapFrame(bytes([END, ESC, 0x40])).to_bytes(),
        "text": DiagnosticFrame("12 trap in on_sample").to_bytes(),
        "wrong_fcs": good[:-2] + bytes([good[-2] ^ 1, END]) + good,
        "bad_escape": bytes([END, 0xA9, ESC, 0xA9]) + good,
        "aborted": good[:-1] + bytes([ESC]) + good,
        "longest": CoapFrame(bytes(COAP_MESSAGE_MAX)).to_bytes(),
        "oversize": CoapFrame(bytes(COAP_MESSAGE_MAX + 1)).to_bytes() + good,
    }
    for name, line in lines.items():
        yield name, b"\x07" + line


def pdu() -> Seeds:
    """How much room is missing, then the message."""
    for name, datagram in datagrams():
        yield name, b"\x03" + datagram


def options() -> Seeds:
    """How much room links have, then what follows the header of a message without a token."""
    for name, made in messages():
        made.token = b""
        yield name, b"\x80" + made.encode()[4:]


MODULE = b"\0asm\1\0\0\0"  # fuzz_bundle.c holds the same


def manifest() -> Manifest:
    """Return one that has everything."""
    return Manifest(
        name="flood",
        version="1.0",
        sequence=7,
        digest=hashlib.sha256(MODULE).digest(),
        size=len(MODULE),
        pages=1,
        stack=2048,
        streams=(Stream("features", (2, 3), units=("1",) * 6), Stream("raw", (1,))),
        inputs=(
            Input("river", ("rain", "flow"), ("mm", "m3/s"), 500),
            Input("temperature", ("t",), ("Cel",)),
        ),
        config={"gain": 2.0, "offset": -1e9, "count": 3},
        state=StateSchema("flood-1", 64),
        capabilities=("log", "random"),
        event_budget_us=20_000,
    )


def bundle() -> Seeds:
    """A bundle as it is pushed, and the manifest of one."""
    full = manifest()
    least = Manifest("m", "1", 0, full.digest, full.size, pages=1, stack=1024)
    for name, made in (("full", full), ("least", least)):
        yield f"{name}_bundle", Bundle(made, MODULE).to_bytes()
        yield f"{name}_manifest", made.to_cbor()
    key_id, signature = b"a key id", bytes(64)
    envelope = Sign1(Sign1.header(key_id), key_id, least.to_cbor(), signature)
    yield "signed_bundle", Bundle(least, MODULE, envelope).to_bytes()
    inputs = tuple(Input(name, ("c",), ("1",)) for name in "abcd")
    most = replace(full, inputs=inputs, streams=(Stream("a", (128,)), Stream("b", (2, 64))))
    yield "most", most.to_cbor()
    for key, entries in ((9, 3), (10, 5)):
        item = decode(most.to_cbor(), "manifest")
        assert isinstance(item, dict)
        last = item[key][-1]
        more = [last | {0: f"more{n}"} for n in range(entries - len(item[key]))]
        yield f"too_many_{key}", encode(item | {key: item[key] + more})
    yield "cut", Bundle(full, MODULE).to_bytes()[:-1]
    yield "deep", b"\x81" * 12 + b"\x00"


# fuzz_block.c, struct step
PUT, GET, POST, DELETE = range(4)
BLOCK1, MORE, BLOCK2, SHORT = 8, 16, 32, 64
WHOLE, STREAM, LIMITED, ANSWER = range(4)
REPEAT, PAUSE, CHANGE = 0x80, 0xC0, 0xC4


def step(peer: int, path: int, method: int, how: int, szx: int = 2, which: int = 0, length: int = 0) -> bytes:
    """One request; `which`: 0 is the next block, n block n - 1."""
    return bytes([peer | path << 2 | method << 4, szx | how, which, length])


def upload(peer: int, path: int, blocks: int, szx: int = 2) -> list[bytes]:
    """Return the steps of one whole upload."""
    first = [step(peer, path, PUT, BLOCK1 | MORE, szx, which=1)]
    middle = [step(peer, path, PUT, BLOCK1 | MORE, szx)] * (blocks - 2)
    return [*first, *middle, step(peer, path, PUT, BLOCK1 | SHORT, szx, length=3)]


def block() -> Seeds:
    """Lists of steps."""
    whole, stream = upload(0, WHOLE, 4), upload(1, STREAM, 4, szx=5)
    fetch = [step(2, WHOLE, GET, BLOCK2, 4, which=n) for n in range(1, 6)]
    pause = bytes([PAUSE, 0, 130, 0])
    yield "whole", b"".join(whole)
    yield "stream", b"".join(stream)
    yield "two_at_once", b"".join(step for pair in zip(whole, stream, strict=True) for step in pair)
    yield "gap", b"".join([*stream[:2], step(1, STREAM, PUT, BLOCK1 | MORE, 5, which=9), *stream[2:]])
    yield "repeated", b"".join([*stream[:2], bytes([REPEAT | 1, 0, 0, 0]), *stream[2:]])
    yield "other_size", b"".join([*stream[:2], step(1, STREAM, PUT, BLOCK1 | MORE, 4), *stream[2:]])
    yield "abandoned", b"".join([*whole[:2], pause, *stream])
    yield "too_large", b"".join(upload(3, LIMITED, 12))
    yield "longest", b"".join(upload(3, WHOLE, 20, szx=6))
    yield "fetched", b"".join(fetch)
    yield "changed", b"".join([*fetch[:3], bytes([CHANGE, 0, 0, 0]), *fetch[2:]])
    answer = [step(1, ANSWER, POST, BLOCK2 | SHORT, 2, which=n, length=5) for n in range(1, 9)]
    yield "answer", b"".join([*answer, *fetch])


# fuzz_server.c, take_step()
RAW, LINE, TIME, EMPTY, CHANGED, GONE, ROOM, LOST, LENGTH, TAKE, COMPLETE, REQUEST = range(12)


def raw(peer: int, datagram: bytes) -> bytes:
    """One datagram as it is; its length counts in sixes."""
    sixes = -(-len(datagram) // 6)
    return bytes([RAW | peer << 6, sixes]) + datagram.ljust(6 * sixes, b"\0")


def request(peer: int, what: int, how: int = 0, number: int = 0) -> bytes:
    """One well-formed request; see send_request()."""
    return bytes([REQUEST | peer << 6, what, how, number])


def server() -> Seeds:
    """Lists of steps."""
    for name, datagram in datagrams():
        if len(datagram) % 6 == 0 or datagram.find(b"\xff") > 0:
            yield f"raw_{name}", raw(1, datagram)
    for name, line in slip():
        if len(line) < 256:
            yield f"line_{name}", bytes([LINE, len(line) - 1]) + line[1:]
    observe = [request(peer, 1 | token << 5, 0x10) for peer in range(4) for token in (1, 2, 3)]
    changed, take, wait = bytes([CHANGED, 1]), bytes([TAKE]), bytes([TIME, 3])
    acked, refused = bytes([EMPTY | 1 << 6]), bytes([EMPTY | 32 | 1 << 6])
    yield "observers", b"".join([*observe, changed, take, refused, changed, take])
    yield "confirmable", observe[3] + (changed + take) * 40 + acked + changed + wait * 8
    yield "a_day", observe[3] + bytes([TIME, 7]) + changed + take + acked
    yield "gone", observe[3] + bytes([GONE, 1]) + take + wait
    yield "no_room", bytes([ROOM, 3]) + observe[0] + changed * 3 + wait + bytes([ROOM, 200, TAKE])
    yield "lost", bytes([LOST | 16]) + observe[3] + changed + wait + bytes([LOST])
    yield "large", bytes([LENGTH, 255]) + request(1, 1, 0x90, 0x40) + changed + take
    later = [request(1, 6 | 1 << 5), request(2, 6, 1), request(1, 6 | 3 << 3)]
    yield "deferred", b"".join([*later, take, bytes([COMPLETE]), take, acked, *later])
    yield "deferred_lost", b"".join([later[0], bytes([COMPLETE]), wait * 9])
    yield "validated", b"".join(request(1, method << 3, 0, 4 | n) for method in range(4) for n in range(4))
    yield "upload", b"".join(request(1, 0x12 | 2 << 3, 0x80, 0x50 | n) for n in range(4))


def assembled(path: Path) -> bytes:
    """Return a module of the unit tests, with 16 KiB pages."""
    sys.path.insert(0, str(ROOT / "tests/c"))
    from embed_wat import assemble, mark_pages

    return bytes(mark_pages(assemble(path)))


def release(module: str, version: str, stream: str = "out", **more: Any) -> bytes:
    """Return the bundle of a module of the unit tests that listens to an injected sensor."""
    wasm = assembled(ROOT / f"tests/c/wasm/{module}.wat")
    made = Manifest(
        name=module,
        version=version,
        sequence=1,
        digest=hashlib.sha256(wasm).digest(),
        size=len(wasm),
        pages=1,
        stack=1024,
        streams=(Stream(stream, (3,)),),
        inputs=(Input("river", ("value",), ("1",)),),
        **more,
    )
    return Bundle(made, wasm).to_bytes()


def bundles() -> list[bytes]:
    """Return what fuzz_node.c installs: modules that live, swap, trap, run for ever and are refused."""
    config = {"start": 0.0, "config": 0.0, "room": 512.0, "state": 0.0}
    state = StateSchema("life/1", 4)
    return [
        release("life", "1", config=config, state=state),
        release("life", "2", config=config, state=state),
        release("life", "other stream", stream="other", config={"room": 512.0}),
        release("life", "start traps", config=config | {"start": 1.0}),
        release("life", "config traps", config=config | {"config": 1.0}),
        release("life", "state traps", config=config | {"state": 1.0}, state=state),
        release("spin", "1", event_budget_us=10_000),
        release("unknown_import", "1"),
    ]


# fuzz_node.c, take_step()
INSTALL, CONTROL, FEED, MOVE, DATAGRAM, ANSWERED, CONVERTER, ANY = range(8)
SLOT_1 = 0x20
START, STOP, SWAP = range(3)


def any_request(what: int, how: int = 0, payload: bytes = b"") -> bytes:
    """See send_any()."""
    return bytes([ANY, what, how, len(payload)]) + payload


def node() -> Seeds:
    """Lists of steps."""
    install, start, swap = bytes([INSTALL, 0]), bytes([CONTROL, START]), bytes([CONTROL, SWAP])
    feed, trap, second = bytes([FEED, 9]), bytes([FEED, 0]), bytes([INSTALL, 1])
    observe = any_request(12, 4)
    yield "everything", b"".join(any_request(path) for path in range(16))
    yield "life", install + start + observe + feed * 8 + any_request(12, 1) + any_request(4)
    yield "swap", install + start + feed + second + swap + feed + any_request(5)
    yield "trap", install + start + feed + trap + feed + start + any_request(13, 1)
    yield "stop", install + start + bytes([CONTROL, STOP]) + start + feed
    for index in range(3, 8):
        yield f"swap_to_{index}", install + start + bytes([INSTALL, index]) + swap + feed + any_request(4)
    yield "both", install + bytes([INSTALL | SLOT_1, 2]) + start + bytes([CONTROL | SLOT_1, START]) + feed * 3
    yield "cut", bytes([INSTALL, 0xA0]) + install + start
    yield "config", install + start + any_request(9 | 2 << 4, 0, encode({"room": 0.0})) + any_request(9)
    yield "control", install + any_request(7 | 1 << 4, 0, encode({0: START, 1: {"out": 7}})) + feed
    samples = encode([[1000, [1.5]], [2000, [2]]])
    yield "samples", install + start + any_request(2 | 2 << 4, 0, samples) + any_request(2) + any_request(1)
    yield "time", any_request(14 | 2 << 4, 0, encode(1_800_000_000_000)) + any_request(14) + any_request(3)
    yield "dead_converter", bytes([CONVERTER | 16]) + any_request(3) + bytes([MOVE, 2])


# program/: a byte a choice
def program() -> Seeds:
    """Choices by chance, the same each time."""
    for number in range(24):
        source = random.Random(number)
        yield f"random{number}", source.randbytes(200 + 50 * number)


# fuzz_loader.c: a module, or 1 and code for three functions, the first two with their lengths
def loader() -> Seeds:
    """The modules of the unit tests, and code that needs what the wrapper has."""
    for path in sorted((ROOT / "tests/c/wasm").glob("*.wat")):
        yield path.stem, assembled(path)
    codes = {
        "store": "41 00 41 01 36 02 00",
        "loop": "03 40 0c 00 0b",
        "call_indirect": "41 01 11 00 00",
        "br_table": "02 40 02 40 41 00 0e 01 00 01 0b 0b",
        "if_result": "41 01 04 7f 41 02 05 41 03 0b 1a",
        "float_block": "02 7d 43 00 00 80 3f 0b 1a",
        "grow": "41 01 40 00 1a",
        "recursion": "10 02",
        "emit": "41 00 41 00 41 08 10 00 1a",
        "globals": "23 00 41 01 6a 24 00",
    }
    for name, text in codes.items():
        code = bytes.fromhex(text)
        piece = bytes([len(code)]) + code
        yield f"code_{name}", b"\1" + piece * 2 + bytes.fromhex("20 01")


# fuzz_validate.c: a module, or the type of a function, 4 more so that it is no module, and its code
def validate() -> Seeds:
    """The modules of the unit tests, and code of every kind."""
    for path in sorted((ROOT / "tests/c/wasm").glob("*.wat")):
        yield path.stem, assembled(path)
    codes = {
        "0_memory": "41 00 41 01 36 02 00 3f 00 40 00 1a 41 00 41 00 41 08 fc 0a 00 00",
        "0_loop": "03 40 41 01 0d 00 0c 01 0b",
        "0_params": "41 01 44 00 00 00 00 00 00 f0 3f 02 02 1a 1a 42 05 43 00 00 80 3f 0b 1a 1a",
        "0_br_table": "02 7f 02 7f 41 05 41 00 0e 01 00 01 0b 0b 1a",
        "0_if": "41 01 04 7f 41 02 05 41 03 0b 1a",
        "0_unreachable": "00 6a 1b 7c a7 04 40 05 0b",
        "0_select": "42 01 42 02 41 00 1b 21 00 43 00 00 00 00 22 01 1a",
        "1_call": "20 00 10 00 41 01 11 01 80 80 80 80 00",
        "1_return": "23 00 24 00 20 00 0f",
        "2_saturate": "20 01 fc 06 20 01 b6",
        "3_convert": "20 00 a7 c0 20 01 bb",
    }
    for name, text in codes.items():
        yield f"code_{name}", bytes([4 + int(name[0])]) + bytes.fromhex(text)


def bundles_header() -> str:
    """Return C arrays of the bundles."""
    made = [", ".join(str(byte) for byte in bundle) for bundle in bundles()]
    arrays = [f"static const uint8_t bundle_{i}[] = {{{text}}};" for i, text in enumerate(made)]
    rows = [f"    {{bundle_{i}, sizeof bundle_{i}}}," for i in range(len(made))]
    head = ["#include <stddef.h>", "#include <stdint.h>", f"#define BUNDLES {len(made)}"]
    table = ["static const struct bundle { const uint8_t *bytes; size_t len; } bundles[] = {", *rows, "};"]
    return "\n".join([*head, *arrays, *table, ""])


def write_changed(path: Path, text: str) -> None:
    """Write a file, and only when it changes: make looks at its time."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def write_all(target_folder: Path) -> None:
    """Replace the files of every target's folder, and bundles.h."""
    for target in (slip, pdu, options, bundle, block, server, node, validate, loader, program):
        folder = target_folder / target.__name__
        folder.mkdir(parents=True, exist_ok=True)
        seeds = dict(target())
        for name, data in seeds.items():
            (folder / name).write_bytes(data)
        for stale in {path.name for path in folder.iterdir()} - seeds.keys():
            (folder / stale).unlink()
    write_changed(target_folder / "bundles.h", bundles_header())


def pack(target: Path, folders: list[Path]) -> None:
    """Write every file with its length in front, four bytes, little endian."""
    inputs = [path.read_bytes() for folder in folders for path in sorted(folder.iterdir())]
    target.write_bytes(b"".join(len(data).to_bytes(4, "little") + data for data in inputs))


def main() -> None:
    """See above."""
    if sys.argv[1] == "--pack":
        target, *folders = (Path(argument) for argument in sys.argv[2:])
        pack(target, folders)
    else:
        write_all(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
