"""A guest as its host sees it: views of its memory, and the ways in which it stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wasmtime import Caller, Memory, Trap, TrapCode

from wasmote.errors import WasmoteError

if TYPE_CHECKING:
    from wasmote.runtime.functions import Emission

TRAPPED_BY_HOST = -10  # WM_ETRAP of firmware/core/status.h

# The node's words for the same traps (wasm3), so that logs of both sides can be compared.
_SENTENCES = {
    TrapCode.UNREACHABLE: "unreachable executed",
    TrapCode.MEMORY_OUT_OF_BOUNDS: "out of bounds memory access",
    TrapCode.INTEGER_DIVISION_BY_ZERO: "integer divide by zero",
    TrapCode.INTEGER_OVERFLOW: "integer overflow",
    TrapCode.BAD_CONVERSION_TO_INTEGER: "invalid conversion to integer",
    TrapCode.BAD_SIGNATURE: "indirect call type mismatch",
    TrapCode.TABLE_OUT_OF_BOUNDS: "undefined element",
    TrapCode.INDIRECT_CALL_TO_NULL: "null table element",
    TrapCode.STACK_OVERFLOW: "stack overflow",
    TrapCode.OUT_OF_FUEL: "time budget exceeded",
}


class GuestTrap(WasmoteError):
    """The module trapped and must be made anew; `emissions` are those of the event before the trap."""

    def __init__(self, message: str, emissions: tuple[Emission, ...] = ()) -> None:
        super().__init__(message)
        self.emissions = emissions


class HostRefusal(Exception):
    """Thrown out of a host function: the guest traps with this sentence."""


def sentence(fault: Trap | HostRefusal) -> str:
    """Say what stopped a guest, in the words that a node would use."""
    if isinstance(fault, HostRefusal):
        return str(fault)
    code = fault.trap_code
    return _SENTENCES.get(code, fault.message) if code is not None else fault.message


@dataclass(frozen=True, slots=True)
class GuestView:
    """`count` items of `unit` bytes of guest memory at `address`, valid during one host call.

    Raises HostRefusal on use when not all of it lies inside linear memory.
    """

    caller: Caller
    address: int
    count: int
    unit: int

    def _place(self) -> tuple[Memory, int, int]:
        memory: Any = self.caller["memory"]
        start = self.address & 0xFFFF_FFFF
        end = start + (self.count & 0xFFFF_FFFF) * self.unit
        if end > memory.data_len(self.caller):
            raise HostRefusal("host call with a view outside linear memory")
        return memory, start, end

    @property
    def items(self) -> int:
        """How many items fit; checks the view."""
        self._place()
        return self.count & 0xFFFF_FFFF

    def read(self) -> bytes:
        """Return the bytes."""
        memory, start, end = self._place()
        return bytes(memory.read(self.caller, start, end))

    def text(self) -> str:
        """Return the bytes as UTF-8, with the replacement character where they are none."""
        return self.read().decode("utf-8", "replace")

    def write(self, data: bytes) -> None:
        """Write from the start of the view; what is longer than the view is a bug of the host."""
        memory, start, end = self._place()
        if len(data) > end - start:
            raise ValueError(f"{len(data)} bytes for a view of {end - start}")
        memory.write(self.caller, data, start)


def checked_status(status: int) -> int:
    """Hand a host function's answer to the guest, or trap it when the host says so."""
    if status == TRAPPED_BY_HOST:
        raise HostRefusal("host call that is not allowed here")
    return status
