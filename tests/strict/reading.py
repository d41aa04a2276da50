"""Whether bytes are taken, asked of the host's code and of the node's, for all that a node is sent."""

from __future__ import annotations

import enum
import hashlib
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from wasmote.errors import WasmoteError
from wasmote.wire.bundle import Bundle
from wasmote.wire.codec import PayloadFault, decode, settable_time_ms
from wasmote.wire.keys import KeyChange
from wasmote.wire.manifest import Input, Manifest, StateSchema, Stream
from wasmote.wire.modules import ControlRequest, config_from_cbor
from wasmote.wire.node import NodeOrder
from wasmote.wire.samples import samples_from_cbor
from wasmote.wire.trace import events_from_cbor, switch_from_cbor

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "build" / "tests" / "strict" / "target"
MODULE = b"\0asm\1\0\0\0"


class Kind(enum.IntEnum):
    """What is read, by its number in target.c."""

    FLUSH = 0
    CONTEXT = 1
    BUNDLE = 2
    CONTROL = 3
    CONFIG = 4
    TRACE = 5
    EVENT = 6
    KEY_CHANGE = 7
    NODE_ORDER = 8
    SAMPLES = 9
    TIME = 10


READ = tuple(kind for kind in Kind if kind >= Kind.BUNDLE)
Question = tuple[Kind, bytes]

CONTEXT = Manifest(
    name="context",
    version="1",
    sequence=1,
    digest=hashlib.sha256(MODULE).digest(),
    size=len(MODULE),
    pages=1,
    stack=1024,
    streams=(Stream("out", (2,)),),
    inputs=(Input("probe", ("a", "b"), ("1", "1")), Input("other", ("c",), ("m",))),
    config={"gain": 1.5, "offset": -2.0},
    state=StateSchema("context/1", 4),
)


def host_takes(kind: Kind, payload: bytes) -> bool:
    """What the host's code says."""
    try:
        _read(kind, payload)
    except WasmoteError:
        return False
    return True


def _read(kind: Kind, payload: bytes) -> None:
    match kind:
        case Kind.BUNDLE:
            Bundle.from_bytes(payload)
        case Kind.CONTROL:
            ControlRequest.from_cbor(payload, "control")
        case Kind.CONFIG:
            if not {*config_from_cbor(payload, "config")} <= {*CONTEXT.config}:
                raise PayloadFault("config", "a parameter that the module has not")
        case Kind.TRACE:
            switch_from_cbor(payload)
        case Kind.EVENT:
            events_from_cbor(payload, CONTEXT)
        case Kind.KEY_CHANGE:
            KeyChange.from_cbor(payload, "key change")
        case Kind.NODE_ORDER:
            NodeOrder.from_cbor(payload, "node order")
        case Kind.SAMPLES:
            samples_from_cbor(payload, "samples", len(CONTEXT.inputs[0].channels))
        case Kind.TIME:
            settable_time_ms(decode(payload, "time"), "time")
        case _:
            raise ValueError(kind)


def build_target() -> None:
    """Compile the node's reading."""
    subprocess.run(["make", "-s", "-C", str(Path(__file__).parent)], check=True)


class NodeReading:
    """The node's code in a process of its own, asked in batches."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([TARGET], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.takes([(Kind.CONTEXT, Bundle(CONTEXT, MODULE).to_bytes())]) != [True]:
            raise RuntimeError("the node does not take the context")

    def takes(self, questions: Sequence[Question]) -> list[bool]:
        """What the node's code says to each of them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = b"".join(struct.pack("<BI", kind, len(one)) + one for kind, one in questions)
        self._process.stdin.write(asked + struct.pack("<BI", Kind.FLUSH, 0))
        self._process.stdin.flush()
        answers = self._process.stdout.read(len(questions))
        if len(answers) != len(questions):
            raise RuntimeError(f"the node's reading ended with status {self._process.wait()}")
        return [answer == ord("1") for answer in answers]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # ends its input, and waits
