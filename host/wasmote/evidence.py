"""Which records tell of a module since its start, and not of what ran before: evidence has a beginning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from wasmote.wire.modules import SHORT_DIGEST_BYTES, ModuleState

if TYPE_CHECKING:
    from wasmote.wire.modules import ModuleStatus
    from wasmote.wire.records import Record

_HALF = 1 << 31  # RFC 1982, with the 32 bits of sequence numbers (firmware/SPEC.md)


@dataclass(frozen=True)
class Evidence:
    """The records of a module by its digest, from the `first` number of each of its streams on.

    The digest alone would not do: the ring keeps records over stops, starts and swaps, so those of the same
    module in a former life, too.
    """

    digest: bytes  # short
    first: Mapping[str, int]

    @classmethod
    def since(cls, before: ModuleStatus | None, after: ModuleStatus) -> Self:
        """Of what `after` says runs, and was started after `before`; None: it may have been running before.

        All that came after `before` counts, unless the same module may have emitted then as well.
        """
        assert after.digest is not None  # it runs
        known = after if before is None or _may_emit(before, after.digest) else before
        numbers = {stream.name: stream.next_seq for stream in known.streams}
        return cls(
            after.digest[:SHORT_DIGEST_BYTES],
            {stream.name: numbers.get(stream.name, 0) for stream in after.streams},
        )

    def is_new(self, stream: str, record: Record) -> bool:
        """Whether a record, of whatever module, came after the beginning."""
        return (record.seq - self.first.get(stream, 0)) % (2 * _HALF) < _HALF

    def holds(self, stream: str, record: Record) -> bool:
        """Whether a record tells of the module."""
        return record.digest == self.digest and self.is_new(stream, record)


def _may_emit(status: ModuleStatus, digest: bytes) -> bool:
    """Whether this module could have gone on emitting after its status was asked for."""
    in_service = status.state in (ModuleState.RUNNING, ModuleState.PAUSED)
    return status.digest == digest and (in_service or status.restart_in_ms is not None)
