"""Write wasm3-port/HOSTILE.md: what each trigger does to wasm3 0.5.0 as released, and to our engine.

Both are built with AddressSanitizer and run each module in a process of its own. Usage: table.py
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests" / "spec"), str(ROOT / "wasm3-port" / "stock")]
import tree  # noqa: E402
from test_hostile import of_each  # noqa: E402
from triggers import TRIGGERS, Trigger  # noqa: E402

from target import Core  # noqa: E402

PAGE = ROOT / "wasm3-port" / "HOSTILE.md"
TIMEOUT_S = 10
ADDRESS = ["-fsanitize=address", "-fno-omit-frame-pointer"]
SMALL = ["-Dd_m3MaxFunctionStackHeight=128"]  # wasm3's own value takes 12 KB of a board
HEAD = """# Modules that broke wasm3 0.5.0

What each does to wasm3 as it was released (only its page size changed, every function compiled at load, a
stack height of 128, built with AddressSanitizer on a 64-bit host), and what our engine answers. Made by
`tests/hostile/table.py`; `tests/hostile/test_hostile.py` holds the engine to it on every core. V1 and the
sums of a 32-bit offset and a length break 32-bit machines only: a 64-bit host does not show them.
CVE-2024-27528, -27529 and -27530 are errors of a host that frees a module itself; here only
`runtime_unload()` does. The modules are of the kind that each report describes, not its files: where 0.5.0
refuses one, the report's own file came by another way to the same place.

Modules that are valid and meant to keep a node busy while it loads them are in
`tests/load/worst_modules.py`: none takes more than 70 million instructions on any core
(`tests/load/test_load_time.py`).

| trigger | module | wasm3 0.5.0 | wasmote |
|---|---|---|---|
"""


def build_stock(folder: Path) -> Path:
    """Stock wasm3 and its driver."""
    source = tree.prepare()
    program = folder / "stock"
    files = [str(path) for path in sorted(source.glob("m3_*.c")) if not path.name.startswith("m3_api")]
    flags = [
        "-std=gnu11",
        "-O2",
        "-g",
        "-w",
        "-DNDEBUG",
        "-fno-strict-aliasing",
        *ADDRESS,
        *SMALL,
        f"-I{source}",
    ]
    driver = str(Path(__file__).parent / "stock.c")
    subprocess.run(["gcc", *flags, driver, *files, "-lm", "-o", str(program)], check=True)
    return program


def of_stock(program: Path, trigger: Trigger, folder: Path) -> str:
    """What became of stock wasm3."""
    module = folder / "module.wasm"
    module.write_bytes(trigger.assemble())
    try:
        done = subprocess.run(
            [str(program), str(module)], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"**no end** ({TIMEOUT_S} s)"
    said = done.stdout.strip()
    if "LeakSanitizer" in done.stderr:
        return f"{said}, **leaks memory**"
    if found := re.search(r"AddressSanitizer: ([a-zA-Z-]+)", done.stderr):
        where = re.search(r"#\d+ .* in (\w+) [^\n]*/m3_", done.stderr)
        return f"**{found[1]}**" + (f" in `{where[1]}`" if where else "")
    return said or f"**ended by signal {-done.returncode}**"


def main() -> int:
    """Write the page."""
    core = Core("native", sanitized=True)
    core.build()
    ours = {trigger.name: words for trigger, words in of_each(core)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = build_stock(folder)
        rows = [
            f"| {one.name} | {one.what} | {of_stock(program, one, folder)} | {ours[one.name]} |"
            for one in TRIGGERS
        ]
    PAGE.write_text(HEAD + "\n".join(rows) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
