"""`python -m wasmote`: the command line."""

from wasmote.cli import main

main(prog_name="wasmote")
