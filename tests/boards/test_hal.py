"""firmware/hal.h on every board: bytes, time, identity, randomness, reset and its cause, sensors."""

from __future__ import annotations

import asyncio
import random
import re
import signal

from check import UNIQUE_IDS, Check, image_of
from wasmote.sim import Simulator
from wasmote.wire.node import ResetCause


async def test_echoes_20000_bytes_as_they_are(check: Check) -> None:
    data = random.Random(1).randbytes(20_000)
    assert await check.echo(data) == data
    assert await check.ask("overruns") == "0"


async def test_the_line_is_idle_once_all_has_left(check: Check) -> None:
    assert await check.ask("drain 1") == "drain 1"
    assert await check.line() == "idle"


async def test_time_runs_and_timers_do_not_fire_early(check: Check) -> None:
    before = int(await check.ask("now"), 16)
    assert (await check.ask("wait 20")).startswith("late ")
    assert int(await check.ask("now"), 16) - before >= 20_000


async def beats(check: Check) -> tuple[int, int]:
    """Ask how many beats of the alarm there were, and how late the latest came, in microseconds."""
    count, latest_us = (await check.ask("beats")).split()
    return int(count), int(latest_us)


async def test_the_alarm_comes_while_the_loop_is_kept_from_turning(check: Check) -> None:
    await check.ask("beat 2000")
    assert await check.ask("hog 100") == "hog 100"
    assert (await beats(check))[0] >= 100
    await check.ask("beat 0")


async def test_an_alarm_in_the_past_waits_for_interrupts_to_be_unlocked(check: Check) -> None:
    assert await check.ask("past") == "past 0"


async def test_an_alarm_that_was_taken_away_does_not_come(check: Check) -> None:
    await check.ask("beat 2000")
    await check.ask("beat 0")
    assert (await check.ask("wait 20")).startswith("late ")
    assert await beats(check) == (0, 0)


PERIOD_US = 10_000
LATE_US = 100  # an interrupt of the UART, or a byte of it while a sector is erased


async def test_the_alarm_is_on_time_while_a_sector_is_erased(in_qemu: str) -> None:
    """In the board's own time, which does not pass while this machine does something else."""
    async with (
        await Simulator.start(
            in_qemu, image=image_of(in_qemu), count_instructions=True, skip_idle=True
        ) as simulator,
        await Check.connect(simulator) as check,
    ):
        await check.ask(f"beat {PERIOD_US}")
        status, took_us = map(int, (await check.ask("erase 0")).split())
        count, latest_us = await beats(check)
    assert status == 0
    assert count >= took_us // PERIOD_US > 0
    assert latest_us < LATE_US


async def test_bytes_go_both_ways_while_a_sector_is_erased(emulated_check: Check) -> None:
    """The question waits in the receive ring, what was asked before is answered meanwhile."""
    lines = [f"unknown: {number}" for number in range(20)]
    for line in lines[:10]:
        emulated_check.send(line.removeprefix("unknown: "))
    emulated_check.send("erase 0")
    for line in lines[10:]:
        emulated_check.send(line.removeprefix("unknown: "))
    answers = [await emulated_check.line() for _ in range(21)]
    assert answers[:10] == lines[:10]
    assert answers[11:] == lines[10:]
    assert await emulated_check.ask("overruns") == "0"


async def test_unique_id_is_that_of_the_instance(check: Check, board: str) -> None:
    assert bytes.fromhex(await check.ask("id")) == UNIQUE_IDS.get(board, b"qemu-0000007")


async def test_random_bytes_differ_within_and_across_resets(check: Check) -> None:
    words = [await check.ask("random 8"), await check.ask("random 8")]
    check.send("reset")
    await check.until(f"ready {ResetCause.SOFTWARE:d}")
    words += [await check.ask("random 8"), await check.ask("random 8")]
    assert len(set(words)) == 4
    assert all(len(word) == 16 for word in words)


async def test_reset_cause_tells_power_from_software(check: Check) -> None:
    assert int(await check.ask("cause")) == ResetCause.POWER
    assert await check.ask("reset") == f"ready {ResetCause.SOFTWARE:d}"
    assert int(await check.ask("cause")) == ResetCause.SOFTWARE
    assert await check.ask("fault") == "none"


async def test_watchdog_bites_a_hang_and_not_a_running_loop(check: Check) -> None:
    assert await check.ask("watchdog 700") == "watchdog 700"
    assert (await check.ask("wait 1500")).startswith("late ")  # alive after twice its time
    assert await check.ask("hang") == f"ready {ResetCause.WATCHDOG:d}"
    assert int(await check.ask("cause")) == ResetCause.WATCHDOG


async def test_watchdog_bites_a_hang_that_sleeps(check: Check) -> None:
    assert await check.ask("watchdog 700") == "watchdog 700"
    assert await check.ask("doze") == f"ready {ResetCause.WATCHDOG:d}"


STOPPED_S = 1.5  # twice the watchdog's time, and more


async def stand_still(check: Check) -> None:
    """Keep the emulator from running, as a machine that is busy with other things does."""
    process = check.simulator.process
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(STOPPED_S)
    process.send_signal(signal.SIGCONT)


async def test_watchdog_does_not_bite_a_sleeping_board_that_gets_no_processor(check: Check) -> None:
    assert await check.ask("watchdog 700") == "watchdog 700"
    for _ in range(2):
        await stand_still(check)
        assert int(await check.ask("cause")) == ResetCause.POWER


async def test_no_time_passes_for_a_computing_board_that_gets_no_processor(check: Check) -> None:
    """Neither the watchdog's, nor that of the time budget of a module's event."""
    assert await check.ask("watchdog 700") == "watchdog 700"
    assert await check.ask("spin 400") == "spin 400"
    await stand_still(check)
    word, longest_us = (await check.line()).split()
    assert word == "spun"
    assert int(longest_us) < STOPPED_S * 1e6 / 10
    assert int(await check.ask("cause")) == ResetCause.POWER


def values(answer: str) -> dict[str, float]:
    """Read "temp 0 temperature=24838Cel" as {"temperature": 24.838}."""
    return {name: int(value) / 1000 for name, value in re.findall(r" (\w+)=(-?\d+)", answer)}


async def test_temperature_is_plausible(check: Check) -> None:
    answer = await check.ask("sensor 0")
    assert answer.startswith("temp 0 ")
    assert 15.0 <= values(answer)["temperature"] <= 25.0


async def test_second_sensor_gives_all_its_channels(check: Check, board: str) -> None:
    answer = await check.ask("sensor 1")
    read = values(answer)
    if board == "qemu-rv32":
        assert answer == "no such sensor"
    elif board == "native":
        assert read["memory"] > 1e6
        assert read["cpu"] >= 0.0
    else:
        names = ("gpio0", "gpio1") if board == "esp32c3-devkitm" else ("a0", "a1")
        assert all(0.0 <= read[channel] <= 3.3 for channel in names)


async def test_stack_limit_lies_below_the_stack(check: Check, board: str) -> None:
    unused, below = map(int, (await check.ask("stack")).split())
    assert below == 1
    assert (unused > 0) == (board != "native")  # the native board does not measure it
