"""Serial ports for boot loaders: opened for us alone, or the reason why not, and the way out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wasmote.link.ports import explain
from wasmote.link.url import SerialLink

if TYPE_CHECKING:
    from serial import Serial

PTY_MAJORS = range(136, 144)  # pts(4): /dev/pts/N


def open_port(path: str, baud: int, *, even_parity: bool = False) -> Serial:
    """Open a port with 8 bits; a pseudo-terminal has no parity, and refuses it.

    Raises `DeviceNotFound`, `PermissionRefused`, or `Busy`, which names the program that has it open.
    """
    from serial import PARITY_EVEN, PARITY_NONE, Serial

    try:
        has_parity = even_parity and os.major(os.stat(path).st_rdev) not in PTY_MAJORS
        parity = PARITY_EVEN if has_parity else PARITY_NONE
        return Serial(path, baud, parity=parity, exclusive=True)
    except OSError as fault:
        raise explain(SerialLink(path), fault) from fault


def try_port(path: str) -> None:
    """See that a port can be opened, before a tool is to do it; one behind a URL is the tool's affair."""
    if "://" not in path:
        open_port(path, baud=9600).close()
