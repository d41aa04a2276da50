"""How a new module proves itself to the gateway: by good records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wasmote.wire.modules import SHORT_DIGEST_BYTES

if TYPE_CHECKING:
    from wasmote.wire.modules import ModuleStatus
    from wasmote.wire.records import Record


class Proving:
    """A module on probation, as `status` says; `needed` good records confirm it.

    A record is good when it holds neither NaN nor infinity.
    """

    def __init__(self, status: ModuleStatus, needed: int) -> None:
        assert status.digest is not None
        self.digest = status.digest
        self.good = 0
        self._needed = needed
        self._from = {stream.name: stream.next_seq for stream in status.streams}

    @property
    def proved(self) -> bool:
        """Whether it has emitted enough."""
        return self.good >= self._needed

    def took(self, stream: str, records: Sequence[Record]) -> bool:
        """Count records. True when it is proved with them, or when a later one is another module's."""
        ours = [record for record in records if record.digest == self.digest[:SHORT_DIGEST_BYTES]]
        self.good += sum(record.flags == 0 for record in ours)
        replaced = any(record.seq >= self._from.get(stream, 0) and record not in ours for record in records)
        return self.proved or replaced
