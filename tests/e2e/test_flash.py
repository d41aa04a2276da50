"""A board from nothing: a fresh wheel flashes it, it starts, runs a module, and keeps that over an update.

The wheel's image is the one for the chip: what lies in flash then is it, byte for byte. What starts in QEMU
is the image that differs by the emulator's one file, flashed the same way into the same flash. An ESP32-C3 is
emulated with the image that ships.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from emulated_rom import RomThread, emulated_rom
from installed import run
from models.flood.features import SENSOR, STREAM, build_module, features_of
from models.flood.generator import generate
from wasmote.flash.board import FlashBoard
from wasmote.flash.image import Image
from wasmote.flash.images import board_files
from wasmote.keys import Key, new_key
from wasmote.node import Node
from wasmote.replay import samples_of
from wasmote.signing import sign_bundle
from wasmote.sim import ROOT, Simulator
from wasmote.wire.modules import Control, ModuleState

STM32 = ("netduino2", "netduinoplus2", "stm32f4-discovery")
ESP32 = "esp32c3-devkitm"
SIMULATED = ("native", "qemu-rv32")  # which no tool writes: their images are started as they are
DAYS = 32


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Key:
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path / "keys"))
    return new_key("ours")


async def features(link: str, key: Key) -> bytes:
    """Push the signed flood module, confirm it, feed it a river; return its records' bits."""
    series = generate(DAYS)
    async with await Node.connect(link) as node:
        await node.install(0, sign_bundle(build_module(), key).to_bytes())
        await node.control(0, Control.START)
        await node.feed(SENSOR, samples_of(series))
        records = (await node.records(0, STREAM, None)).records
        await node.control(0, Control.CONFIRM)
    return np.array([record.values for record in records], np.float32).tobytes()


def expected() -> bytes:
    """The same under wasmtime."""
    return features_of(generate(DAYS), build_module()).values.tobytes()


async def told(link: str) -> tuple[tuple[bytes, ...], ModuleState]:
    """The keys that a board trusts, and what its first slot does."""
    async with await Node.connect(link) as node:
        return (await node.info()).key_ids, (await node.module(0)).state


def flash_options(rom: RomThread, name: str, folder: Path) -> tuple[str, ...]:
    """Flash the image for QEMU, and wait for the node on the same terminal."""
    image = folder / "firmware-qemu.hex"
    elf = ROOT / "build" / name / "firmware-qemu.elf"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "ihex", str(elf), str(image)], check=True)
    return "flash", name, "--port", rom.port, "--link", f"serial://{rom.port}", "--image", str(image)


def holds_what_ships(rom: RomThread, name: str) -> bool:
    image = Image.read(ROOT / "build" / name / "firmware.hex", rom.flash.origin)
    return all(
        rom.flash.read(segment.address, len(segment.data)) == segment.data for segment in image.segments
    )


@pytest.mark.parametrize("name", STM32)
async def test_an_stm32_over_its_uart(wasmote: Path, name: str, key: Key, tmp_path: Path) -> None:
    with emulated_rom(name) as rom:
        run(wasmote, "flash", name, "--port", rom.port)
        assert holds_what_ships(rom, name)
    with emulated_rom(name, tmp_path / "flash") as rom:
        flash = flash_options(rom, name, tmp_path)
        said = run(wasmote, *flash, "--key", key.public.hex())
        assert f"{name} (cortex-m" in said
        assert f"takes modules of key {key.id.hex()}" in said
        assert await features(f"serial://{rom.port}", key) == expected()


@pytest.mark.parametrize("name", SIMULATED)
async def test_a_board_that_is_simulated(name: str, key: Key) -> None:
    async with await Simulator.start(name, keys=(key.public,)) as simulator:
        assert await features(simulator.url, key) == expected()


async def test_an_update_keeps_keys_and_modules_and_new_keys_make_a_new_board(
    wasmote: Path, key: Key, tmp_path: Path
) -> None:
    with emulated_rom("netduinoplus2", tmp_path / "flash") as rom:
        flash = flash_options(rom, "netduinoplus2", tmp_path)
        link = f"serial://{rom.port}"
        run(wasmote, *flash, "--key", key.public.hex())
        await features(link, key)

        rom.call(rom.board.reset_into_loader)
        node = json.loads(run(wasmote, *flash, "--json").splitlines()[-1])["node"]
        assert not node["development"]
        assert await told(link) == ((key.id,), ModuleState.RUNNING)

        rom.call(rom.board.reset_into_loader)
        other = new_key("other")
        run(wasmote, *flash, "--key", other.public.hex())
        assert await told(link) == ((other.id,), ModuleState.EMPTY)
        assert await features(link, other) == expected()


