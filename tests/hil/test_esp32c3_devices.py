"""Parts of the emulated chip by themselves: they refuse what the real ones refuse."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import pytest

from hil.esp32c3.bus import Bus, EmulatorFault
from hil.esp32c3.clock import Clock
from hil.esp32c3.decode import length, load_destination, load_store_address
from hil.esp32c3.devices.interrupts import InterruptMatrix
from hil.esp32c3.devices.rtc import ResetCause, Rtc
from hil.esp32c3.devices.systimer import SystemTimer
from hil.esp32c3.devices.uart import BYTE_S, Uart
from hil.esp32c3.flash import Flash
from hil.esp32c3.loader import Command, Loader, Refusal
from wasmote.link.slip import SlipDecoder, encode


class StoppedClock(Clock):
    """Time as a test wants it."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds


@pytest.fixture
def flash(tmp_path: Path) -> Flash:
    return Flash(tmp_path / "flash")


def test_programming_clears_bits_and_erasing_sets_those_of_whole_sectors(flash: Flash) -> None:
    assert flash.read(0, 4) == b"\xff" * 4
    flash.program(0x0FFC, b"\x0f" * 8)
    flash.program(0x0FFE, b"\xf0" * 2)
    assert flash.read(0x0FFC, 8) == b"\x0f\x0f\0\0" + b"\x0f" * 4
    assert flash.erase(0x1004, 4) == pytest.approx(0.045)
    assert flash.read(0x0FFC, 8) == b"\x0f\x0f\0\0" + b"\xff" * 4


def test_the_file_holds_what_was_programmed(tmp_path: Path) -> None:
    Flash(tmp_path / "flash").program(0x3FFFFC, b"last")
    assert (tmp_path / "flash").read_bytes().endswith(b"last")
    assert Flash(tmp_path / "flash").read(0x3FFFFC, 4) == b"last"


def test_the_way_into_the_loader_stays_open_until_it_is_shut_or_the_whole_chip_is_reset() -> None:
    for last in (ResetCause.POWER_ON, ResetCause.RTC_WATCHDOG_OF_SYSTEM):
        rtc = Rtc(StoppedClock(), bytes(6))
        rtc.write(0xF4, 1)
        rtc.start(ResetCause.SOFTWARE)
        assert rtc.forces_download
        rtc.start(last)
        assert not rtc.forces_download
    rtc.write(0xF4, 1)
    rtc.write(0xF4, 0)
    assert not rtc.forces_download


def test_a_watchdog_may_reset_the_whole_chip() -> None:
    """As esptool has it do, 2000 cycles of the slow clock after it was told."""
    clock = StoppedClock()
    rtc = Rtc(clock, bytes(6))
    rtc.stop_watchdogs()
    assert rtc.deadlines() == {}
    clock.seconds = 5.0
    for register, value in ((0xA8, 0x50D83AA1), (0x94, 2000), (0x90, 1 << 31 | 5 << 28 | 1 << 8 | 2)):
        rtc.write(register, value)
    assert rtc.deadlines() == {ResetCause.RTC_WATCHDOG_OF_SYSTEM: pytest.approx(5.0294, abs=0.001)}


def test_the_watchdog_cannot_be_changed_without_its_key() -> None:
    clock = StoppedClock()
    rtc = Rtc(clock, bytes(6))
    rtc.write(0x90, 0)
    assert ResetCause.RTC_WATCHDOG in rtc.deadlines()
    rtc.write(0xA8, 0x50D83AA1)
    rtc.write(0x90, 0)
    assert ResetCause.RTC_WATCHDOG not in rtc.deadlines()


def test_the_watchdog_bites_a_time_after_it_was_fed() -> None:
    clock = StoppedClock()
    rtc = Rtc(clock, bytes(6))
    rtc.write(0xA8, 0x50D83AA1)
    rtc.write(0x94, 68_000)  # twice that, of 136 kHz
    clock.seconds = 0.75
    rtc.write(0xA4, 1 << 31)
    assert rtc.deadlines()[ResetCause.RTC_WATCHDOG] == pytest.approx(1.75)


def test_a_target_of_the_timer_goes_off_once_and_only_when_loaded() -> None:
    clock = StoppedClock()
    timer = SystemTimer(clock)
    for register, value in ((0x20, 16_000), (0x64, 1), (0x00, 0x46000000 | 1 << 24)):
        timer.write(register, value)
    assert timer.deadline() is None
    timer.write(0x50, 1)
    assert timer.deadline() == pytest.approx(0.001)
    assert timer.active() == []
    clock.seconds = 0.001
    assert timer.active() == [37]
    timer.write(0x6C, 1)
    assert timer.active() == []


class Wire:
    """What a UART has sent."""

    def __init__(self) -> None:
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent += data


def test_a_byte_on_the_line_has_left_the_fifo_and_keeps_the_transmitter_busy() -> None:
    clock, wire = StoppedClock(), Wire()
    uart = Uart(wire, clock)  # type: ignore[arg-type]
    for byte in b"ab":
        uart.write(0x00, byte)
    assert (uart.read(0x1C) >> 16, uart.read(0x6C)) == (1, 1 << 4)
    clock.seconds = 1.5 * BYTE_S
    assert (uart.read(0x1C) >> 16, uart.read(0x6C), wire.sent) == (0, 1 << 4, b"a")
    clock.seconds = 2.5 * BYTE_S
    assert (uart.read(0x1C) >> 16, uart.read(0x6C), wire.sent) == (0, 0, b"ab")


