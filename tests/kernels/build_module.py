"""Compile one file of kernels to WebAssembly, as `wasmote build` does, with the names that it exports.

Usage: build_module.py SOURCE OUTPUT [COMPILER OPTION...]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from wasmote.build.compilers.c import CODE_FLAGS, LINK_FLAGS, TARGET_FLAGS, find_toolchain
from wasmote.build.packer import pack

STACK_FLAGS = ("-z", "stack-size=1024")
PLAIN_FLAGS = ("-fno-builtin",)  # nothing becomes a call of a library, here or natively


def main() -> None:
    """Compile, link, pack."""
    source, output, *options = sys.argv[1:]
    tools = find_toolchain()
    with tempfile.TemporaryDirectory() as folder:
        compiled, linked = Path(folder, "kernels.o"), Path(folder, "kernels.wasm")
        subprocess.run(
            [tools.clang, *TARGET_FLAGS, *CODE_FLAGS, *PLAIN_FLAGS, *options, "-c", source, "-o", compiled],
            check=True,
        )
        subprocess.run([tools.linker, *LINK_FLAGS, *STACK_FLAGS, compiled, "-o", linked], check=True)
        packed = pack(linked.read_bytes())
    if packed.start_pages != 1:
        sys.exit(f"{source}: needs {packed.start_pages} pages, and a kernel has one")
    Path(output).write_bytes(packed.wasm)


if __name__ == "__main__":
    main()
