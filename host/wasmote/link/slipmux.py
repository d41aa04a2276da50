"""Slipmux (draft-bormann-t2trg-slipmux): CoAP messages and diagnostics on one serial line. No I/O here.

A frame starts with its kind. Diagnostics are text; CoAP messages are followed by the FCS-16 of RFC 1662
appendix C.2 over kind and message, low byte first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from wasmote.link import slip

KIND_DIAGNOSTIC = 0x0A
KIND_COAP = 0xA9
COAP_MESSAGE_MAX = 1152  # COAP_PDU_MAX of the firmware
FRAME_MAX = 2048  # leaves room for longer diagnostics

_FCS_INITIAL = 0xFFFF
_FCS_POLYNOMIAL = 0x8408  # x^16 + x^12 + x^5 + 1, bit-reversed
_FCS_GOOD = 0xF0B8  # of a frame together with its own FCS


def _fcs_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_FCS_POLYNOMIAL if byte & 1 else 0)
    return byte


_FCS_TABLE = tuple(_fcs_of_byte(byte) for byte in range(256))


def _fcs_register(content: bytes) -> int:
    register = _FCS_INITIAL
    for byte in content:
        register = (register >> 8) ^ _FCS_TABLE[(register ^ byte) & 0xFF]
    return register


def fcs16(content: bytes) -> bytes:
    """Return the two bytes of the FCS-16, as they are sent."""
    return (_fcs_register(content) ^ 0xFFFF).to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class CoapFrame:
    """One CoAP message (RFC 7252 section 3)."""

    message: bytes

    def to_bytes(self) -> bytes:
        """Return the frame as it goes on the line."""
        content = bytes([KIND_COAP]) + self.message
        return slip.encode(content + fcs16(content))


@dataclass(frozen=True, slots=True)
class DiagnosticFrame:
    """Text for people, without a checksum. Bytes that are not UTF-8 become U+FFFD."""

    text: str

    def to_bytes(self) -> bytes:
        """Return the frame as it goes on the line."""
        return slip.encode(bytes([KIND_DIAGNOSTIC]) + self.text.encode())


Frame = CoapFrame | DiagnosticFrame


@dataclass(slots=True)
class SlipmuxCounters:
    """What passed on a link since it was made."""

    sent_bytes: int = 0  # on the line, with framing
    received_bytes: int = 0
    frames: int = 0
    bad_fcs: int = 0
    unknown_kind: int = 0  # boot loaders' chatter, noise
    slip: slip.SlipCounters = field(default_factory=slip.SlipCounters)

    @property
    def bytes(self) -> int:
        """All bytes on the line, both ways."""
        return self.sent_bytes + self.received_bytes

    @property
    def dropped(self) -> int:
        """All frames that did not make it."""
        return self.bad_fcs + self.unknown_kind + self.slip.bad_escape + self.slip.too_long


class SlipmuxDecoder:
    """Turns a byte stream into frames; counts what it drops."""

    def __init__(self, counters: SlipmuxCounters | None = None) -> None:
        self.counters = counters or SlipmuxCounters()
        self._slip = slip.SlipDecoder(FRAME_MAX, self.counters.slip)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes of any length as they come; yield the good frames that they complete."""
        self.counters.received_bytes += len(data)
        for content in self._slip.feed(data):
            frame = self._parse(content)
            if frame is not None:
                self.counters.frames += 1
                yield frame

    def _parse(self, content: bytes) -> Frame | None:
        if content[0] == KIND_DIAGNOSTIC:
            return DiagnosticFrame(content[1:].decode(errors="replace"))
        if content[0] != KIND_COAP:
            self.counters.unknown_kind += 1
            return None
        if len(content) < 3 or _fcs_register(content) != _FCS_GOOD:
            self.counters.bad_fcs += 1
            return None
        return CoapFrame(content[1:-2])
