"""The RTC's part of low-power management (TRM chapters 9 and 12): resets, their causes, its watchdogs."""

from __future__ import annotations

from enum import IntEnum

from hil.esp32c3.bus import EmulatorFault, Registers
from hil.esp32c3.clock import Clock

OPTIONS0, RESET_STATE = 0x000, 0x038
WDTCONFIG0, WDTCONFIG1, WDTFEED, WDTWPROTECT = 0x090, 0x094, 0x0A4, 0x0A8
SWD_CONF, SWD_WPROTECT, OPTION1 = 0x0AC, 0x0B0, 0x0F4
SW_SYS_RST, FORCE_DOWNLOAD_BOOT, SWD_AUTO_FEED, FEED, ENABLE = 1 << 31, 1, 1 << 31, 1 << 31, 1 << 31
WDT_KEY, SWD_KEY = 0x50D8_3AA1, 0x8F1D_312A
PROTECTED = {WDTCONFIG0: (WDTWPROTECT, WDT_KEY), WDTCONFIG1: (WDTWPROTECT, WDT_KEY),
             WDTFEED: (WDTWPROTECT, WDT_KEY), SWD_CONF: (SWD_WPROTECT, SWD_KEY)}  # fmt: skip
SLOW_HZ = 136_000
STAGE0_MULTIPLIER = 2  # what an unburnt eFuse makes of it
ACTION = 28  # of stage 0: three bits
RESET_CORE, RESET_SYSTEM = 3, 4
RESET_BY_ESPTOOL = RESET_SYSTEM | 1  # what it writes for a reset of the system
SUPER_WATCHDOG_S = 4.0

# The eFuse controller has the second half of this page (TRM chapter 4).
EFUSE_MAC_0, EFUSE_MAC_1 = 0x844, 0x848
EFUSE_VERSION = 0x850, 3 << 18  # RD_MAC_SPI_SYS_3: minor revision 3, which can boot directly


class ResetCause(IntEnum):
    """Codes of RESET_STATE (TRM table 6-1)."""

    POWER_ON = 0x01
    SOFTWARE = 0x03
    TIMER_WATCHDOG = 0x07
    RTC_WATCHDOG = 0x09
    RTC_WATCHDOG_OF_SYSTEM = 0x10
    SUPER_WATCHDOG = 0x12


class Rtc(Registers):
    """Survives a reset of the digital core, which it may cause; one of the system is of it, too.

    The ROM leaves both watchdogs running when it starts a program.
    """

    def __init__(self, clock: Clock, mac: bytes) -> None:
        at, bits = EFUSE_VERSION
        high, low = int.from_bytes(mac[:2]), int.from_bytes(mac[2:])
        super().__init__({EFUSE_MAC_0: low, EFUSE_MAC_1: high, at: bits})
        self._clock = clock
        self._fed_at = 0.0
        self.start(ResetCause.POWER_ON)

    def start(self, cause: ResetCause) -> None:
        """Begin again after a reset."""
        self.wants_reset = False
        self._fed_at = self._clock.now()
        self._started_at = self._clock.now()
        self.values |= {RESET_STATE: 0x3000 | cause, WDTCONFIG0: ENABLE | RESET_CORE << ACTION}
        self.values |= {WDTCONFIG1: 0x3_0D40, SWD_CONF: 0x04B0_0000}
        if cause in (ResetCause.POWER_ON, ResetCause.RTC_WATCHDOG_OF_SYSTEM):
            self.values[OPTION1] = 0

    def stop_watchdogs(self) -> None:
        """Do what the ROM does for its loader."""
        self.values |= {WDTCONFIG0: 0, SWD_CONF: SWD_AUTO_FEED}

    def write(self, offset: int, value: int) -> None:
        """Set a register, unless it is locked."""
        if offset in PROTECTED:
            lock, key = PROTECTED[offset]
            if self.read(lock) != key:
                return
        if offset == WDTFEED and value & FEED:
            self._fed_at = self._clock.now()
        elif offset == WDTCONFIG0 and value & ENABLE:
            if value >> ACTION & 7 not in (RESET_CORE, RESET_SYSTEM, RESET_BY_ESPTOOL):
                raise EmulatorFault(f"the RTC's watchdog is to do {value >> ACTION & 7}, not 3 or 4")
            if not self.read(WDTCONFIG0) & ENABLE:
                self._fed_at = self._clock.now()
        elif offset == OPTIONS0 and value & SW_SYS_RST:
            self.wants_reset = True
            value &= ~SW_SYS_RST
        super().write(offset, value)

    @property
    def forces_download(self) -> bool:
        """Whether every start is to be into the loader, until somebody clears that, or power goes."""
        return bool(self.read(OPTION1) & FORCE_DOWNLOAD_BOOT)

    def deadlines(self) -> dict[ResetCause, float]:
        """When each watchdog that runs will bite, in seconds of the clock."""
        found = {}
        if self.read(WDTCONFIG0) & ENABLE:
            time_s = self.read(WDTCONFIG1) * STAGE0_MULTIPLIER / SLOW_HZ
            is_of_core = self.read(WDTCONFIG0) >> ACTION & 7 == RESET_CORE
            cause = ResetCause.RTC_WATCHDOG if is_of_core else ResetCause.RTC_WATCHDOG_OF_SYSTEM
            found[cause] = self._fed_at + time_s
        if not self.read(SWD_CONF) & SWD_AUTO_FEED:
            found[ResetCause.SUPER_WATCHDOG] = self._started_at + SUPER_WATCHDOG_S
        return found
