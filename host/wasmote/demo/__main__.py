"""`python -m wasmote.demo`: as `wasmote demo`."""

from __future__ import annotations

import sys

from wasmote.cli import main

if __name__ == "__main__":
    main(["demo", *sys.argv[1:]], prog_name="wasmote")
