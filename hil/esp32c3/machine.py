"""The chip: power, resets, and the loop that runs the core and serves everything around it."""

from __future__ import annotations

from collections import deque
from enum import Enum

from hil.esp32c3 import ports
from hil.esp32c3.bus import Bus, Registers
from hil.esp32c3.clock import Clock
from hil.esp32c3.core import FLASH_CODE, Core, Stop
from hil.esp32c3.devices.analog import Analog
from hil.esp32c3.devices.gpio import Gpio
from hil.esp32c3.devices.interrupts import InterruptMatrix
from hil.esp32c3.devices.random import RandomGenerator
from hil.esp32c3.devices.rtc import ResetCause, Rtc
from hil.esp32c3.devices.spi_flash import SpiFlash
from hil.esp32c3.devices.systimer import SystemTimer
from hil.esp32c3.devices.timer_group import TimerGroup
from hil.esp32c3.devices.uart import Uart
from hil.esp32c3.devices.usb import UsbSerialJtag
from hil.esp32c3.flash import Flash
from hil.esp32c3.loader import Loader
from hil.esp32c3.ports import Port
from hil.esp32c3.rfc2217 import Lines
from hil.esp32c3.rom import Rom

DIRECT_BOOT_MAGIC = bytes.fromhex("1d04dbae") * 2
BANNER = "ESP-ROM:esp32c3-api1-20210207\r\nrst:{:#x},boot:{}\r\n"
LINE_BYTES = 4096
STUCK_S = 0.01  # how often a host that does not read is asked again


class Mode(Enum):
    """What the chip does."""

    RUNS = 1
    LOADS = 2  # the ROM's serial loader
    FAILED = 3  # the ROM found nothing to run; a watchdog will have it try again
    HELD = 4  # CHIP_EN is low


