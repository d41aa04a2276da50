"""A recording: a module, its state, what entered it from then on, and what it emitted. One CBOR file.

With it the same bytes can be run again anywhere (`wasmote.reproduce`). firmware/SPEC.md, "Recordings".
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from wasmote.errors import UsageFault, WasmoteError
from wasmote.wire.bundle import Bundle
from wasmote.wire.codec import Fields, PayloadFault, array, decode, encode, mapping, text, u32_by_name
from wasmote.wire.records import Record
from wasmote.wire.state import Snapshot
from wasmote.wire.trace import EventKind, TracedEvent

MAGIC = "wasmote recording"
VERSION = 1
_FIRST_BYTES = (b"\xa7\x00\x71" + MAGIC.encode(), b"\xa8\x00\x71" + MAGIC.encode())
_HINT = "the file was cut or changed, or is something else: `wasmote record` makes recordings"


class InvalidRecording(UsageFault):
    """The bytes are no recording."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What `wasmote record` keeps. `events` follow each other, the first is the next one of the snapshot."""

    bundle: Bundle
    snapshot: bytes
    events: tuple[TracedEvent, ...]
    outputs: Mapping[str, tuple[Record, ...]]  # stream -> its records, of these events
    board: str  # where it was made
    lost_events: int = 0  # behind the last one
    lost_records: Mapping[str, int] = field(default_factory=dict)

    @property
    def first_event(self) -> int:
        """The number of the event behind the snapshot."""
        return Snapshot.from_bytes(self.snapshot).events

    def emissions(self) -> Iterator[tuple[TracedEvent, str]]:
        """Each record that was emitted: in which event, to which stream; in order."""
        streams = self.bundle.manifest.streams
        for event in self.events:
            for index in event.emitted:
                yield event, streams[index].name

    def to_bytes(self) -> bytes:
        """Encode."""
        return encode(
            {
                0: MAGIC,
                1: VERSION,
                2: self.bundle.to_bytes(),
                3: self.snapshot,
                4: [event.to_item() for event in self.events],
                5: {name: [one.to_item() for one in records] for name, records in self.outputs.items()},
                6: self.board,
            }
            | ({7: [self.lost_events, dict(self.lost_records)]} if self.is_incomplete else {})
        )

    @property
    def is_incomplete(self) -> bool:
        """Whether something was lost while it was made."""
        return self.lost_events > 0 or any(self.lost_records.values())

    @classmethod
    def from_bytes(cls, encoded: bytes) -> Self:
        """Decode and check. Raises InvalidRecording, and what `Bundle.from_bytes` raises."""
        if not is_recording(encoded):
            raise InvalidRecording("not a recording", _HINT)
        try:
            return cls._checked(Fields(decode(encoded, "recording"), "recording"))
        except PayloadFault as fault:
            raise InvalidRecording(f"not a whole recording: {fault.message}", _HINT) from fault

    @classmethod
    def _checked(cls, fields: Fields) -> Self:
        if (version := fields.unsigned(1)) != VERSION:
            raise InvalidRecording(
                f"a recording of version {version}, this package reads {VERSION}", "update it"
            )
        lost_events, lost_records = fields.array(7) if 7 in fields else (0, {})
        recording = cls(
            bundle=Bundle.from_bytes(fields.binary(2)),
            snapshot=fields.binary(3),
            events=tuple(TracedEvent.from_item(*one) for one in fields.entries(4)),
            outputs={
                text(name, "5"): _records(name, items) for name, items in mapping(fields[5], "5").items()
            },
            board=fields.text(6),
            lost_events=int(lost_events),
            lost_records=u32_by_name(lost_records, fields.where(7)),
        )
        recording._check()
        return recording

    def _check(self) -> None:
        manifest, snapshot = self.bundle.manifest, Snapshot.from_bytes(self.snapshot)
        if snapshot.digest != manifest.digest:
            raise InvalidRecording(f"its snapshot is of another module than {manifest.name}", _HINT)
        for index, event in enumerate(self.events):
            number = (snapshot.events + index) & 0xFFFF_FFFF
            if event.number != number or event.kind is EventKind.BEGAN:
                raise InvalidRecording(f"event {number} is missing", _HINT)
            if any(index >= len(manifest.streams) for index in event.emitted):
                raise InvalidRecording(f"event {number} emits to a stream that the module has not", _HINT)
        counts = Counter(name for _, name in self.emissions())
        for stream in manifest.streams:
            kept = len(self.outputs.get(stream.name, ())) + self.lost_records.get(stream.name, 0)
            if kept != counts[stream.name]:
                raise InvalidRecording(
                    f"it has {kept} records of {stream.name}, its events emitted {counts[stream.name]}", _HINT
                )

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a file. Raises UsageFault, or what `from_bytes` raises; all of them name the file."""
        try:
            return cls.from_bytes(path.read_bytes())
        except OSError as fault:
            raise UsageFault(f"{path}: cannot be read: {fault.strerror}") from fault
        except WasmoteError as fault:
            fault.locate(path)
            raise

    def to_file(self, path: Path) -> None:
        """Write the file; what was there before is replaced when all is written."""
        part = path.with_name(path.name + ".part")
        try:
            part.write_bytes(self.to_bytes())
            os.replace(part, path)
        except OSError as fault:
            raise UsageFault(f"{path}: cannot be written: {fault.strerror}") from fault


def is_recording(first: bytes) -> bool:
    """Whether a file that begins so is a recording."""
    return first.startswith(_FIRST_BYTES)


def _records(stream: object, items: object) -> tuple[Record, ...]:
    return tuple(
        Record.from_item(one, f"records of {stream}") for one in array(items, f"records of {stream}")
    )