def matrix(registers: Iterable[tuple[int, int]]) -> InterruptMatrix:
    device = InterruptMatrix()
    for register, value in registers:
        device.write(register, value)
    return device


USB = [(4 * 26, 2), (0x104, 1 << 2), (0x114 + 8, 1), (0x194, 1)]


@pytest.mark.parametrize(
    ("missing", "number"),
    [(None, 2), (0, None), (1, None), (2, None)],
    ids=["all", "map", "enable", "priority"],
)
def test_an_interrupt_needs_a_number_a_priority_and_to_be_enabled(
    missing: int | None, number: int | None
) -> None:
    assert matrix(part for index, part in enumerate(USB) if index != missing).pending([26]) == number
    assert matrix(USB).pending([]) is None


def test_the_highest_priority_is_taken_and_the_threshold_masks() -> None:
    both = [*USB, (4 * 21, 3), (0x104, 0b1100), (0x114 + 12, 5)]
    assert matrix(both).pending([26, 21]) == 3
    assert matrix([*both, (0x194, 6)]).pending([26, 21]) is None


def test_what_is_not_emulated_is_no_silent_zero() -> None:
    bus = Bus()
    with pytest.raises(EmulatorFault, match="no device is emulated at 0x6000d000"):
        bus.read(0x6000D000)


@pytest.mark.parametrize(
    ("code", "address", "destination", "size"),
    [
        (0xFFC52583, 0x0FFC, 11, 4),  # lw a1,-4(a0)
        (0x00B52223, 0x1004, 0, 4),  # sw a1,4(a0)
        (0x414C, 0x1004, 11, 2),  # c.lw a1,4(a0)
        (0xC14C, 0x1004, 0, 2),  # c.sw a1,4(a0)
        (0x45B2, 0x200C, 11, 2),  # c.lwsp a1,12
        (0xC62E, 0x200C, 0, 2),  # c.swsp a1,12
        (0x0001, 0, 0, 2),  # c.nop
    ],
)
def test_loads_and_stores_are_understood(code: int, address: int, destination: int, size: int) -> None:
    registers = {0: 0, 2: 0x2000, 10: 0x1000}
    assert load_store_address(code, registers.__getitem__) == address
    assert load_destination(code) == destination
    assert length(code) == size


class Client:
    """Talks to the loader as esptool does, but may lie."""

    def __init__(self, flash: Flash) -> None:
        self._loader = Loader(flash, Bus(), None)  # type: ignore[arg-type]

    def send(self, command: int, body: bytes = b"", checksum: int = 0) -> tuple[bytes, int]:
        """Return an answer's data and the reason of a refusal, 0 for none."""
        self._loader.outgoing = b""
        self._loader.feed(encode(struct.pack("<BBHI", 0, command, len(body), checksum) + body))
        answer, *_ = SlipDecoder(0x4000).feed(self._loader.outgoing)
        status = answer[-4:]
        assert answer[:2] == bytes([1, command])
        return answer[8:-4], status[1] if status[0] else 0


def data(payload: bytes) -> bytes:
    return struct.pack("<IIII", len(payload), 0, 0, 0) + payload


def test_the_loader_refuses_data_with_another_sum(flash: Flash) -> None:
    client = Client(flash)
    assert client.send(Command.FLASH_BEGIN, struct.pack("<IIIII", 4, 1, 0x400, 0, 0)) == (b"", 0)
    assert client.send(Command.FLASH_DATA, data(b"abcd"), 0xEF)[1] == Refusal.CHECKSUM
    assert flash.read(0, 4) == b"\xff" * 4
    checksum = 0xEF ^ ord("a") ^ ord("b") ^ ord("c") ^ ord("d")
    assert client.send(Command.FLASH_DATA, data(b"abcd"), checksum)[1] == 0
    assert flash.read(0, 4) == b"abcd"


def test_the_loader_refuses_what_it_has_not(flash: Flash) -> None:
    client = Client(flash)
    begin = struct.pack("<IIIII", 0x1000, 4, 0x400, 0x3FF800, 0)
    assert client.send(Command.FLASH_BEGIN, begin)[1] == Refusal.FAILED
    assert client.send(Command.READ_FLASH)[1] == Refusal.INVALID_MESSAGE  # the stub's
    assert client.send(0x55)[1] == Refusal.INVALID_MESSAGE
    assert client.send(Command.FLASH_BEGIN, b"short")[1] == Refusal.FAILED


def test_the_loader_refuses_data_that_cannot_be_decompressed(flash: Flash) -> None:
    client = Client(flash)
    client.send(Command.FLASH_DEFL_BEGIN, struct.pack("<IIIII", 4, 1, 0x400, 0, 0))
    garbage = b"\x00\x01"
    assert client.send(Command.FLASH_DEFL_DATA, data(garbage), 0xEF ^ 1)[1] == Refusal.DEFLATE
