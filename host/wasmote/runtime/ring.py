"""The records of a stream that a host node keeps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from wasmote.runtime.functions import Emission
from wasmote.wire.records import SHORT_DIGEST_BYTES, Record, RecordFlags, Records

RING_RECORDS = 4096


@dataclass(slots=True)
class Ring:
    """The newest records of one stream; `next_seq` is the number of the one to come."""

    next_seq: int = 0
    records: deque[Record] = field(default_factory=lambda: deque(maxlen=RING_RECORDS))

    def append(self, emission: Emission, digest: bytes) -> None:
        """Take what a module emitted."""
        nan, infinite = np.isnan(emission.values).any(), np.isinf(emission.values).any()
        flags = (RecordFlags.NAN if nan else RecordFlags.NONE) | (
            RecordFlags.INFINITY if infinite else RecordFlags.NONE
        )
        self.records.append(
            Record(self.next_seq, emission.time_ms, digest[:SHORT_DIGEST_BYTES], emission.values, flags)
        )
        self.next_seq = (self.next_seq + 1) & 0xFFFF_FFFF

    def after(self, boot_id: bytes, since: int | None, most: int) -> Records:
        """Those after `since` (None: all), oldest first, at most `most`."""
        first = self.next_seq if not self.records else self.records[0].seq
        wanted = first if since is None else (since + 1) & 0xFFFF_FFFF
        lost = max(first - wanted, 0) if wanted < self.next_seq else 0
        found = [record for record in self.records if record.seq >= wanted][:most]
        return Records(boot_id, lost, self.next_seq, tuple(found))

    def newest(self, boot_id: bytes) -> Records:
        """The last one."""
        return Records(boot_id, 0, self.next_seq, tuple(self.records)[-1:])
