"""What it takes to flash a board, into build/bench/flash.json: bytes and round trips, counted on the line.

For each board that is flashed, and each of its ways that runs here: an3155 with the emulated boot loader,
esptool with the emulated ESP32-C3. `wire_s` is computed: the bytes at the line's rate, without the time that
the chip takes to erase and to answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # hil is no part of the package

from hil.stm32_rom.board import EmulatedBoard
from wasmote.devices import Device
from wasmote.flash import an3155, esptool
from wasmote.flash.board import FlashBoard
from wasmote.flash.choose import Way
from wasmote.flash.flashing import flash_board, make_runner, plan_for
from wasmote.flash.images import find_image, read_boards
from wasmote.flash.plan import Plan
from wasmote.flash.runner import Entry
from wasmote.sim import ROOT

OUT = ROOT / "build/bench/flash.json"
BITS_AN3155, BITS_ESPTOOL = 11, 10  # of a byte on the line: with parity, without


@dataclass
class Count:
    """What passed on a line: bytes to the board and from it, and how often an answer followed a request."""

    sent: int = 0
    received: int = 0
    round_trips: int = 0

    def report(self, bits: int, baud: int) -> dict[str, Any]:
        """Return the figures."""
        seconds = (self.sent + self.received) * bits / baud
        return {
            "bytes_sent": self.sent,
            "bytes_received": self.received,
            "round_trips": self.round_trips,
            "baud": baud,
            "wire_s": round(seconds, 1),
        }


def flash(board: FlashBoard, runner: str, port: str, plan: Plan) -> None:
    """Flash, as `wasmote flash` does."""
    data = board.runner(runner)
    assert data is not None
    way = Way(board, data, Device(None, port=port))
    flash_board(way, make_runner(way, Entry.HAND), plan, lambda _: None, lambda _: None)


async def over_an3155(board: FlashBoard, plan: Plan) -> dict[str, Any]:
    """Count on the emulated boot loader's line."""
    async with EmulatedBoard.of(board.name) as emulated:
        await asyncio.to_thread(flash, board, "an3155", emulated.port, plan)
        count = Count(emulated.bytes_in, emulated.bytes_out, emulated.round_trips)
    return count.report(BITS_AN3155, an3155.BAUD)


@contextmanager
def counted_line(path: str, count: Count) -> Iterator[str]:
    """Yield a terminal that leads to a socket, and count what passes."""
    controller, terminal = os.openpty()
    tty.setraw(terminal)
    end_read, end_write = os.pipe()
    with socket.socket(socket.AF_UNIX) as board:
        board.connect(path)
        relay = threading.Thread(target=_relay, args=(controller, board, end_read, count))
        relay.start()
        try:
            yield os.ttyname(terminal)
        finally:
            os.close(end_write)
            relay.join()
    for descriptor in (controller, terminal, end_read):
        os.close(descriptor)


def _relay(controller: int, board: socket.socket, end: int, count: Count) -> None:
    asked = False
    while True:
        ready, _, _ = select.select([controller, board.fileno(), end], [], [])
        if end in ready:
            return
        if controller in ready:
            data = os.read(controller, 4096)
            board.sendall(data)
            count.sent += len(data)
            asked = True
        if board.fileno() in ready:
            data = board.recv(4096)
            os.write(controller, data)
            count.received += len(data)
            count.round_trips += asked
            asked = False


def over_esptool(board: FlashBoard, plan: Plan) -> dict[str, Any]:
    """Count between esptool and the emulated chip."""
    count = Count()
    with tempfile.TemporaryDirectory(prefix="wasmote-bench-") as folder:
        path = str(Path(folder) / "usb")
        command = [sys.executable, "-m", "hil.esp32c3", "--flash", f"{folder}/flash", "--usb", f"unix:{path}"]
        with subprocess.Popen([*command, "--boot"], cwd=ROOT, stdout=subprocess.PIPE) as chip:
            assert chip.stdout is not None
            chip.stdout.readline()  # it listens now
            try:
                with counted_line(path, count) as port:
                    flash(board, "esptool", port, plan)
            finally:
                chip.kill()
    return count.report(BITS_ESPTOOL, esptool.BAUD)


def measure(board: FlashBoard) -> dict[str, Any]:
    """Return a board's figures."""
    image = find_image(board)
    way = Way(board, board.runners[0], Device(None))
    plan = plan_for(way, image, [board.name])
    figures: dict[str, Any] = {"image_bytes": plan.size}
    if board.runner("an3155"):
        figures["sectors_erased"], figures["bytes_erased"] = len(plan.sectors), plan.erased
        figures["an3155"] = asyncio.run(over_an3155(board, plan))
    if board.runner("esptool"):
        figures["esptool"] = over_esptool(board, plan)
    return figures


def main() -> None:
    """Measure all boards that are flashed."""
    figures = {name: measure(board) for name, board in read_boards().items() if board.runners}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(f"{OUT.relative_to(ROOT)}:")
    for name, board in figures.items():
        for way in ("an3155", "esptool"):
            if way in board:
                line = board[way]
                print(
                    f"  {name:<20}{board['image_bytes']:>8,} bytes by {way}: {line['bytes_sent']:,} sent, "
                    f"{line['bytes_received']:,} received, {line['round_trips']:,} round trips, "
                    f"{line['wire_s']} s on the wire"
                )


if __name__ == "__main__":
    main()
