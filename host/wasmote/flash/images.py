"""Where boards and their images are: in the package where it came as a wheel, else in the checkout.

`make wheel` puts an image and a board.toml for each board into the package, and a manifest of their SHA-256;
of the native board one for each processor that Linux machines have.
"""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path
from typing import Any

from wasmote.errors import DeviceNotFound, VerificationRefused
from wasmote.flash.board import FlashBoard
from wasmote.flash.image import Image

PACKAGED = Path(__file__).resolve().parents[1] / "images"
CHECKOUT = Path(__file__).resolve().parents[3]
MANIFEST = "manifest.json"
SUFFIXES = (".hex", ".bin")
NATIVE = "native"
PROCESSORS = ("x86_64", "aarch64")  # platform.machine()
REINSTALL = "install the wheel again: pip install --force-reinstall --no-deps WHEEL"


def board_files() -> dict[str, Path]:
    """The board.toml files of all boards, by name."""
    if PACKAGED.is_dir():
        return {path.stem: path for path in sorted(PACKAGED.glob("*.toml"))}
    return {path.parent.name: path for path in sorted(CHECKOUT.glob("boards/[!_]*/board.toml"))}


def read_boards() -> dict[str, FlashBoard]:
    """All boards, by name."""
    return {name: FlashBoard.read(path) for name, path in board_files().items()}


def find_image(board: FlashBoard, given: Path | None = None) -> Image:
    """Read the image for a board, or the one that is given.

    Raises `DeviceNotFound` where there is none, `VerificationRefused` for a damaged one.
    """
    if given is not None:
        return Image.read(given, board.origin)
    folder = PACKAGED if PACKAGED.is_dir() else CHECKOUT / "build" / board.name
    stem = board.name if PACKAGED.is_dir() else "firmware"
    path = next((path for suffix in SUFFIXES if (path := folder / f"{stem}{suffix}").is_file()), None)
    if path is None:
        how = REINSTALL if PACKAGED.is_dir() else f"make firmware BOARD={board.name}"
        raise DeviceNotFound(f"there is no image for {board.name} in {folder}", how)
    image = Image.read(path, board.origin)
    if PACKAGED.is_dir():
        _require_hashes(path, board.name)
    return image


def native_image() -> Path:
    """The native board's program for this machine, in an installed package.

    Raises `DeviceNotFound` for another processor or system, `VerificationRefused` where it is damaged.
    """
    path = PACKAGED / f"{NATIVE}-{platform.machine()}"
    if platform.system() != "Linux" or not path.is_file():
        raise DeviceNotFound(
            f"the package has no native board for {platform.system()} on {platform.machine()}",
            f"it has those for Linux on {' and '.join(PROCESSORS)}; elsewhere: make firmware BOARD=native",
        )
    _require_hashes(path, NATIVE)
    return path


def _require_hashes(image: Path, board: str) -> None:
    """Refuse an image, or the description of its board, that is not as it was when the wheel was made."""
    for path in (image, PACKAGED / f"{board}.toml"):
        if read_manifest().get(path.name) != _sha256(path):
            raise VerificationRefused(
                f"{path}: the image is damaged: its SHA-256 is not the one in {MANIFEST}", REINSTALL
            )


def read_manifest() -> dict[str, Any]:
    """The SHA-256 of every file, by name. Raises `VerificationRefused` where the manifest cannot be read."""
    path = PACKAGED / MANIFEST
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise VerificationRefused(f"{path}: cannot be read: {fault}", REINSTALL) from fault


def damaged() -> list[str]:
    """Names of packaged files that are not as the manifest says; empty in a checkout."""
    if not PACKAGED.is_dir():
        return []
    return [name for name, digest in read_manifest().items() if _sha256(PACKAGED / name) != digest]


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
