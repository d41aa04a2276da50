"""Assemble .wat files for test_runtime.c and write them as C arrays.

Two things plain WebAssembly text lacks are added: `{{60*text }}` stands for 60 copies of the text,
and memory limits get the custom-page-sizes encoding (flag 0x08, log2 = 14), which is what
`wasmote build` writes. A file whose comment says "assembled without checking" is not validated.

Usage: embed_wat.py OUT.h FILE.wat...
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

SECTION_MEMORY = 5
HAS_MAX, HAS_PAGE_SIZE, PAGE_LOG2 = 0x01, 0x08, 14


def expand(text: str) -> str:
    """Write out the repetitions."""
    return re.sub(r"\{\{(\d+)\*([^{}]*)\}\}", lambda m: m[2] * int(m[1]), text)


def read_leb(data: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned LEB128 number and the offset behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def leb(value: int) -> bytes:
    """Encode an unsigned LEB128 number."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def mark_memory(body: bytes) -> bytes:
    """Add the page size to the one memory of a memory section."""
    assert body[0] == 1
    return bytes([1, body[1] | HAS_PAGE_SIZE]) + body[2:] + leb(PAGE_LOG2)


def mark_pages(module: bytes) -> bytes:
    """Return the module with its memory in 16 KiB pages."""
    out, at = bytearray(module[:8]), 8
    while at < len(module):
        section = module[at]
        size, at = read_leb(module, at + 1)
        body = module[at : at + size]
        at += size
        if section == SECTION_MEMORY:
            body = mark_memory(body)
        out += bytes([section]) + leb(len(body)) + body
    return bytes(out)


def assemble(path: Path) -> bytes:
    """Run wat2wasm (Debian package wabt)."""
    text = path.read_text()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / path.name, Path(folder) / "out.wasm"
        source.write_text(expand(text))
        options = ["--no-check"] if "assembled without checking" in text else []
        subprocess.run(["wat2wasm", *options, str(source), "-o", str(target)], check=True)
        return target.read_bytes()


def c_array(name: str, data: bytes) -> str:
    """Format bytes as a C array definition."""
    rows = [", ".join(f"0x{b:02x}" for b in data[i : i + 16]) for i in range(0, len(data), 16)]
    return f"static const uint8_t wasm_{name}[] = {{\n    " + ",\n    ".join(rows) + "};\n"


def c_table(names: list[str]) -> str:
    """Format a table of the arrays."""
    rows = [f"    {{wasm_{name}, sizeof wasm_{name}}}" for name in names]
    head = "static const struct {\n    const uint8_t *bytes;\n    size_t len;\n} wasm_modules[] = {\n"
    return head + ",\n".join(rows) + "};\n"


def main() -> None:
    """Write the header; `unflagged` is echo.wat as wat2wasm makes it."""
    target, *sources = (Path(argument) for argument in sys.argv[1:])
    arrays = [c_array(path.stem, mark_pages(assemble(path))) for path in sources]
    arrays += [c_array("unflagged", assemble(path)) for path in sources if path.stem == "echo"]
    arrays.append(c_table([path.stem for path in sources]))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("#include <stddef.h>\n#include <stdint.h>\n\n" + "\n".join(arrays))


if __name__ == "__main__":
    main()
