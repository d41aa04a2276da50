"""The udev rule (udev(7)) for boards: who sits at the machine may use their ports and boot loaders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wasmote.errors import PermissionRefused
from wasmote.flash.images import board_files
from wasmote.usb import PROBES, UsbId, read_claims

RULES_FILE = Path("/etc/udev/rules.d/60-wasmote.rules")  # before 73-seat-late.rules, which heeds uaccess
RELOAD = "sudo udevadm control --reload && sudo udevadm trigger"

HEAD = """\
# Boards of wasmote, made by `wasmote setup --udev`: whoever sits here may use them (uaccess), and so may the
# group dialout, from afar too; ModemManager leaves them alone.
ACTION=="remove", GOTO="wasmote_end"
"""
RULE = 'ATTRS{{idVendor}}=="{:04x}", ATTRS{{idProduct}}=="{:04x}", {}\n'
GRANT = 'MODE="0660", GROUP="dialout", TAG+="uaccess", ENV{ID_MM_DEVICE_IGNORE}="1"'


def rules(ids: Iterable[UsbId] | None = None) -> str:
    """Return the rule file, for these USB ids: by default those that boards name, and debug probes."""
    wanted = {*read_claims(board_files().values()), *PROBES} if ids is None else set(ids)
    lines = "".join(RULE.format(vid, pid, GRANT) for vid, pid in sorted(wanted))
    return f'{HEAD}SUBSYSTEM!="tty|usb", GOTO="wasmote_end"\n{lines}LABEL="wasmote_end"\n'


def write_rules(path: Path) -> None:
    """Write the file. Raises `PermissionRefused`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rules(), encoding="utf-8")
    except OSError as fault:
        raise PermissionRefused(
            f"{path}: cannot be written: {fault.strerror}", f"wasmote setup --udev | sudo tee {path}"
        ) from fault
