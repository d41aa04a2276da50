"""`wasmote doctor`: every check finds what is there, and names the command that mends what is not."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner

from wasmote import doctor
from wasmote.build.compilers import c, rust, zig
from wasmote.cli import main
from wasmote.devices import Device
from wasmote.doctor import Finding, State
from wasmote.errors import UsageFault
from wasmote.flash import images
from wasmote.keys import new_key


def test_python():
    (good,) = doctor.check_python((3, 11, 2))
    (bad,) = doctor.check_python((3, 10, 14))
    assert good.state is State.OK
    assert bad.state is State.MISSING
    assert bad.fix


def test_packages_are_those_that_the_project_names():
    named = {finding.subject for finding in doctor.check_packages()}
    assert {"package aiocoap", "package click", "package wasmtime"} <= named
    assert "package onnxruntime" not in named  # of an extra


def test_packages_absent_and_of_other_versions():
    absent, old, good = doctor.check_packages(["wasmote-nothing", "click > 1000", "click >= 8"])
    assert (absent.state, absent.text) == (State.MISSING, "is not installed")
    assert old.text == f"{metadata.version('click')}; >1000 is needed"
    assert old.fix == "run tools/setup"
    assert good.state is State.OK


def test_the_compiler_compiles():
    found = {finding.subject: finding for finding in doctor.check_compiler()}
    assert list(found) == ["clang", "wasm-ld", "compiling"]
    assert all(finding.state is State.OK for finding in found.values())
    assert "clang version" in found["clang"].text


def test_no_compiler(monkeypatch):
    def missing() -> None:
        raise UsageFault("clang is not installed", "sudo apt install clang lld")

    monkeypatch.setattr(c, "find_toolchain", missing)
    (finding,) = doctor.check_compiler()
    assert finding == Finding(
        State.MISSING, "compiling", "clang is not installed", "sudo apt install clang lld"
    )


def test_other_languages_are_notes(monkeypatch):
    def missing() -> None:
        raise UsageFault("rustc is not installed", "sudo apt install rustc")

    monkeypatch.setattr(rust, "find_rustc", missing)
    monkeypatch.setattr(zig, "find_zig", lambda: "/usr/bin/zig")
    found = {finding.subject: finding for finding in doctor.check_languages()}
    assert found["rust"] == Finding(State.NOTE, "rust", "rustc is not installed", "sudo apt install rustc")
    assert found["zig"] == Finding(State.OK, "zig", "/usr/bin/zig")
    assert "assemblyscript" in found


def test_tools_that_only_some_need_are_notes():
    findings = list(doctor.check_tools(lambda _: None))
    assert {finding.state for finding in findings} == {State.NOTE}
    assert "sudo apt install qemu-system-arm" in {finding.fix for finding in findings}


def test_a_tool_that_does_not_run_is_said(tmp_path):
    broken = tmp_path / "make"
    broken.touch()
    assert all("does not run" in finding.text for finding in doctor.check_tools(lambda _: str(broken)))


def test_a_port_that_may_not_be_opened_names_its_group(monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    monkeypatch.setenv("USER", "ada")
    monkeypatch.setattr(doctor, "owning_group", lambda _: "dialout")
    usb = Device("serial:id=A", port="/dev/ttyACM0", vid=1, pid=2)
    built_in = Device("serial:///dev/ttyS0", port="/dev/ttyS0")
    refused, unused = doctor.check_ports([usb, built_in])
    assert refused.state is State.MISSING
    assert refused.fix == "sudo usermod -aG dialout ada, then log in again"
    assert unused.state is State.NOTE


def test_ports_that_may_be_opened_and_none(tmp_path):
    mine = tmp_path / "tty"
    mine.touch()
    (fine,) = doctor.check_ports([Device(f"serial://{mine}", port=str(mine))])
    (none,) = doctor.check_ports([Device("coap://127.0.0.1", port="/dev/pts/1", emulated=True)])
    assert fine.state is State.OK
    assert (none.state, none.subject) == (State.NOTE, "ports")


def test_programs_that_meddle_with_ports(tmp_path):
    (tmp_path / "90-brltty-uinput.rules").touch()
    assert list(doctor.check_meddlers(["bash"], [tmp_path / "none"])) == []
    modem, braille = doctor.check_meddlers(["ModemManager"], [tmp_path])
    assert "wasmote setup --udev" in modem.fix
    assert braille.fix == "sudo apt remove brltty"
    assert next(iter(doctor.check_meddlers(["brltty"], []))).subject == "brltty"


def test_keys_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path))
    (none,) = doctor.check_keys()
    assert (none.state, none.fix.split(",")[0]) == (State.NOTE, "wasmote keys new NAME")
    new_key("release")
    (some,) = doctor.check_keys()
    assert some.state is State.OK
    assert some.text.startswith("release in ")
    (tmp_path / "release.pem").chmod(0o644)
    (open_to_all,) = doctor.check_keys()
    assert open_to_all.fix.startswith("chmod 600")


def test_the_runtime_of_models_is_imported_for_good(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "wasmote_broken_runtime.py").write_text("raise AttributeError('_ARRAY_API not found')")
    (broken,) = doctor.check_inference("wasmote_broken_runtime")
    (good,) = doctor.check_inference("json")
    assert broken.state is State.NOTE
    assert "_ARRAY_API not found" in broken.text
    assert good.state is State.OK


def test_a_missing_package_of_the_gateway_is_named_with_the_whole_extra(monkeypatch, tmp_path):
    def version(name: str) -> str:
        if name == "starlette":
            raise doctor.metadata.PackageNotFoundError
        return "99"

    monkeypatch.setattr(doctor.metadata, "version", version)
    monkeypatch.setattr(images, "PACKAGED", tmp_path)
    found = {finding.subject: finding for finding in doctor.check_gateway()}
    assert found["package aiosqlite"].state is State.OK
    missing = found["package starlette"]
    assert (missing.state, missing.fix) == (State.NOTE, f"{sys.executable} -m pip install 'wasmote[gateway]'")


@pytest.mark.parametrize(("free", "state"), [(1 << 40, State.OK), (1 << 20, State.NOTE)])
def test_disk(free, state):
    (finding,) = doctor.check_disk(Path("/"), lambda _: (1 << 41, 0, free))
    assert finding.state is state


@pytest.fixture
def findings(monkeypatch) -> list[Finding]:
    """What the checks find: a list to fill."""
    found = [Finding(State.OK, "python", "3.11.2"), Finding(State.NOTE, "make", "is not installed", "apt")]

    def check() -> Iterator[Finding]:
        return iter(found)

    monkeypatch.setattr(doctor, "CHECKS", (check,))
    return found


def test_notes_do_not_make_it_fail(findings):
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "ok      python: 3.11.2",
        "note    make: is not installed",
        "          mend it: apt",
    ]


def test_what_is_missing_makes_it_fail(findings):
    findings.append(Finding(State.MISSING, "compiling", "no clang", "sudo apt install clang"))
    result = CliRunner().invoke(main, ["doctor", "--json", "--quiet"])
    assert result.exit_code == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["state"] for line in lines] == ["note", "missing"]
    assert lines[1] == {
        "state": "missing",
        "subject": "compiling",
        "text": "no clang",
        "fix": "sudo apt install clang",
    }
