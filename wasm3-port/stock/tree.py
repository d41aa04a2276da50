"""Unpack the wasm3 that wasm3-port/wasm3.lock pins, with nothing but its page size changed, for comparison.

Prints the folder, for WASM3_DIR: build/wasm3/stock.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import fetch  # noqa: E402

PORT = ROOT / "wasm3-port"
OUTPUT = ROOT / "build" / "wasm3" / "stock"


def prepare() -> Path:
    """Return the folder, making it when the lock or the patch has changed."""
    lock_path, patches = PORT / "wasm3.lock", [PORT / "patches" / "0001-page-size.patch"]
    stamp, wanted = OUTPUT.with_suffix(".stamp"), fetch.fingerprint(lock_path, patches)
    if stamp.exists() and stamp.read_text() == wanted and OUTPUT.exists():
        return OUTPUT
    lock = fetch.Lock.load(lock_path)
    stamp.unlink(missing_ok=True)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    fetch.unpack(fetch.pinned_file(lock), lock.directory, OUTPUT)
    fetch.apply_patches(patches, OUTPUT)
    stamp.write_text(wanted)
    return OUTPUT


def main() -> int:
    """Print the folder, from the root."""
    try:
        print(prepare().relative_to(ROOT))
    except fetch.FetchError as error:
        print(f"fetch: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
