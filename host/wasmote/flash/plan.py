"""What will be erased and written: checked against the board before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wasmote.errors import UsageFault, VerificationRefused
from wasmote.flash.board import FlashBoard, Sector
from wasmote.flash.image import Image, Segment

BLANK = b"\xff"  # erased flash


@dataclass(frozen=True, slots=True)
class Plan:
    """Sectors to erase, and what to write then.

    The vectors come last: a board that was left half-written has none, and starts nothing.
    """

    board: FlashBoard
    segments: tuple[Segment, ...]
    sectors: tuple[Sector, ...]

    @property
    def size(self) -> int:
        """Bytes to write."""
        return sum(len(segment.data) for segment in self.segments)

    @property
    def erased(self) -> int:
        """Bytes of all sectors to erase."""
        return sum(sector.size for sector in self.sectors)


def make_plan(board: FlashBoard, image: Image, boards: Iterable[str], key_area: bytes = b"") -> Plan:
    """Check an image against its board; `key_area` are the bytes of the trusted keys' sector.

    Only the sectors of the image are erased: records, keys and modules are kept. With keys the board begins
    anew: records go too, for those of earlier keys would count more. `boards` are all that an image may name.
    Raises `VerificationRefused` for another board's image.
    """
    named = image.names(boards)
    if named and board.name not in named:
        raise VerificationRefused(
            f"{image.path}: this image is for {' or '.join(named)}, not for {board.name}",
            f"without --image, the one for {board.name} is taken",
        )
    for segment in image.segments:
        _require_inside(segment, board, image)
    segments = [*image.segments, *(_new_board(board, key_area) if key_area else ())]
    touched = [
        sector for segment in segments for sector in board.sectors_of(segment.address, len(segment.data))
    ]
    first = min(image.segments, key=lambda segment: segment.address)
    ordered = (*(segment for segment in segments if segment is not first), first)
    return Plan(board, ordered, tuple(sorted(set(touched), key=lambda sector: sector.number)))


def _require_inside(segment: Segment, board: FlashBoard, image: Image) -> None:
    """Refuse what would lie in sectors that are not the firmware's."""
    within = [
        sector for sector in board.firmware if sector in board.sectors_of(segment.address, len(segment.data))
    ]
    if sum(_overlap(segment, sector) for sector in within) == len(segment.data):
        return
    hint = "is it another board's image? Take the one of `make firmware`"
    if len(image.segments) == 1 and image.path.suffix.lower() == ".bin":
        hint = "take the .hex file: a .bin fills the sectors of records and keys between the firmware's too"
    raise VerificationRefused(
        f"{image.path}: {segment.address:#010x} to {segment.end - 1:#010x} is not all firmware's flash on "
        f"{board.name}",
        hint,
    )


def _overlap(segment: Segment, sector: Sector) -> int:
    return min(segment.end, sector.end) - max(segment.address, sector.address)


def _new_board(board: FlashBoard, key_area: bytes) -> list[Segment]:
    """Return what lies in the node's own sectors then, filled up: a tool may keep what it is not given."""
    if board.keys is None or len(key_area) > board.keys.size:
        raise UsageFault(f"{board.name} has no sector for keys", "flash it without --key")
    blank = [Segment(sector.address, BLANK * sector.size) for sector in board.records]
    return [*blank, Segment(board.keys.address, key_area.ljust(board.keys.size, BLANK))]
