"""`/node/keys`: whose modules a node takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from wasmote.wire.codec import Fields, Payload, PayloadFault, binary, without_none

PUBLIC_KEY_BYTES = 32
PLACES = 4  # for keys on a node


@dataclass(frozen=True, slots=True)
class TrustedKeys(Payload):
    """The answer of `GET /node/keys`: the public key at each place, and the number of the newest change."""

    sequence: int
    places: tuple[bytes | None, ...]

    @classmethod
    def from_item(cls, item: object, where: str = "/node/keys") -> Self:
        """Read a `keys` map."""
        fields = Fields(item, where)
        places = (
            None if entry is None else binary(entry, place, PUBLIC_KEY_BYTES)
            for entry, place in fields.entries(1)
        )
        return cls(fields.unsigned(0), tuple(places))

    def to_item(self) -> dict[int, object]:
        """Return a `keys` map."""
        return {0: self.sequence, 1: list(self.places)}


@dataclass(frozen=True, slots=True)
class KeyChange(Payload):
    """Put `key` at `place`, or with None nothing. `sequence` is greater than that of all changes before."""

    sequence: int
    place: int
    key: bytes | None

    @classmethod
    def from_item(cls, item: object, where: str = "key change") -> Self:
        """Read a `key-change` map."""
        fields = Fields(item, where, ("number", "place", "key"), closed=True)
        sequence, place = fields.u32(0, minimum=1), fields.unsigned(1)
        if place >= PLACES:
            raise PayloadFault(fields.where(1), f"there is no place {place}")
        return cls(sequence, place, fields.optional_binary(2, PUBLIC_KEY_BYTES))

    def to_item(self) -> dict[int, object]:
        """Return a `key-change` map."""
        return without_none(enumerate((self.sequence, self.place, self.key)))
