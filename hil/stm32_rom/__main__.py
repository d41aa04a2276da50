"""`python -m hil.stm32_rom BOARD`: prints a terminal that speaks AN3155, and serves it until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import tempfile
from pathlib import Path

from hil.stm32_rom.board import EmulatedBoard


async def serve(options: argparse.Namespace, flash: Path) -> None:
    """Be the board, until it is told to end."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    board = EmulatedBoard.of(options.board, flash, extended=not options.old_erase)
    board.rom.readout_protected = options.readout_protected
    board.rom.flash.protected.update(options.write_protected)
    async with board:
        print(board.port, flush=True)
        await board.unplugged.wait()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="python -m hil.stm32_rom", description=__doc__)
    parser.add_argument("board", help="a board of boards/ with an STM32")
    parser.add_argument(
        "--flash", type=Path, help="file of the flash, kept; default: one that is gone at the end"
    )
    parser.add_argument("--readout-protected", action="store_true", help="the chip lets nobody read it")
    parser.add_argument(
        "--write-protected", type=int, nargs="*", default=[], metavar="N", help="these sectors"
    )
    parser.add_argument("--old-erase", action="store_true", help="ERASE in place of EXTENDED ERASE")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="wasmote-rom-") as folder,
        contextlib.suppress(asyncio.CancelledError),
    ):
        asyncio.run(serve(options, options.flash or Path(folder) / "flash"))


if __name__ == "__main__":
    main()
