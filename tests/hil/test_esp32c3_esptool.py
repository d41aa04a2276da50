"""The real esptool flashes the emulated chip, which then runs what was flashed."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from esp32c3_chip import CHECK, opened, powered

WRITE, VERIFIED = "write-flash", "Hash of data verified."


async def esptool(port: str, *arguments: str, resets: bool = False) -> str:
    """Run it to its end; the chip is in the loader already unless it is to be reset."""
    by_hand = () if resets else ("--before", "no-reset", "--after", "no-reset")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "esptool", "--chip", "esp32c3", "--port", port, *by_hand, *arguments),
        stdout=PIPE,
        stderr=STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def answers(flash: Path, sockets: Path) -> str:
    """Give the chip power again, and ask the program in its flash why it has started."""
    async with powered(flash, "--usb", f"unix:{sockets / 'usb'}") as chip, opened(chip.usb) as line:
        return await line.ask("cause")


@pytest.mark.parametrize(
    "how",
    [("--no-stub", WRITE, "--no-compress"), ("--no-stub", WRITE, "--compress"), (WRITE,)],
    ids=["rom-plain", "rom-compressed", "stub"],
)
async def test_what_esptool_writes_and_verifies_starts(tmp_path: Path, how: tuple[str, ...]) -> None:
    flash = tmp_path / "flash"
    async with powered(flash, "--boot") as chip:
        assert VERIFIED in await esptool(chip.usb_device, *how, "0x0", str(CHECK))
    assert flash.read_bytes().startswith(CHECK.read_bytes())
    assert await answers(flash, tmp_path) == "1"


async def test_flash_is_known_and_can_be_read_back(tmp_path: Path) -> None:
    flash, back = tmp_path / "flash", tmp_path / "back"
    async with powered(flash, "--boot", "--image", str(CHECK), "--mac", "02aabbccddee") as chip:
        said = await esptool(chip.usb_device, "--no-stub", "flash-id")
        assert "ESP32-C3" in said
        assert "revision v0.3" in said
        assert "02:aa:bb:cc:dd:ee" in said
        assert "Detected flash size: 4MB" in said
        for stub in (("--no-stub",), ()):
            await esptool(chip.usb_device, *stub, "read-flash", "0x1000", "0x1800", str(back))
            assert back.read_bytes() == flash.read_bytes()[0x1000:0x2800]


async def test_what_is_beside_the_image_stays(tmp_path: Path) -> None:
    """Keys and modules lie behind the firmware: only the sectors that the image fills are erased."""
    flash = tmp_path / "flash"
    flash.write_bytes(b"\x5a" * 0x400000)
    async with powered(flash, "--boot") as chip:
        await esptool(chip.usb_device, "--no-stub", WRITE, "0x0", str(CHECK))
    sectors = -(-CHECK.stat().st_size // 0x1000)
    assert flash.read_bytes()[sectors * 0x1000 :] == b"\x5a" * (0x400000 - sectors * 0x1000)


@pytest.mark.timeout(180)
async def test_dtr_and_rts_reset_the_chip_into_the_loader_and_out_of_it(tmp_path: Path) -> None:
    """Nobody presses a button: RFC 2217 carries the lines. pyserial's client is slow at it: half a minute."""
    usb = f"unix:{tmp_path / 'usb'}"
    async with powered(tmp_path / "flash", "--uart", "rfc2217:0", "--usb", usb) as chip:
        said = await esptool(f"{chip.uart}?ign_set_control", WRITE, "0x0", str(CHECK), resets=True)
        assert VERIFIED in said
        assert "Hard resetting" in said
        async with opened(chip.usb) as line:
            assert await line.ask("cause") == "1"