class Machine:
    """A chip with its flash, its MAC address, and what its serial ports and its button are connected to.

    `driven`: what happens to CHIP_EN and the button's pin, in order; the port of UART0 may add to it. The
    system timer has run on by `ahead_us` soon after the start. From `steps_from_us` of its time on,
    interrupts are looked at before each instruction, as the chip does, and an instruction takes the time
    of STEP_S; before, the core runs for about a millisecond in between.
    """

    def __init__(
        self,
        flash: Flash,
        mac: bytes,
        usb: Port,
        uart: Port,
        driven: deque[Lines],
        *,
        is_boot_pressed: bool,
        ahead_us: int = 0,
        steps_from_us: int | None = None,
    ) -> None:
        self._flash, self._usb_port, self._uart_port = flash, usb, uart
        self._is_boot_pressed = is_boot_pressed
        self._ahead_us, self._steps_from_us = ahead_us, steps_from_us
        self._driven = driven
        self._clock = Clock()
        self._rtc = Rtc(self._clock, mac)
        self._bus = Bus()
        self._core = Core(flash, self._bus)
        self.start(ResetCause.POWER_ON)

    def _follow_lines(self) -> None:
        while self._driven:
            lines = self._driven.popleft()
            self._is_boot_pressed = lines.is_boot_pressed
            if not lines.is_enabled:
                self._mode = Mode.HELD
            elif self._mode is Mode.HELD:
                self.start(ResetCause.POWER_ON)

    def press_boot(self) -> None:
        """Hold the button from now on."""
        self._is_boot_pressed = True
        self._gpio.press_boot()

    def start(self, cause: ResetCause) -> None:
        """Reset the digital core. The ROM chooses what starts; after power-on the pin has a say."""
        self._rtc.start(cause)
        self._connect_devices()
        self._core.reset(FLASH_CODE + len(DIRECT_BOOT_MAGIC))
        self._rom = Rom(self._core, self._flash, self._clock)
        self._is_asleep = False
        is_strapped = self._is_boot_pressed and cause is ResetCause.POWER_ON
        if is_strapped or self._rtc.forces_download:
            self._mode = Mode.LOADS
            self._rtc.stop_watchdogs()
            self._group.stop()
            self._loaders = {
                port: Loader(self._flash, self._bus, self._core) for port in (self._usb_port, self._uart_port)
            }
        elif self._flash.read(0, len(DIRECT_BOOT_MAGIC)) == DIRECT_BOOT_MAGIC:
            self._mode = Mode.RUNS
        else:
            self._mode = Mode.FAILED
        self._uart.say(BANNER.format(cause, self._mode.name))

    def _connect_devices(self) -> None:
        self._matrix = InterruptMatrix()
        self._gpio = Gpio(is_boot_pressed=self._is_boot_pressed)
        self._timer = SystemTimer(self._clock, self._ahead_us)
        self._usb = UsbSerialJtag(self._usb_port)
        self._uart = Uart(self._uart_port, self._clock)
        self._group = TimerGroup(self._clock, is_running=True)
        self._bus.connect(
            {
                0x6000_0000: self._uart,
                0x6000_2000: SpiFlash(),
                0x6000_4000: self._gpio,
                0x6000_8000: self._rtc,
                0x6000_9000: Registers(),  # IO MUX
                0x6000_E000: Registers(),  # the bus to analog parts
                0x6001_F000: self._group,
                0x6002_0000: TimerGroup(self._clock, is_running=False),
                0x6002_3000: self._timer,
                0x6002_6000: RandomGenerator(),
                0x6004_0000: Analog(),
                0x6004_3000: self._usb,
                0x600C_0000: Registers({0x08: 0x0C, 0x10: 0xF9C1_E06F, 0x14: 0x200, 0x1C: 0x1FE, 0x58: 1}),
                0x600C_2000: self._matrix,
            }
        )

    def turn(self) -> None:
        """Do what there is to do now, or sleep until there is."""
        self._follow_lines()
        cause = self._reset_cause()
        if cause is not None:
            self.start(cause)
        if self._mode is Mode.RUNS:
            self._usb.serve()
            self._uart.serve()
            self._run()
        elif self._mode is Mode.LOADS:
            self._load()
        else:
            self._uart_port.read(LINE_BYTES)  # nobody listens, but lines may change
            until = None if self._mode is Mode.HELD else min(self._watchdogs().values(), default=None)
            self._sleep([self._uart_port], until)

    def _reset_cause(self) -> ResetCause | None:
        if self._mode is Mode.HELD:
            return None
        if self._rtc.wants_reset:
            return ResetCause.SOFTWARE
        bitten = [cause for cause, at in self._watchdogs().items() if at <= self._clock.now()]
        return bitten[0] if bitten else None

    def _watchdogs(self) -> dict[ResetCause, float]:
        group = self._group.deadline()
        return self._rtc.deadlines() | ({} if group is None else {ResetCause.TIMER_WATCHDOG: group})

    def _run(self) -> None:
        active = [*self._timer.active(), *self._usb.active(), *self._uart.active()]
        pending = self._matrix.pending(active)
        if not self._core.take_interrupt(pending):
            if self._core.is_in_rom:
                self._call_rom()
                return
            if self._is_asleep and pending is None:
                self._doze(None)
                return
        if self._steps_from_us is not None and self._timer.now_us() >= self._steps_from_us:
            self._clock.count_steps()
            self._is_asleep = self._core.step() is Stop.ASLEEP
            self._clock.step()
        else:
            self._is_asleep = self._core.run() is Stop.ASLEEP

    def _call_rom(self) -> None:
        again_at = self._rom.call()
        if again_at is not None:
            self._doze(again_at)

    def _doze(self, until: float | None) -> None:
        """Sleep until a timer, a watchdog or the host wants something, or that time has come."""
        deadlines = [until, self._timer.deadline(), self._uart.deadline(), *self._watchdogs().values()]
        if self._usb.is_stuck:
            deadlines.append(self._clock.now() + STUCK_S)
        listening = []
        if self._usb.listens:
            listening.append(self._usb_port)
        if self._uart.listens:
            listening.append(self._uart_port)
        self._sleep(listening, min((at for at in deadlines if at is not None), default=None))

    def _sleep(self, listening: list[Port], until: float | None, writing: list[Port] | None = None) -> None:
        if self._driven:
            return
        timeout_s = None if until is None else until - self._clock.now()
        self._clock.sleep(lambda limit_s: ports.wait_for(listening, writing or [], limit_s), timeout_s)

    def _load(self) -> None:
        """Serve the loader; a command may end it."""
        for port, loader in self._loaders.items():
            loader.feed(port.read(LINE_BYTES))
            loader.outgoing = loader.outgoing[port.write(loader.outgoing) or 0 :]
        if any(loader.wants_start for loader in self._loaders.values()):
            self.start(ResetCause.SOFTWARE)
        else:
            writing = [port for port, loader in self._loaders.items() if loader.outgoing]
            until = min(self._watchdogs().values(), default=None)
            self._sleep([self._usb_port, self._uart_port], until, writing)
