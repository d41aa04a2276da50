"""The image for an STM32L475, as far as QEMU can tell: from version 9 on it has the board."""

from __future__ import annotations

import subprocess

import pytest

from wasmote.sim import ROOT

BOARD = "b-l475e-iot01a"
QEMU = "qemu-system-arm"


def qemu(*arguments: str) -> str:
    return subprocess.run([QEMU, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def machine() -> str:
    if BOARD not in qemu("-machine", "help"):
        version = qemu("--version").split()[3]
        pytest.skip(f"QEMU {version} has no such machine: {BOARD} came with version 9")
    return BOARD


@pytest.mark.xfail(strict=False, reason="written without a QEMU that has the machine")
def test_the_image_that_ships_says_something(machine: str) -> None:
    image = ROOT / "build" / BOARD / "firmware.elf"
    command = [QEMU, "-machine", machine, "-kernel", str(image), "-display", "none", "-serial", "stdio"]
    with subprocess.Popen([*command, "-monitor", "none"], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        said = running.stdout.read(1)
        running.kill()
    assert said
