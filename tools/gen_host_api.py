"""Generate everything that follows from wasm3-port/host_api.toml.

Eight files, all committed, so that a reader and a compiler need no generator; ``--check`` (part of
``make lint``) exits with status 1 and names those that are stale.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from host_api import (
    c_engine,
    guest_assemblyscript,
    guest_header,
    guest_rust,
    guest_zig,
    python_linker,
    reference,
)
from host_api.model import HostApi, load

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "wasm3-port" / "host_api.toml"


def render(api: HostApi) -> dict[Path, str]:
    """Return the text of every generated file, by its path below the root."""
    return {
        Path("wasm3-port/host_api.h"): c_engine.header(api),
        Path("wasm3-port/host_thunks.c"): c_engine.thunks(api),
        Path("wasm3-port/guest/wasmote.h"): guest_header.render(api),
        Path("wasm3-port/guest/wasmote.rs"): guest_rust.render(api),
        Path("wasm3-port/guest/wasmote.ts"): guest_assemblyscript.render(api),
        Path("wasm3-port/guest/wasmote.zig"): guest_zig.render(api),
        Path("wasm3-port/HOST_API.md"): reference.render(api),
        Path("host/wasmote/runtime/host_api.py"): python_linker.render(api),
    }


def is_stale(path: Path, text: str) -> bool:
    """Say whether a committed file differs from what the source asks for."""
    return not path.exists() or path.read_text(encoding="utf-8") != text


def main() -> int:
    """Write the files, or with --check only compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    arguments = parser.parse_args()
    files = {ROOT / path: text for path, text in render(load(SOURCE)).items()}
    stale = [path for path, text in files.items() if is_stale(path, text)]
    if arguments.check:
        for path in stale:
            name = path.relative_to(ROOT)
            print(f"{name} is stale: run tools/gen_host_api.py and commit it", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
