"""`wasmote inspect`: what it shows, and the status with which it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from wasmote.build import build_bundle
from wasmote.cli import main
from wasmote.sim import ROOT
from wasmote.wire.bundle import Bundle

FLOOD = ROOT / "models" / "flood" / "flood.toml"


@pytest.fixture(scope="module")
def flood():
    return build_bundle(FLOOD)


@pytest.fixture
def look(tmp_path):
    def run(content: bytes, *options: str):
        path = tmp_path / "file"
        path.write_bytes(content)
        return CliRunner().invoke(main, ["inspect", str(path), *options])

    return run


def test_a_bundle(flood, look):
    result = look(flood.to_bytes())
    assert result.exit_code == 0
    for text in (
        "flood 1.0.0 (sequence 1)",
        "river: rain [mm], flow [m3/s]",
        "state   flood/1",
        "1 page of 16,384 bytes",
        "wasmote.emit  (i32, i32, i32) -> (i32)",
        "on_sample           (i32, i64, i32, i32) -> ()",
    ):
        assert text in result.output


def test_a_bundle_as_json(flood, look):
    said = json.loads(look(flood.to_bytes(), "--json").output)
    assert said["manifest"]["name"] == "flood"
    assert said["manifest"]["sha256"] == flood.manifest.digest.hex()
    assert said["memory"] == {"pages": 1, "maximum": 1, "page_bytes": 16384}
    assert said["imports"] == [{"name": "wasmote.emit", "type": "(i32, i32, i32) -> (i32)"}]
    assert {"name": "memory", "type": "memory"} in said["exports"]
    assert "code" in {section["name"] for section in said["sections"]}


def test_a_bare_module(flood, look):
    assert "without a manifest" in look(flood.module).output
    said = json.loads(look(flood.module, "--json").output)
    assert said["manifest"] is None
    assert said["wasm_bytes"] == said["file_bytes"] == len(flood.module)


def test_a_module_with_standard_pages(look):
    module = b"\0asm\1\0\0\0" + bytes([5, 3, 1, 0, 2])  # (memory 2)
    assert "2 pages of 65,536 bytes to begin with, no limit" in look(module).output


def test_a_changed_module_is_refused_with_6(flood, look):
    content = bytearray(flood.to_bytes())
    content[-1] ^= 1
    result = look(bytes(content))
    assert result.exit_code == 6
    assert "SHA-256" in result.stderr


def test_a_state_of_another_size_than_is_declared_is_refused_with_6(flood, look):
    state = replace(flood.manifest.state, size=flood.manifest.state.size + 4)
    result = look(Bundle(replace(flood.manifest, state=state), flood.module).to_bytes())
    assert result.exit_code == 6
    assert f"declares a state of {state.size} bytes, the module's has {state.size - 4}" in result.output


@pytest.mark.parametrize("content", [b"", b"text", b"\x41\x00"])
def test_what_is_no_bundle_is_refused_with_2(look, content):
    result = look(content)
    assert result.exit_code == 2
    assert "file: " in result.stderr


def test_a_missing_file_is_refused_with_2(tmp_path):
    result = CliRunner().invoke(main, ["inspect", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_an_invalid_module_is_refused(look):
    body = bytes([1, 2, 0, 0x6A])  # i32.add of nothing, without an end
    module = b"\0asm\1\0\0\0" + bytes([1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, len(body), *body])
    result = look(module)
    assert result.exit_code == 1
    assert "file: module" in result.stderr
