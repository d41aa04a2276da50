"""`wasmote new`: what it makes builds and runs at once, in every language."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from wasmote.build import build
from wasmote.build.compilers import COMPILERS
from wasmote.build.scaffold import LANGUAGES, TEMPLATES
from wasmote.cli import main
from wasmote.runtime import HostModule
from wasmote.sim import ROOT

HEIGHTS = (1.2, 2.2, 1.4, 9.0, 0.1)


def new(*arguments: str | Path) -> str:
    result = CliRunner().invoke(main, ["new", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_module_builds_without_a_word_and_runs(language: str, tmp_path: Path) -> None:
    said = new(tmp_path / "tide-2", "--lang", language)
    project = tmp_path / "tide-2" / "tide-2.toml"
    assert f"wasmote run {project}" in said
    built = build(project)
    assert built.warnings == ""
    manifest = built.bundle.manifest
    assert (manifest.name, manifest.pages) == ("tide-2", 1)
    assert manifest.state is not None
    assert (manifest.state.schema, manifest.state.size) == ("tide-2/1", 8)
    module = HostModule(built.bundle)
    module.start()
    records = [module.on_sample(0, at, [height]) for at, height in enumerate(HEIGHTS)]
    means = [round(float(record.values[0]), 5) for (record,) in records]
    assert means == [1.2, 1.7, 1.55, 5.275, 2.6875]
    assert [float(record.values[1]) for (record,) in records] == [0, 0, 0, 1, 1]


def test_there_is_one_for_every_compiler() -> None:
    assert sorted(LANGUAGES.values()) == sorted(COMPILERS)


def test_the_module_in_c_is_that_of_the_tutorial(tmp_path: Path) -> None:
    new(tmp_path / "alarm")
    blocks = dict(
        re.findall(r"^```\w+ (alarm\.\w+)\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    )
    assert (TEMPLATES / "module.c").read_text() == blocks["alarm.c"]
    written = (tmp_path / "alarm" / "alarm.toml").read_text()
    assert written.replace(" # grows with every release", "") == blocks["alarm.toml"]


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    result = CliRunner().invoke(main, ["new", str(tmp_path / "mine")])
    assert result.exit_code == 2
    assert "is there already" in result.output
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.parametrize("name", ["Alarm", "a b", "x" * 32])
def test_a_name_that_no_module_may_have_is_refused(name: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["new", f"{tmp_path}/{name}"])
    assert result.exit_code == 2
    assert "is not 1 to 31 characters of a-z, 0-9, _ and -" in result.output
    assert list(tmp_path.iterdir()) == []


def test_it_speaks_json_and_quotes_what_it_prints(tmp_path: Path) -> None:
    folder = tmp_path / "my modules" / "alarm"
    assert f"wasmote run '{folder}/alarm.toml'" in new(folder)
    said = json.loads(new(tmp_path / "other", "--lang", "as", "--json"))
    assert said == {"source": str(tmp_path / "other/other.ts"), "project": str(tmp_path / "other/other.toml")}
