"""`/node`: what a node is and how it is."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Self

from wasmote.wire.codec import Fields, Payload, PayloadFault, array, binary, unsigned, without_none

BOOT_ID_BYTES = 4


class ResetCause(enum.IntEnum):
    """Why the node started last."""

    UNKNOWN = 0
    POWER = 1
    PIN = 2
    SOFTWARE = 3
    WATCHDOG = 4
    FAULT = 5

    @classmethod
    def _missing_(cls, value: object) -> ResetCause:
        return cls.UNKNOWN  # a cause that a newer firmware tells apart


class NextStart(enum.IntEnum):
    """How a node that is ordered to restart is to start."""

    USUAL = 0
    WITHOUT_MODULES = 1
    LOADER = 2  # in its chip's ROM, which waits for firmware


@dataclass(frozen=True, slots=True)
class NodeOrder(Payload):
    """Restart. `number` is for a signed one: greater than that of every signed order and change of keys."""

    how: NextStart
    number: int | None = None

    @classmethod
    def from_item(cls, item: object, where: str = "node order") -> Self:
        """Read a `node-order` map."""
        fields = Fields(item, where, ("how", "number"), closed=True)
        try:
            how = NextStart(fields.unsigned(0))
        except ValueError as fault:
            raise PayloadFault(fields.where(0), str(fault)) from fault
        return cls(how, fields.optional_u32(1, minimum=1))

    def to_item(self) -> dict[int, object]:
        """Return a `node-order` map."""
        return without_none(enumerate((int(self.how), self.number)))


@dataclass(frozen=True, slots=True)
class LinkCounters:
    """What went wrong on the link, as the node counts it since its start."""

    frames_dropped: int  # FCS, form or length
    overruns: int  # bytes the receiver could not take in time
    datagrams_dropped: int

    @classmethod
    def from_item(cls, item: object, where: str) -> Self:
        """Read `[frames, overruns, datagrams]`."""
        counts = [unsigned(count, where) for count in array(item, where)]
        if len(counts) < 3:
            raise PayloadFault(where, f"expected 3 counters, found {len(counts)}")
        return cls(*counts[:3])

    def to_item(self) -> list[int]:
        """Return `[frames, overruns, datagrams]`."""
        return [self.frames_dropped, self.overruns, self.datagrams_dropped]


@dataclass(frozen=True, slots=True)
class Banks:
    """The flash that modules live in, and how it wears."""

    all: int
    unused: int
    erased: int  # times that one was erased since the node started
    records_erased: int  # times ever that a sector of records was

    @classmethod
    def from_item(cls, item: object, where: str) -> Self:
        """Read `[banks, unused, erased, records erased]`."""
        counts = [unsigned(count, where) for count in array(item, where)]
        if len(counts) < 4:
            raise PayloadFault(where, f"expected 4 counters, found {len(counts)}")
        return cls(*counts[:4])

    def to_item(self) -> list[int]:
        """Return `[banks, unused, erased, records erased]`."""
        return [self.all, self.unused, self.erased, self.records_erased]


@dataclass(frozen=True, slots=True)
class NodeInfo(Payload):
    """The answer of `GET /node`."""

    board: str
    cpu: str
    firmware: str
    abi: int
    page_size: int  # bytes of a Wasm page
    arena_free: int  # bytes
    slots: int
    uptime_s: int
    unique_id: bytes
    boot_id: bytes  # 4 random bytes, new at every start
    reset_cause: ResetCause
    injection: bool  # PUT on sensors is allowed
    development: bool  # unsigned bundles are accepted
    clock_set: bool
    bundle_max: int  # bytes
    link: LinkCounters
    fault: str | None = None  # what the last CPU fault left behind
    busy_us: int | None = None  # since the node started, not asleep
    key_ids: tuple[bytes, ...] = ()  # of the keys whose modules it takes
    boots: int | None = None
    banks: Banks | None = None
    escaped: bool | None = None  # it was told at its start to leave its modules alone

    @property
    def mode(self) -> str:
        """Whose modules it takes, for people."""
        if self.development:
            return "development mode: takes unsigned modules"
        return f"takes modules of key {', '.join(key.hex() for key in self.key_ids) or 'unknown'}"

    @classmethod
    def from_item(cls, item: object, where: str = "/node") -> Self:
        """Read a `node` map."""
        fields = Fields(item, where)
        return cls(
            board=fields.text(0),
            cpu=fields.text(1),
            firmware=fields.text(2),
            abi=fields.unsigned(3),
            page_size=fields.unsigned(4),
            arena_free=fields.unsigned(5),
            slots=fields.unsigned(6),
            uptime_s=fields.unsigned(7),
            unique_id=fields.binary(8),
            boot_id=fields.binary(9, BOOT_ID_BYTES),
            reset_cause=ResetCause(fields.unsigned(10)),
            injection=fields.flag(11),
            development=fields.flag(12),
            clock_set=fields.flag(13),
            bundle_max=fields.unsigned(14),
            link=LinkCounters.from_item(fields[15], fields.where(15)),
            fault=fields.optional_text(16),
            busy_us=fields.optional_unsigned(17),
            key_ids=tuple(binary(*entry) for entry in fields.entries(18)) if 18 in fields else (),
            boots=fields.optional_unsigned(19),
            banks=Banks.from_item(fields[20], fields.where(20)) if 20 in fields else None,
            escaped=fields.optional_flag(21),
        )

    def to_item(self) -> dict[int, object]:
        """Return a `node` map."""
        values = (
            self.board,
            self.cpu,
            self.firmware,
            self.abi,
            self.page_size,
            self.arena_free,
            self.slots,
            self.uptime_s,
            self.unique_id,
            self.boot_id,
            int(self.reset_cause),
            self.injection,
            self.development,
            self.clock_set,
            self.bundle_max,
            self.link.to_item(),
            self.fault,
            self.busy_us,
            list(self.key_ids),
            self.boots,
            self.banks.to_item() if self.banks else None,
            self.escaped,
        )
        return without_none(enumerate(values))
