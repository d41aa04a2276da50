"""`wasmote setup --udev`: the rule, printed or written, and never anything as root that was not asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wasmote import udev
from wasmote.cli import main
from wasmote.doctor import State, check_udev
from wasmote.flash.images import read_boards
from wasmote.usb import DFU, PROBES

RULE = re.compile(
    r'ATTRS\{idVendor\}=="([0-9a-f]{4})", ATTRS\{idProduct\}=="([0-9a-f]{4})", MODE="0660", GROUP="dialout", '
    r'TAG\+="uaccess", ENV\{ID_MM_DEVICE_IGNORE\}="1"'
)


def setup(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["setup", *arguments])


def test_the_rule_is_printed_and_what_to_do_with_it_told():
    result = setup("--udev")
    assert result.exit_code == 0
    assert result.stdout == udev.rules()
    assert "sudo tee /etc/udev/rules.d/60-wasmote.rules" in result.stderr
    assert setup("--udev", "-q").stderr == ""


def test_every_id_of_a_board_and_every_probe_has_its_rule():
    found = {(int(vid, 16), int(pid, 16)) for vid, pid in RULE.findall(udev.rules())}
    assert DFU in found
    assert found >= PROBES
    assert read_boards()


def test_each_line_is_one_that_udev_takes():
    """udev(7): pairs of key, operator and quoted value; here with comments, labels and jumps."""
    pair = r'[A-Z]+(\{\w+\})?(==|!=|=|\+=)"[^"]*"'
    for line in udev.rules().splitlines():
        assert line.startswith("#") or re.fullmatch(rf"{pair}(, {pair})*", line), line
    assert udev.RULES_FILE.name < "73-seat-late.rules"  # which grants what uaccess marks


def test_it_is_written_where_it_may_be(tmp_path, monkeypatch):
    path = tmp_path / "rules.d" / "60-wasmote.rules"
    monkeypatch.setattr(udev, "RULES_FILE", path)
    assert f"{path}: written; now type: sudo udevadm control" in setup("--udev", "--write").stdout
    assert path.read_text() == udev.rules()


def test_it_is_not_written_where_it_may_not_be(monkeypatch):
    monkeypatch.setattr(udev, "RULES_FILE", Path("/proc/60-wasmote.rules"))
    result = setup("--udev", "--write")
    assert result.exit_code == 3
    assert "cannot be written" in result.stderr
    assert "sudo tee" in result.stderr


def test_nothing_to_set_up():
    result = setup()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "wasmote setup --udev" in result.stderr


@pytest.mark.parametrize(
    ("text", "state", "words"),
    [
        (None, State.NOTE, "there is no"),
        ("old", State.NOTE, "another version"),
        (udev.rules(), State.OK, "rules"),
    ],
)
def test_the_doctor_looks_whether_the_rule_is_there(tmp_path, text, state, words):
    path = tmp_path / "60-wasmote.rules"
    if text is not None:
        path.write_text(text)
    (finding,) = check_udev(path)
    assert finding.state is state
    assert words in finding.text
    assert ("sudo tee" in finding.fix) is (state is State.NOTE)
