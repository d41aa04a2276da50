"""The core: Unicorn runs the instructions; interrupts and faults, which it leaves to us, are taken here.

Unicorn's core knows more than the chip's: atomic instructions, the CSRs mie and mip. That the image uses none
of them is checked elsewhere (tests/hil).
"""

from __future__ import annotations

import ctypes
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from unicorn import (
    UC_ARCH_RISCV,
    UC_ERR_READ_PROT,
    UC_ERR_READ_UNMAPPED,
    UC_ERR_WRITE_PROT,
    UC_ERR_WRITE_UNMAPPED,
    UC_HOOK_CODE,
    UC_HOOK_INTR,
    UC_MODE_RISCV32,
    UC_PROT_ALL,
    UC_PROT_EXEC,
    UC_PROT_NONE,
    UC_PROT_READ,
    Uc,
    UcError,
)
from unicorn.riscv_const import (
    UC_CPU_RISCV32_SIFIVE_E31,
    UC_RISCV_REG_A0,
    UC_RISCV_REG_MCAUSE,
    UC_RISCV_REG_MEPC,
    UC_RISCV_REG_MSTATUS,
    UC_RISCV_REG_MTVAL,
    UC_RISCV_REG_MTVEC,
    UC_RISCV_REG_PC,
    UC_RISCV_REG_RA,
    UC_RISCV_REG_X0,
)

from hil.esp32c3 import bus
from hil.esp32c3.bus import Bus
from hil.esp32c3.decode import length, load_destination, load_store_address
from hil.esp32c3.flash import SIZE as FLASH_BYTES
from hil.esp32c3.flash import Flash
from hil.esp32c3.ticker import Ticker

FLASH_DATA, FLASH_CODE = 0x3C00_0000, 0x4200_0000
ROM, ROM_BYTES = 0x4000_0000, 0x6_0000
SRAM_DATA, SRAM_CODE, SRAM_BYTES = 0x3FC8_0000, 0x4038_0000, 0x6_0000
ERASED = b"\xff"
C_RET = b"\x82\x80"
WFI = 0x1050_0073
MRET = bytes.fromhex("73002030")
RETURNS = re.compile(re.escape(MRET))
WRITES_MSTATUS = re.compile(rb"[\x73\xf3].[\x00-\x0f]\x30", re.DOTALL)  # csrrw and the like; mret is none
MSTATUS_MIE, MSTATUS_MPIE, MSTATUS_MPP = 1 << 3, 1 << 7, 3 << 11
INTERRUPT = 1 << 31
FETCH_FAULT, LOAD_FAULT, STORE_FAULT = 1, 5, 7
CAUSES = {  # of what is not mapped at all; all else is an exception of the core's
    UC_ERR_READ_UNMAPPED: LOAD_FAULT,
    UC_ERR_READ_PROT: LOAD_FAULT,
    UC_ERR_WRITE_UNMAPPED: STORE_FAULT,
    UC_ERR_WRITE_PROT: STORE_FAULT,
}


class Stop(Enum):
    """Why the core has stopped."""

    ASKED = 1  # it would go on
    ASLEEP = 2  # in WFI
    IN_ROM = 3  # at the entry of a function in ROM


@dataclass
class _Access:
    value: int | None  # what was read


@dataclass
class _Fault:
    cause: int
    pc: int
    value: int


