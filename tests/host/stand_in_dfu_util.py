"""In place of dfu-util and of a chip's boot loader on USB, which cannot be here: the flash is a file.

It takes the command lines that dfu-util 0.11 takes, checks the file that it is given as that does, and
prints what that prints. Files in the folder $STAND_IN: flash; layout, of its sectors; say, which is printed
in place of all else, with an error; calls, a command line each.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import sys
import zlib
from pathlib import Path

ORIGIN = 0x08000000
FOLDER = Path(os.environ.get("STAND_IN", ""))


def sector_at(address: int) -> tuple[int, int]:
    """Return where the sector of an address begins, and its size."""
    at = ORIGIN
    for count, size in json.loads((FOLDER / "layout").read_text()):
        for _ in range(count):
            if at <= address < at + size:
                return at, size
            at += size
    raise SystemExit(f"dfu-util: Page at 0x{address:08x} is not writeable")


def elements(dfu: bytes) -> list[tuple[int, bytes]]:
    """Parse a DfuSe file: UM0391 section 2."""
    if struct.unpack("<I", dfu[-4:])[0] != zlib.crc32(dfu[:-4]) ^ 0xFFFFFFFF:
        raise SystemExit("dfu-util: DFU suffix CRC does not match")
    signature, version, size, targets = struct.unpack_from("<5sBIB", dfu)
    assert (signature, version, size, targets) == (b"DfuSe", 1, len(dfu) - 16, 1)
    target, alt, _, _, length, count = struct.unpack_from("<6sBI255sII", dfu, 11)
    assert (target, alt, length) == (b"Target", 0, len(dfu) - 16 - 11 - 274)
    found, at = [], 11 + 274
    for _ in range(count):
        address, size = struct.unpack_from("<II", dfu, at)
        found.append((address, dfu[at + 8 : at + 8 + size]))
        at += 8 + size
    assert at == len(dfu) - 16
    return found


def bar(what: str, percent: int, count: int) -> None:
    """Print progress over itself."""
    print(f"{what}\t[{'=' * (percent // 4):25}] {percent:3}% {count:12} bytes", end="\r", flush=True)


def download(path: Path) -> None:
    """Erase what is needed and write."""
    flash = bytearray((FOLDER / "flash").read_bytes())
    parsed = elements(path.read_bytes())
    print("File contains 1 DFU images")
    erased = set()
    for number, (address, data) in enumerate(parsed):
        print(f"Parsing element {number + 1}, address = 0x{address:08x}, size = {len(data)}")
        at = address
        while at < address + len(data):
            start, size = sector_at(at)
            if start not in erased:
                flash[start - ORIGIN : start - ORIGIN + size] = b"\xff" * size
                erased.add(start)
            at = start + size
        bar("Erase   ", 100, len(data))
        print(f"\nDownloading element to address = 0x{address:08x}, size = {len(data)}")
        for index, byte in enumerate(data, address - ORIGIN):
            flash[index] &= byte
        for percent in (0, 50, 100):
            bar("Download", percent, len(data) * percent // 100)
        print("\nDownload done.")
    (FOLDER / "flash").write_bytes(flash)
    print("File downloaded successfully")


def upload(path: Path, where: str) -> None:
    """Read."""
    address, length, *rest = where.split(":")
    at = int(address, 16) - ORIGIN
    assert not path.exists(), f"dfu-util: Cannot open file {path} for writing: File exists"
    path.write_bytes((FOLDER / "flash").read_bytes()[at : at + int(length)])
    bar("Upload  ", 100, int(length))
    if rest == ["leave"]:
        print("\nSubmitting leave request...")
        raise SystemExit("dfu-util: Error during download get_status")


def listing(serial: str) -> None:
    """Print the devices that there are: two settings of the one."""
    layout = ",".join(
        f"{count:02}*{size // 1024:03}Kg" for count, size in json.loads((FOLDER / "layout").read_text())
    )
    for alt, name in (
        (1, "@Option Bytes  /0x1FFFC000/01*016 e"),
        (0, f"@Internal Flash  /0x08000000/{layout}"),
    ):
        print(
            f'Found DFU: [0483:df11] ver=2200, devnum=5, cfg=1, intf=0, path="1-1", alt={alt}, '
            f'name="{name}", serial="{serial}"'
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    for option in ("--device", "--serial", "--alt", "--dfuse-address"):
        parser.add_argument(option)
    for option in ("--download", "--upload"):
        parser.add_argument(option, type=Path)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    with (FOLDER / "calls").open("a") as calls:
        print(*sys.argv[1:], file=calls)
    print("dfu-util 0.11\n\nCopyright 2005-2009 Weston Schmidt, Harald Welte and OpenMoko Inc.")
    assert options.device == "0483:df11"
    if (FOLDER / "say").exists():
        raise SystemExit((FOLDER / "say").read_text())
    if options.list:
        listing(options.serial or "3652")
        return
    assert options.alt == "0"
    print("Opening DFU capable USB device...")
    if options.download:
        download(options.download)
    else:
        upload(options.upload, options.dfuse_address)


if __name__ == "__main__":
    main()
