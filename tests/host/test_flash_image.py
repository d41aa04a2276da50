"""Image files, and what they would do to a board: refused before anything is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wasmote.errors import DeviceNotFound, UsageFault, VerificationRefused
from wasmote.flash import images
from wasmote.flash.image import Image, Segment, parse_hex
from wasmote.flash.images import find_image, read_boards
from wasmote.flash.plan import make_plan
from wasmote.flash.pyocd import hex_file

BOARDS = read_boards()
BOARD = BOARDS["netduinoplus2"]
GOOD = hex_file((Segment(0x08000000, b"vectors"), Segment(0x08010000, b"code of netduinoplus2\0")))


def image(*segments: tuple[int, bytes], path: str = "test.hex") -> Image:
    return Image(Path(path), tuple(Segment(*segment) for segment in segments), "")


def read(tmp_path: Path, text: str, name: str = "image.hex") -> Image:
    (tmp_path / name).write_text(text)
    return Image.read(tmp_path / name, BOARD.origin)


def test_a_hex_file(tmp_path):
    found = read(tmp_path, GOOD)
    assert [(segment.address, segment.data[:7]) for segment in found.segments] == [
        (0x08000000, b"vectors"),
        (0x08010000, b"code of"),
    ]
    assert found.size == 29


def test_a_binary_file_begins_where_flash_does(tmp_path):
    assert read(tmp_path, "code", "image.bin").segments == (Segment(BOARD.origin, b"code"),)


def test_records_in_any_order_with_either_kind_of_base():
    lines = [
        ":0200000210C02C",
        ":01000000415E".replace("5E", "BE"),
        ":020000040800F2",
        ":0100000042BD",
        ":00000001FF",
    ]
    assert parse_hex("\r\n".join(lines).encode(), Path("x")) == (
        Segment(0x10C00, b"A"),
        Segment(0x08000000, b"B"),
    )


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[:-12], "cut off"),
        (lambda text: text.replace("7665", "7666", 1), r"image.hex:2: the image is damaged"),
        (lambda text: text.replace(":", ";", 1), r"image.hex:1: the image is damaged"),
        (lambda text: "", "cut off"),
        (lambda text: ":00000001FF\n", "holds no bytes"),
        (lambda text: text + ":00000001FF\n", "goes on behind its end"),
        (lambda text: text.split("\n", 1)[0] + "\n" + text, "twice what lies at 0x08000000"),
        (lambda text: ":00000007F9\n" + text, "unknown kind 7"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, damage, words):
    text = damage(GOOD)
    if words.startswith("twice"):
        text = GOOD.replace(":00000001FF\n", "") + GOOD
    with pytest.raises(VerificationRefused, match=words):
        read(tmp_path, text)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageFault, match="No such file"):
        Image.read(tmp_path / "none.hex", 0)


def test_an_image_says_which_board_it_is_for():
    assert image((0, b"x\0netduino2\0")).names(BOARDS) == ["netduino2"]
    assert image((0, b"my-netduino2\0netduinoplus2")).names(BOARDS) == []


@pytest.mark.parametrize("name", [board.name for board in BOARDS.values() if board.runners])
def test_the_images_that_are_built_say_so(name):
    assert find_image(BOARDS[name]).names(BOARDS) == [name]


def test_another_boards_image_is_refused():
    with pytest.raises(VerificationRefused, match="this image is for netduino2, not for netduinoplus2"):
        make_plan(BOARD, image((0x08000000, b"netduino2\0")), BOARDS)


@pytest.mark.parametrize("at", [0x20000000, 0x08004000, 0x08003FFF, 0x08040000 - 1, 0x07FFFFFF])
def test_what_lies_beside_the_firmwares_sectors_is_refused(at):
    with pytest.raises(VerificationRefused, match=f"{at:#010x} to .* is not all firmware's flash"):
        make_plan(BOARD, image((0x08000000, b"v"), (at, b"ab")), BOARDS)


def test_a_binary_that_would_overwrite_records_is_refused_and_says_what_to_take():
    with pytest.raises(VerificationRefused) as caught:
        make_plan(BOARD, image((0x08000000, bytes(0x11000)), path="firmware.bin"), BOARDS)
    assert "take the .hex file" in caught.value.hint


def test_keys_make_a_new_board_without_records():
    plan = make_plan(BOARD, image((0x08000000, b"v"), (0x08010000, b"c")), BOARDS, key_area=b"keys")
    assert [sector.number for sector in plan.sectors] == [0, 1, 2, 3, 4]
    assert [segment.address for segment in plan.segments] == [
        0x08010000,
        0x08004000,
        0x08008000,
        0x0800C000,
        0x08000000,
    ]
    assert plan.segments[1].data == plan.segments[2].data == b"\xff" * 0x4000
    assert plan.segments[3].data == b"keys" + b"\xff" * 0x3FFC


# images that came in a wheel


@pytest.fixture
def packaged(tmp_path, monkeypatch) -> Path:
    """The folder of a package that came as a wheel."""
    monkeypatch.setattr(images, "PACKAGED", tmp_path)
    (tmp_path / "netduinoplus2.toml").write_bytes(
        (images.CHECKOUT / "boards/netduinoplus2/board.toml").read_bytes()
    )
    (tmp_path / "netduinoplus2.hex").write_text(GOOD)
    digests = {path.name: images._sha256(path) for path in tmp_path.iterdir()}
    (tmp_path / "manifest.json").write_text(json.dumps({"sha256": digests}))
    return tmp_path


def test_an_image_of_the_package(packaged):
    assert list(read_boards()) == ["netduinoplus2"]
    assert find_image(BOARD).path == packaged / "netduinoplus2.hex"
    assert images.damaged() == []


def test_a_damaged_image_of_the_package_is_refused(packaged):
    whole = hex_file((Segment(0x08000000, b"other"),))  # each record for itself is right
    (packaged / "netduinoplus2.hex").write_text(whole)
    with pytest.raises(VerificationRefused, match=r"netduinoplus2\.hex: the image is damaged") as caught:
        find_image(BOARD)
    assert "pip install --force-reinstall" in caught.value.hint
    assert images.damaged() == ["netduinoplus2.hex"]


def test_a_damaged_description_of_a_board_is_refused(packaged):
    (packaged / "netduinoplus2.toml").write_bytes((packaged / "netduinoplus2.toml").read_bytes() + b"# more")
    with pytest.raises(VerificationRefused, match=r"netduinoplus2\.toml: the image is damaged"):
        find_image(BOARD)


def test_a_package_without_its_manifest_or_its_image(packaged):
    (packaged / "manifest.json").write_text("{}")
    with pytest.raises(VerificationRefused, match="cannot be read"):
        find_image(BOARD)
    (packaged / "netduinoplus2.hex").unlink()
    with pytest.raises(DeviceNotFound, match="there is no image for netduinoplus2"):
        find_image(BOARD)


def test_a_checkout_where_nothing_is_built(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "CHECKOUT", tmp_path)
    with pytest.raises(DeviceNotFound) as caught:
        find_image(BOARD)
    assert caught.value.hint == "make firmware BOARD=netduinoplus2"