async def test_an_stm32_over_its_link(wasmote: Path, key: Key, tmp_path: Path) -> None:
    """The ROM of this board hears the link; nobody sets BOOT0. QEMU's end stands for the jump into it."""
    name = "stm32f411-blackpill"
    with emulated_rom(name, tmp_path / "flash") as rom:
        link, flash = f"serial://{rom.port}", flash_options(rom, name, tmp_path)
        run(wasmote, *flash, "--key", key.public.hex())
        assert await features(link, key) == expected()
        rom.flash.erased.clear()
        said = run(wasmote, *flash, "--over-link", "--signer", "ours")
        assert f"kept: modules flood 1.0.0; keys {key.id.hex()}" in said
        assert set(rom.flash.erased) <= {0, 4, 5}  # the firmware's
        assert await told(link) == ((key.id,), ModuleState.RUNNING)


@contextmanager
def esp32c3(flash: Path, *options: str) -> Iterator[str]:
    """Run the emulated chip; yield the path of its USB port."""
    command = [sys.executable, "-m", "hil.esp32c3", "--flash", str(flash), "--usb", "pty", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["usb"].removeprefix("serial://")
        finally:
            process.kill()


@pytest.mark.skipif(ESP32 not in board_files(), reason="there is no such board")
async def test_an_esp32(wasmote: Path, key: Key, tmp_path: Path) -> None:
    flash = tmp_path / "flash"
    with esp32c3(flash, "--boot") as port:
        run(wasmote, "flash", ESP32, "--port", port, "--no-reset", "--key", key.public.hex())
    image = (ROOT / "build" / ESP32 / "firmware.bin").read_bytes()
    assert flash.read_bytes().startswith(image)
    with esp32c3(flash) as port:
        assert await features(f"serial://{port}", key) == expected()
    with esp32c3(flash, "--boot") as port:  # an update keeps keys and modules
        run(wasmote, "flash", ESP32, "--port", port, "--no-reset")
    with esp32c3(flash) as port:
        assert await told(f"serial://{port}") == ((key.id,), ModuleState.RUNNING)


@pytest.mark.skipif(ESP32 not in board_files(), reason="there is no such board")
async def test_an_esp32_over_its_link(wasmote: Path, key: Key, tmp_path: Path) -> None:
    """Nobody touches the board: what runs on it starts the ROM's loader, and esptool what it has written."""
    flash, image = tmp_path / "flash", tmp_path / "new.bin"
    shipped = ROOT / "build" / ESP32 / "firmware.bin"
    image.write_bytes(shipped.read_bytes() + b"newer")
    with esp32c3(flash, "--image", str(shipped)) as port:
        link = f"serial://{port}"
        run(wasmote, "keys", "trust", "ours", "--link", link)
        assert await features(link, key) == expected()
        assert "none was named" in attempt(wasmote, "flash", "--over-link", "--link", link).stderr
        update = ("flash", "--over-link", "--port", port, "--signer", "ours", "--image", str(image))
        said = run(wasmote, *update)
        assert "since software reset" in said
        assert f"kept: modules flood 1.0.0; keys {key.id.hex()}" in said
        assert await told(link) == ((key.id,), ModuleState.RUNNING)
    assert flash.read_bytes().startswith(image.read_bytes())


def attempt(wasmote: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(wasmote), *arguments], cwd="/", capture_output=True, text=True, check=False)


def test_all_boards_are_described_in_the_wheel(wasmote: Path) -> None:
    for board in map(FlashBoard.read, board_files().values()):
        if not board.runners:
            assert "is not flashed but simulated" in attempt(wasmote, "flash", board.name).stderr
    assert "image netduinoplus2" in attempt(wasmote, "doctor").stdout


def test_a_damaged_image_in_the_package_is_refused(wasmote: Path) -> None:
    image = next(wasmote.parents[1].glob("lib/python*/site-packages/wasmote/images/netduino2.hex"))
    whole = image.read_bytes()
    try:
        image.write_bytes(whole.replace(b":00000001FF", b":0400000508000000EF\n:00000001FF"))
        done = attempt(wasmote, "flash", "netduino2", "--port", "/dev/null")
    finally:
        image.write_bytes(whole)
    assert done.returncode == 6
    assert "the image is damaged" in done.stderr
    assert "pip install --force-reinstall" in done.stderr
