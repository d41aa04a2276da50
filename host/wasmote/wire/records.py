"""`/out`: the records that modules emit."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Self

import cbor2
import numpy as np
import numpy.typing as npt

from wasmote.wire.codec import Fields, Payload, PayloadFault, binary, without_none
from wasmote.wire.node import BOOT_ID_BYTES

F32LE_ARRAY_TAG = 85  # RFC 8746 section 2.1: binary32, little endian
SHORT_DIGEST_BYTES = 8


class RecordFlags(enum.IntFlag):
    """What a consumer must know before it does arithmetic with a record."""

    NONE = 0
    NAN = 1
    INFINITY = 2


@dataclass(frozen=True, slots=True, eq=False)
class Record(Payload):
    """One feature vector. Equality is bit for bit, so that records that hold NaN can be compared too."""

    seq: int  # per stream, +1 a record, goes on across swaps
    time_ms: int  # of the sample that caused it
    digest: bytes  # first 8 bytes of the SHA-256 of the module that made it
    values: npt.NDArray[np.float32]  # shape (n,); read-only
    flags: RecordFlags = RecordFlags.NONE

    @classmethod
    def from_item(cls, item: object, where: str = "/out") -> Self:
        """Read a `record` map."""
        fields = Fields(item, where)
        return cls(
            seq=fields.unsigned(0),
            time_ms=fields.integer(1),
            digest=fields.binary(2, SHORT_DIGEST_BYTES),
            values=_f32_array(fields[3], fields.where(3)),
            flags=RecordFlags(fields.optional_unsigned(4) or 0),
        )

    def to_item(self) -> dict[int, object]:
        """Return a `record` map; flags only where there are any."""
        array = cbor2.CBORTag(F32LE_ARRAY_TAG, self.values.astype("<f4").tobytes())
        item: dict[int, object] = {0: self.seq, 1: self.time_ms, 2: self.digest, 3: array}
        return item | ({4: int(self.flags)} if self.flags else {})

    def _key(self) -> tuple[int, int, bytes, bytes, int]:
        return self.seq, self.time_ms, self.digest, self.values.astype("<f4").tobytes(), int(self.flags)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


@dataclass(frozen=True, slots=True)
class Records(Payload):
    """Records of one stream, oldest first, with what is needed to notice gaps."""

    boot_id: bytes  # of the node's start these sequence numbers belong to
    lost: int  # records after SEQ that the ring no longer holds
    next_seq: int  # the number that the next new record will get
    records: tuple[Record, ...]

    @classmethod
    def from_item(cls, item: object, where: str = "/out") -> Self:
        """Read a `records` map."""
        fields = Fields(item, where)
        listed = enumerate(fields.array(3))
        return cls(
            boot_id=fields.binary(0, BOOT_ID_BYTES),
            lost=fields.unsigned(1),
            next_seq=fields.unsigned(2),
            records=tuple(Record.from_item(one, f"{where} record {index}") for index, one in listed),
        )

    def to_item(self) -> dict[int, object]:
        """Return a `records` map."""
        return {
            0: self.boot_id,
            1: self.lost,
            2: self.next_seq,
            3: [record.to_item() for record in self.records],
        }


@dataclass(frozen=True, slots=True)
class OutEntry(Payload):
    """One entry of `GET /out`: a stream and where it is."""

    slot: int
    stream: str
    next_seq: int
    fields: tuple[str, ...] = ()  # names of its values, where the node tells

    @classmethod
    def from_item(cls, item: object, where: str = "/out") -> Self:
        """Read an `out-entry` map."""
        fields = Fields(item, where)
        return cls(fields.unsigned(0), fields.text(1), fields.unsigned(2), fields.optional_texts(3))

    def to_item(self) -> dict[int, object]:
        """Return an `out-entry` map."""
        return without_none(enumerate((self.slot, self.stream, self.next_seq, [*self.fields] or None)))


def _f32_array(item: object, where: str) -> npt.NDArray[np.float32]:
    if not isinstance(item, cbor2.CBORTag) or item.tag != F32LE_ARRAY_TAG:
        raise PayloadFault(
            where, f"expected a binary32 typed array (tag {F32LE_ARRAY_TAG}), found {item!r:.60}"
        )
    content = binary(item.value, where)
    if len(content) % 4:
        raise PayloadFault(where, f"{len(content)} bytes are not a whole number of binary32 values")
    return np.frombuffer(content, dtype="<f4").astype(np.float32, copy=False)
