"""Run an emulated ESP32-C3: `python -m hil.esp32c3 --flash FILE --usb pty`.

The first line on standard output is JSON: the URLs of its two ports.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

from hil.esp32c3.bus import EmulatorFault
from hil.esp32c3.flash import Flash
from hil.esp32c3.ports import Port, open_port
from hil.esp32c3.rfc2217 import Lines, Rfc2217Port

try:
    from hil.esp32c3.machine import Machine
except ModuleNotFoundError as missing:
    sys.exit(f"esp32c3: {missing.name} is not installed: pip install {missing.name}")

PORT_HELP = "pty, unix:PATH or tcp:PORT (0: any)"
RFC2217 = "rfc2217:"


def mac_address(text: str) -> bytes:
    """Read the six bytes of a MAC address."""
    mac = bytes.fromhex(text.replace(":", ""))
    if len(mac) != 6:
        raise ValueError(f"a MAC address has 6 bytes: {text}")
    return mac


def parse_arguments() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="python -m hil.esp32c3", description=__doc__)
    parser.add_argument("--flash", type=Path, required=True, help="file of 4 MiB; made, erased, if missing")
    parser.add_argument("--image", type=Path, help="put this at the start of flash before power-on")
    parser.add_argument("--mac", type=mac_address, default="02:00:00:00:00:00", help="MAC address")
    parser.add_argument("--usb", default="pty", help=f"the USB serial port: {PORT_HELP}")
    parser.add_argument("--uart", default="pty", help=f"UART0: {PORT_HELP}, or rfc2217:PORT with DTR and RTS")
    parser.add_argument(
        "--boot", action="store_true", help="hold the button BOOT from power-on on: to be flashed"
    )
    parser.add_argument(
        "--without-modules", action="store_true", help="press it once the ROM has looked at it"
    )
    parser.add_argument(
        "--ahead",
        type=int,
        default=0,
        metavar="US",
        help="have the system timer run on by that after the start",
    )
    parser.add_argument(
        "--steps-from",
        type=int,
        metavar="US",
        help="from this time of the system timer on look at interrupts before each instruction (slow)",
    )
    return parser.parse_args()


def open_uart(where: str, changed: Callable[[Lines], None]) -> Port:
    """Open UART0's port; the lines of its bridge may change."""
    if where.startswith(RFC2217):
        return Rfc2217Port(int(where.removeprefix(RFC2217)), changed)
    return open_port(where)


def main() -> int:
    """Run until killed."""
    options = parse_arguments()
    flash = Flash(options.flash)
    if options.image:
        image = options.image.read_bytes()
        flash.erase(0, len(image))
        flash.program(0, image)
    driven: deque[Lines] = deque()
    usb, uart = open_port(options.usb), open_uart(options.uart, driven.append)
    machine = Machine(
        flash,
        options.mac,
        usb,
        uart,
        driven,
        is_boot_pressed=options.boot,
        ahead_us=options.ahead,
        steps_from_us=options.steps_from,
    )
    if options.without_modules:
        machine.press_boot()
    print(json.dumps({"usb": usb.url, "uart": uart.url}), flush=True)
    try:
        while True:
            machine.turn()
    except EmulatorFault as fault:
        print(f"esp32c3: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