class Core:
    """Registers, memories and the two buses."""

    def __init__(self, flash: Flash, peripherals: Bus) -> None:
        self._uc = Uc(UC_ARCH_RISCV, UC_MODE_RISCV32)
        self._uc.ctl_set_cpu_model(UC_CPU_RISCV32_SIFIVE_E31)
        self._flash = flash  # Unicorn has its address
        # At power-on, memory holds anything.
        self._sram = ctypes.create_string_buffer(secrets.token_bytes(SRAM_BYTES), SRAM_BYTES)
        self._map(flash, peripherals)
        self._hooked: set[int] = set()
        self._fault: _Fault | None = None
        self._error: Exception | None = None
        self._done: _Access | None = None
        self._was_asked = False
        self._stops_when_unlocked = False
        self._knows_unlocks = False  # has hooked the places
        self._ticker = Ticker(self._ask)
        self._after_reset = self._uc.context_save()
        self._uc.hook_add(UC_HOOK_INTR, self._on_exception)
        self._uc.hook_add(UC_HOOK_CODE, self._on_rom, begin=ROM, end=ROM + ROM_BYTES - 1)

    def _map(self, flash: Flash, peripherals: Bus) -> None:
        sram, code = ctypes.addressof(self._sram), UC_PROT_READ | UC_PROT_EXEC
        self._uc.mem_map_ptr(SRAM_DATA, SRAM_BYTES, UC_PROT_ALL, sram)
        self._uc.mem_map_ptr(SRAM_CODE, SRAM_BYTES, UC_PROT_ALL, sram)
        self._uc.mem_map_ptr(FLASH_DATA, FLASH_BYTES, UC_PROT_READ, flash.address)
        self._uc.mem_map_ptr(FLASH_CODE, FLASH_BYTES, code, flash.address)
        self._uc.mem_map(ROM, ROM_BYTES, code)
        self._uc.mem_write(ROM, C_RET * (ROM_BYTES // len(C_RET)))

        def read(_: Uc, offset: int, __: int, ___: object) -> int:
            value = 0
            self._ticker.begin_access()
            try:
                value = peripherals.read(bus.BASE + offset)
            except Exception as error:
                self._fail(error)
            self._end_access(value)
            return value

        def write(_: Uc, offset: int, __: int, value: int, ___: object) -> None:
            self._ticker.begin_access()
            try:
                peripherals.write(bus.BASE + offset, value & 0xFFFF_FFFF)
            except Exception as error:
                self._fail(error)
            self._end_access(None)

        self._uc.mmio_map(bus.BASE, bus.SIZE, read, None, write, None)

    def _end_access(self, value: int | None) -> None:
        """Stop here if somebody wants the core to stop: what the instruction does at the device is done."""
        if self._ticker.is_due:
            self._done = _Access(value)
            self._uc.emu_stop()
        self._ticker.end_access()

    def _fail(self, error: Exception) -> None:
        """Keep what a hook raised for run(): Unicorn would lose it."""
        self._error = self._error or error
        self._uc.emu_stop()

    def reset(self, entry: int) -> None:
        """Start at an address, with interrupts locked and memory protection off; memory stays as it is."""
        self._uc.context_restore(self._after_reset)
        self._uc.ctl_flush_tb()
        self._knows_unlocks = False
        self.pc = entry

    # ---- registers ---------------------------------------------------------------------------------

    @property
    def pc(self) -> int:
        """Address of the next instruction."""
        return int(self._uc.reg_read(UC_RISCV_REG_PC)) & 0xFFFF_FFFF

    @pc.setter
    def pc(self, value: int) -> None:
        self._uc.reg_write(UC_RISCV_REG_PC, value)

    def register(self, number: int) -> int:
        """Return x0 to x31."""
        return int(self._uc.reg_read(UC_RISCV_REG_X0 + number)) & 0xFFFF_FFFF

    def arguments(self, count: int) -> list[int]:
        """Return the first arguments of the function that was called."""
        return [int(self._uc.reg_read(UC_RISCV_REG_A0 + number)) & 0xFFFF_FFFF for number in range(count)]

    def return_from_function(self, value: int) -> None:
        """Go on behind the call."""
        self._uc.reg_write(UC_RISCV_REG_A0, value)
        self.pc = int(self._uc.reg_read(UC_RISCV_REG_RA))

    def read_memory(self, address: int, length: int) -> bytes:
        """Return what the guest has at an address."""
        return bytes(self._uc.mem_read(address, length))

    # ---- running -----------------------------------------------------------------------------------

    def _ask(self) -> None:
        self._was_asked = True
        self._uc.emu_stop()

    def run(self) -> Stop:
        """Run for about a millisecond, until WFI, or until a function in ROM is called."""
        with self._ticker:
            return self._execute(0)

    def step(self) -> Stop:
        """Run one instruction."""
        sleeps = self._word(self.pc) == WFI
        self._ticker.is_due = False
        stop = self._execute(1)
        return Stop.ASKED if stop is Stop.ASLEEP and not sleeps else stop

    def _execute(self, count: int) -> Stop:
        """Run so many instructions; 0: until something ends it."""
        self._was_asked = False
        try:
            self._uc.emu_start(self.pc, 0, count=count)
        except UcError as error:
            self._note_fault(CAUSES.get(error.errno, FETCH_FAULT), self.pc)
        if self._error is not None:
            raise self._error
        if self._done is not None:
            self._complete(self._done)
            return Stop.ASKED
        if self._fault is not None:
            self._take_fault(self._fault)
            return Stop.ASKED
        if self.is_in_rom:
            return Stop.IN_ROM
        if self._word(self.pc) == int.from_bytes(MRET, "little") and self._stops_when_unlocked:
            self._return_from_trap()
            return Stop.ASKED
        return Stop.ASKED if self._was_asked else Stop.ASLEEP

    def _complete(self, access: _Access) -> None:
        """Go on behind an instruction that Unicorn left unfinished: it would access the device once more."""
        self._done = None
        instruction = self._word(self.pc)
        register = load_destination(instruction)
        if register and access.value is not None:
            self._uc.reg_write(UC_RISCV_REG_X0 + register, access.value)
        self.pc += length(instruction)

    @property
    def is_in_rom(self) -> bool:
        """Whether the next instruction is in ROM."""
        return ROM <= self.pc < ROM + ROM_BYTES

    def show_flash(self, *, is_shown: bool) -> None:
        """Flash cannot be read while the cache is suspended."""
        self._uc.mem_protect(FLASH_DATA, FLASH_BYTES, UC_PROT_READ if is_shown else UC_PROT_NONE)

    # ---- interrupts and faults (RISC-V privileged architecture, section 3.1) ------------------------

    def take_interrupt(self, number: int | None) -> bool:
        """Take an interrupt, or have run() return as soon as it can be taken. True: it was taken."""
        status = int(self._uc.reg_read(UC_RISCV_REG_MSTATUS))
        self._stops_when_unlocked = number is not None and not status & MSTATUS_MIE
        if number is None or not status & MSTATUS_MIE:
            if self._stops_when_unlocked and not self._knows_unlocks:
                self._hook_unlocks()
                self._knows_unlocks = True
            return False
        self._trap(INTERRUPT | number, self.pc, 0, 4 * number)
        return True

    def _trap(self, cause: int, pc: int, value: int, offset: int) -> None:
        status = int(self._uc.reg_read(UC_RISCV_REG_MSTATUS))
        was_enabled = MSTATUS_MPIE if status & MSTATUS_MIE else 0
        self._uc.reg_write(
            UC_RISCV_REG_MSTATUS, status & ~(MSTATUS_MIE | MSTATUS_MPIE) | was_enabled | MSTATUS_MPP
        )
        for register, content in (
            (UC_RISCV_REG_MCAUSE, cause),
            (UC_RISCV_REG_MEPC, pc),
            (UC_RISCV_REG_MTVAL, value),
        ):
            self._uc.reg_write(register, content)
        self.pc = (int(self._uc.reg_read(UC_RISCV_REG_MTVEC)) & 0xFFFF_FF00) + offset

    def _return_from_trap(self) -> None:
        status = int(self._uc.reg_read(UC_RISCV_REG_MSTATUS))
        enabled = MSTATUS_MIE if status & MSTATUS_MPIE else 0
        self._uc.reg_write(UC_RISCV_REG_MSTATUS, status & ~MSTATUS_MIE | MSTATUS_MPIE | enabled)
        self.pc = int(self._uc.reg_read(UC_RISCV_REG_MEPC))

    def _take_fault(self, fault: _Fault) -> None:
        self._fault = None
        self._trap(fault.cause, fault.pc, fault.value, 0)

    def _on_exception(self, _: Uc, number: int, __: object) -> None:
        """Unicorn has moved on by four bytes, whatever the instruction's length."""
        try:
            self._note_fault(number, self.pc - 4)
        except Exception as error:
            self._fail(error)
        self._uc.emu_stop()

    def _note_fault(self, cause: int, pc: int) -> None:
        value = pc
        if cause in (LOAD_FAULT, STORE_FAULT):
            value = load_store_address(self._word(pc), self.register)
        self._fault = _Fault(cause, pc, value)

    def _word(self, address: int) -> int:
        try:
            return int.from_bytes(self._uc.mem_read(address, 4), "little")
        except UcError:
            return 0

    def _on_rom(self, _: Uc, __: int, ___: int, ____: object) -> None:
        self._uc.emu_stop()

    # ---- where interrupts become unlocked -----------------------------------------------------------

    def _hook_unlocks(self) -> None:
        """Unicorn does not tell when mstatus changes: look for the instructions that change it.

        Flash is what was written there, and memory what the guest copied from flash: so this finds them.
        """
        for start, size in ((SRAM_CODE, SRAM_BYTES), (FLASH_CODE, FLASH_BYTES)):
            code = self.read_memory(start, size).rstrip(ERASED)
            self._hook({start + found.end() for found in WRITES_MSTATUS.finditer(code)}, self._on_write)
            self._hook({start + found.start() for found in RETURNS.finditer(code)}, self._on_return)

    def _hook(self, places: set[int], call: Callable[..., None]) -> None:
        for place in places - self._hooked:
            self._uc.hook_add(UC_HOOK_CODE, call, begin=place, end=place)
            self._uc.ctl_remove_cache(place & ~0xFFF, (place & ~0xFFF) + 0x1000)
        self._hooked |= places

    def _on_write(self, *_: object) -> None:
        if self._stops_when_unlocked and int(self._uc.reg_read(UC_RISCV_REG_MSTATUS)) & MSTATUS_MIE:
            self._ask()

    def _on_return(self, *_: object) -> None:
        if self._stops_when_unlocked:
            self._ask()
