"""The emulated core with programs of a few instructions, in flash."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hil.esp32c3.bus import Bus, EmulatorFault, Registers
from hil.esp32c3.core import FLASH_CODE, LOAD_FAULT, Core, Stop
from hil.esp32c3.flash import Flash

A0, T0, T1 = 10, 5, 6
WFI = 0x10500073


class Counted(Registers):
    """Notes every value that is written, and counts reads."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[int] = []
        self.reads = 0

    def read(self, offset: int) -> int:
        self.reads += 1
        return self.reads

    def write(self, offset: int, value: int) -> None:
        self.written.append(value)


def core(folder: Path, *program: int, bus: Bus | None = None) -> Core:
    """Make a core that is about to run a program."""
    flash = Flash(folder / "flash")
    flash.program(0, struct.pack(f"<{len(program)}I", *program))
    made = Core(flash, bus or Bus())
    made.reset(FLASH_CODE)
    return made


def test_every_access_to_a_device_is_done_once_however_often_the_core_is_stopped(tmp_path: Path) -> None:
    device, bus = Counted(), Bus()
    bus.connect({0x60000000: device})
    counting = core(
        tmp_path,
        *(0x600002B7, 0x00150513),  # lui t0,0x60000; 1: addi a0,a0,1
        *(0x00A2A023, 0x0042A303),  # sw a0,0(t0); lw t1,4(t0)
        0xFF5FF06F,  # j 1b
        bus=bus,
    )
    for _ in range(300):
        assert counting.run() is Stop.ASKED
    assert device.written == list(range(1, len(device.written) + 1))
    assert len(device.written) > 300
    assert abs(device.reads - len(device.written)) <= 1
    assert counting.register(T1) == device.reads


def test_wfi_sleeps_and_a_program_without_end_is_stopped(tmp_path: Path) -> None:
    sleeping = core(tmp_path, 0x00150513, WFI, 0x0000006F)  # addi a0,a0,1; wfi; j .
    assert sleeping.run() is Stop.ASLEEP
    assert (sleeping.register(A0), sleeping.pc) == (1, FLASH_CODE + 8)
    assert sleeping.run() is Stop.ASKED


def test_flash_cannot_be_read_while_the_cache_is_suspended(tmp_path: Path) -> None:
    """What reads it ends in a trap: at the vectors, with cause and address where a handler finds them."""
    program = (
        *(0x420007B7, 0x10078793, 0x30579073),  # lui a5,0x42000; addi a5,a5,256; csrw mtvec,a5
        *(0x3C0002B7, 0x0042A503),  # lui t0,0x3c000; lw a0,4(t0)
        WFI,
    )
    handler = (0x34202573, 0x34302373, WFI)  # csrr a0,mcause; csrr t1,mtval
    reading = core(tmp_path, *program, *[0x13] * (64 - len(program)), *handler)
    reading.show_flash(is_shown=False)
    while reading.run() is not Stop.ASLEEP:
        pass
    assert (reading.register(A0), reading.register(T1)) == (LOAD_FAULT, 0x3C000004)


def test_what_a_device_cannot_do_ends_the_emulation(tmp_path: Path) -> None:
    lost = core(tmp_path, 0x6000D2B7, 0x0002A503)  # lui t0,0x6000d; lw a0,0(t0)
    with pytest.raises(EmulatorFault, match="no device"):
        lost.run()
