"""pyocd: its command lines and messages, and the program itself, which finds no probe here."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmote.errors import DeviceNotFound, PermissionRefused, UsageFault, VerificationRefused
from wasmote.flash.image import Image, Segment, parse_hex
from wasmote.flash.images import read_boards
from wasmote.flash.plan import make_plan
from wasmote.flash.pyocd import Pyocd, hex_file
from wasmote.flash.runner import FlashFault, FlashProtected, Progress, WrongChip

BOARD = read_boards()["stm32f4-discovery"]
WAY = BOARD.runner("pyocd")
assert WAY is not None
SEGMENTS = (Segment(0x08000000, bytes(392)), Segment(0x0800FFF8 + 8, bytes(range(256)) * 300 + b"odd"))
PLAN = make_plan(BOARD, Image(Path("test"), SEGMENTS, ""), [])

# In place of pyocd and of a probe with a chip: flash is a file, $STAND_IN/say an error in place of all else.
STAND_IN = """
import json, os, pathlib, shlex, sys
from wasmote.flash.image import parse_hex
folder = pathlib.Path(os.environ["STAND_IN"])
verb, *arguments = sys.argv[1:]
with (folder / "calls").open("a") as calls:
    print(verb, *arguments, file=calls)
if verb == "json":
    uid = (folder / "uid").read_text()
    print(json.dumps({"status": 0, "boards": [{"unique_id": uid}] if uid else []}))
    sys.exit()
if (folder / "say").exists():
    sys.exit((folder / "say").read_text())
if verb == "flash":
    path = pathlib.Path(arguments[-1])
    (folder / "flash").write_bytes(path.read_bytes())
elif verb == "commander":
    word, *rest = shlex.split(arguments[arguments.index("--command") + 1])
    if word == "read32":
        print("e0042000:  " + (folder / "id").read_text() + "    |... |")
    else:
        address, data = int(rest[0], 16), pathlib.Path(rest[1]).read_bytes()
        held = {s.address: s.data for s in parse_hex((folder / "flash").read_bytes(), folder)}[address]
        print(f"All {len(data)} bytes match." if held == data else "Mismatched byte at 0x08010000")
"""


@pytest.fixture
def probe(tmp_path, monkeypatch) -> Path:
    """The folder of a probe."""
    (tmp_path / "pyocd").mkdir()
    (tmp_path / "pyocd" / "__init__.py").touch()
    (tmp_path / "pyocd" / "__main__.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("STAND_IN", str(tmp_path))
    (tmp_path / "uid").write_text("0667FF")
    (tmp_path / "id").write_text("10076413")
    return tmp_path


@pytest.fixture
def runner():
    made = Pyocd(BOARD, WAY, "0667FF")
    yield made
    made.close()


def test_an_image_arrives(probe, runner):
    told: list[Progress] = []
    assert runner.probe() == "chip id 0x413, as STM32F407VG"
    runner.flash(PLAN, told.append)
    runner.verify(PLAN, told.append)
    runner.start()
    assert parse_hex((probe / "flash").read_bytes(), probe) == SEGMENTS
    assert (told[0].done, told[-1].done) == (0, PLAN.size)
    calls = (probe / "calls").read_text().splitlines()
    assert calls[1].startswith("commander --no-wait --target cortex_m --uid 0667FF --command read32")
    assert calls[2].startswith("flash --no-wait --target stm32f407vgtx --uid 0667FF --erase sector ")
    assert calls[-1] == "reset --no-wait --target stm32f407vgtx --uid 0667FF"


def test_another_chip_is_refused_before_it_is_erased(probe, runner):
    (probe / "id").write_text("10006433")
    with pytest.raises(WrongChip, match=r"0x433.* stm32f4-discovery \(STM32F407VG\) is 0x413"):
        runner.probe()


def test_no_probe(probe, runner):
    (probe / "uid").write_text("")
    with pytest.raises(DeviceNotFound, match="no debug probe"):
        runner.probe()


def test_flash_that_does_not_keep_what_was_written(probe, runner):
    runner.flash(PLAN, lambda _: None)
    (probe / "flash").write_text(hex_file((SEGMENTS[0], Segment(SEGMENTS[1].address, b"other"))))
    with pytest.raises(VerificationRefused, match="0x08010000"):
        runner.verify(PLAN, lambda _: None)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("Target type stm32f407vgtx not recognized. Use 'pyocd list'", UsageFault, "does not know the flash"),
        ("0000871 E No target device available [load_cmd]", DeviceNotFound, "no debug probe"),
        ("USBError: [Errno 13] Access denied (insufficient permissions)", PermissionRefused, "no permission"),
        ("E Target is locked. Please unlock it", FlashProtected, "protected"),
        ("something new", FlashFault, "pyocd failed with status 1:\nsomething new"),
    ],
)
def test_what_pyocd_says_is_explained(probe, runner, said, kind, words):
    (probe / "say").write_text(said)
    with pytest.raises(kind, match=words):
        runner.flash(PLAN, lambda _: None)


@given(st.lists(st.tuples(st.integers(1, 40_000), st.binary(min_size=1, max_size=200)), max_size=6))
def test_our_hex_files_are_read_again(gaps):
    """Segments at any distance, over the borders of 64 KiB too."""
    segments, at = [], 0x0800_0000
    for gap, data in gaps:
        segments.append(Segment(at + gap, data))
        at = segments[-1].end
    assert parse_hex(hex_file(tuple(segments)).encode(), Path("ours.hex")) == tuple(segments)


def test_pyocd_itself_takes_our_command_lines_and_finds_no_probe():
    runner = Pyocd(BOARD, WAY, "no such probe")
    try:
        for step in (
            runner.probe,
            lambda: runner.flash(PLAN, lambda _: None),
            lambda: runner.verify(PLAN, lambda _: None),
            runner.start,
        ):
            with pytest.raises(DeviceNotFound, match="no debug probe"):
                step()
    finally:
        runner.close()
