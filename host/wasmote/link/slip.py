"""SLIP (RFC 1055): frames on a byte stream. No I/O here.

Whatever arrives, the decoder's memory is bounded and the frame after the next END is read as usual.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

END = 0xC0
ESC = 0xDB
ESC_END = 0xDC
ESC_ESC = 0xDD

_END = bytes([END])
_END_ESCAPED = bytes([ESC, ESC_END])
_ESC = bytes([ESC])
_ESC_ESCAPED = bytes([ESC, ESC_ESC])
_BAD_ESCAPE = re.compile(rb"\xdb(?![\xdc\xdd])", re.DOTALL)


def encode(frame: bytes) -> bytes:
    """Wrap a frame: END before and after it, so that noise on an idle line costs no frame."""
    escaped = frame.replace(_ESC, _ESC_ESCAPED).replace(_END, _END_ESCAPED)
    return _END + escaped + _END


@dataclass(slots=True)
class SlipCounters:
    """Frames that were dropped."""

    bad_escape: int = 0  # ESC before anything but ESC_END or ESC_ESC; also `ESC END`, which aborts a frame
    too_long: int = 0


class SlipDecoder:
    """Cuts a byte stream into frames of at most `frame_max` bytes. Empty frames are not reported."""

    def __init__(self, frame_max: int, counters: SlipCounters | None = None) -> None:
        self.counters = counters or SlipCounters()
        self._frame_max = frame_max
        self._raw = bytearray()  # still escaped, so up to twice the frame
        self._skipping = False  # the frame has grown too long: drop bytes up to the next END

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes of any length as they come; yield the frames that they complete."""
        *complete, rest = data.split(_END)
        for part in complete:
            self._append(part)
            frame = self._finish()
            if frame:
                yield frame
        self._append(rest)

    def _append(self, part: bytes) -> None:
        if not self._skipping and len(self._raw) + len(part) > 2 * self._frame_max:
            self._skipping = True
            self._raw.clear()
        if not self._skipping:
            self._raw += part

    def _finish(self) -> bytes | None:
        raw, skipped = bytes(self._raw), self._skipping
        self._raw.clear()
        self._skipping = False
        if _BAD_ESCAPE.search(raw):
            self.counters.bad_escape += 1
            return None
        # This order: ESC_END can follow a restored ESC, but no ESC can follow from a restored END.
        frame = raw.replace(_END_ESCAPED, _END).replace(_ESC_ESCAPED, _ESC)
        if skipped or len(frame) > self._frame_max:
            self.counters.too_long += 1
            return None
        return frame
