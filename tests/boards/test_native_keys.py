"""The native board's --key: what it writes into a new flash, and where it does not."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from check import image_of
from wasmote.flash_map import FlashMap
from wasmote.keys import Key, new_key, remember_key
from wasmote.sim import ROOT

NATIVE = tomllib.loads((ROOT / "boards/native/board.toml").read_text())


@pytest.fixture
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Key]:
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path / "keys"))
    return [remember_key(new_key(name), f"{name}-public") for name in "abcde"]


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    return tmp_path / "flash"


def start(flash: Path, *keys: Path | None) -> subprocess.Popen[str]:
    options = [option for key in keys for option in ("--key", str(key))]
    command = [str(image_of("native")), "--udp", "0", "--no-pty", "--flash", str(flash), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def starts(flash: Path, *keys: Path | None) -> None:
    with start(flash, *keys) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("{")
        process.kill()


def refused(flash: Path, *keys: Path | None) -> str:
    with start(flash, *keys) as process:
        _, said = process.communicate(timeout=20)
        assert process.returncode != 0
        return said


def test_a_new_flash_holds_what_a_programmer_would_write(flash: Path, public: list[Key]) -> None:
    starts(flash, *(key.path for key in public[:4]))
    assert flash.read_bytes() == FlashMap.of(NATIVE).flashed([key.public for key in public[:4]])


def test_a_flash_with_other_keys_or_none_is_not_touched(flash: Path, public: list[Key]) -> None:
    starts(flash, public[0].path)
    made = flash.read_bytes()
    starts(flash, public[0].path)
    starts(flash)
    for keys in ((public[1],), public[:2]):
        said = refused(flash, *(key.path for key in keys))
        assert f"the flash in {flash} is in use and was not made with these keys" in said
    assert flash.read_bytes() == made
    flash.write_bytes(b"\xff" * 0x4000 + b"\0" + b"\xff" * (len(made) - 0x4001))  # a record
    assert "is in use" in refused(flash, public[0].path)


def test_what_is_no_key_is_named(flash: Path, tmp_path: Path, public: list[Key]) -> None:
    for number, text in enumerate(("", "ssh-rsa AAAA", "ssh-ed25519 AAAAC3Nz", "ssh-ed25519 " + 68 * "A")):
        path = tmp_path / f"{number}.pub"
        path.write_text(text)
        assert f"--key {path}: is no public key of OpenSSH" in refused(flash, path)
    assert "No such file" in refused(flash, tmp_path / "none.pub")
    assert "four at most" in refused(flash, *(key.path for key in public))
