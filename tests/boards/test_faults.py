"""What a CPU fault leaves behind on each kind of core, and virtual time in QEMU."""

from __future__ import annotations

import re

import pytest

from board_toml import read_board
from check import Check, image_of
from wasmote.sim import ROOT, Simulator
from wasmote.wire.node import ResetCause

CRASH = {
    "stm32f4": r"MemManage pc=f0000000 lr=08[0-9a-f]{6} cfsr=00000001",
    "rv32_virt": r"instruction access fault pc=f0000000 ra=8000[0-9a-f]{4} tval=f0000000",
    "esp32c3": r"instruction access fault pc=f0000000 ra=4200[0-9a-f]{4} tval=f0000000",
}
OVERFLOW = {
    "stm32f4": r"BusFault stack overflow, sp=1fff",
    "rv32_virt": r"store access fault stack overflow, sp=8006f[0-9a-f]{3} pc=8000[0-9a-f]{4} ",
    "esp32c3": r"store access fault stack overflow, sp=3fc81[0-9a-f]{3} pc=4200[0-9a-f]{4} .* tval=3fc81",
}
FAULT = f"ready {ResetCause.FAULT:d}"


def family(board: str) -> str:
    return read_board(ROOT / "boards" / board / "board.toml").family


async def test_a_fault_is_reported_after_the_reset_and_only_then(
    emulated_check: Check, emulated: str
) -> None:
    assert await emulated_check.ask("crash") == FAULT
    report = await emulated_check.ask("fault")
    assert re.fullmatch(CRASH[family(emulated)], report)
    assert await emulated_check.ask("reset") == f"ready {ResetCause.SOFTWARE:d}"
    assert await emulated_check.ask("fault") == "none"


async def test_a_stack_overflow_is_a_fault_and_not_a_changed_variable(
    emulated_check: Check, emulated: str
) -> None:
    if emulated == "netduino2":
        pytest.skip("QEMU's netduino2 ignores accesses to addresses where nothing is")
    assert await emulated_check.ask("overflow 0") == FAULT
    report = await emulated_check.ask("fault")
    assert re.match(OVERFLOW[family(emulated)], report)


async def test_power_cut_forgets_the_fault(emulated_check: Check) -> None:
    emulated_check.send("crash")
    await emulated_check.until(FAULT)
    simulator = emulated_check.simulator
    await simulator.kill()
    await simulator.restart()
    async with await Check.connect(simulator) as again:
        assert int(await again.ask("cause")) == ResetCause.POWER
        assert await again.ask("fault") == "none"


async def test_runs_with_one_nanosecond_an_instruction(in_qemu: str) -> None:
    async with (
        await Simulator.start(in_qemu, image=image_of(in_qemu), count_instructions=True) as simulator,
        await Check.connect(simulator) as check,
    ):
        data = bytes(range(256)) * 8
        assert await check.echo(data) == data
        before = int(await check.ask("now"), 16)
        assert (await check.ask("wait 5")).startswith("late ")
        assert int(await check.ask("now"), 16) - before >= 5000
