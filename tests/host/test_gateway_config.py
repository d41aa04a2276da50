"""Configuration files: what is wrong is said where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmote.errors import UsageFault
from wasmote.gateway.config import load, override
from wasmote.toml_file import ConfigError, locate

GOOD = """\
[boards.f405]
link = "tcp://127.0.0.1:4444"

[boards.native]
link = "coap://127.0.0.1"

[modules.flood]
project = "flood.toml"

[pipelines.flood]
source = "flood/features"
model = { kind = "onnx", file = "flood.onnx" }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file_and_defaults_are_safe(tmp_path: Path):
    config = load(write(tmp_path, GOOD))
    assert config.modules["flood"].project == tmp_path / "flood.toml"
    assert config.pipelines["flood"].model.file == tmp_path / "flood.onnx"
    assert config.gateway.store == tmp_path / "gateway.sqlite"
    assert config.http.host == "127.0.0.1"
    assert config.http.host == "127.0.0.1"
    assert config.places_of("flood") == {("f405", 0), ("native", 0)}


def test_links_are_replaced_from_the_command_line(tmp_path: Path):
    config = load(write(tmp_path, GOOD), ["f405=tcp://127.0.0.1:5555"])
    assert config.boards["f405"].link == "tcp://127.0.0.1:5555"
    assert config.boards["native"].link == "coap://127.0.0.1"
    assert override(config, store=None, port=0).http.port == 0


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("f405", "is not NAME=URL"),
        ("f405=COM3", "link 'COM3': unknown kind"),
        ("f406=tcp://127.0.0.1:1", "boards are: f405, native"),
    ],
)
def test_a_wrong_link_is_refused(tmp_path: Path, link: str, message: str):
    with pytest.raises(UsageFault, match=message):
        load(write(tmp_path, GOOD), [link])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'link = "tcp://',
            'lnik = "tcp://',
            ":2:1: boards.f405.lnik: there is no such key; did you mean 'link'?",
        ),
        ('"tcp://127.0.0.1:4444"', '"tcp://x"', ":2:1: boards.f405.link: link 'tcp://x': host and port are"),
        ('link = "tcp://127.0.0.1:4444"', "", ":1:1: boards.f405.link: this key is missing"),
        ('project = "flood.toml"', "", ":7:1: modules.flood: needs either `bundle`"),
        ('project = "flood.toml"', "slot = -1", ":8:1: modules.flood.slot: Input should be greater than"),
        ('"flood/features"', '"features"', ":11:1: pipelines.flood.source: 'features' is not MODULE/STREAM"),
        ('"flood/features"', '"dry/features"', ":11:1: pipelines.flood.source: there is no module 'dry'"),
        ('kind = "onnx"', 'kind = "onxx"', ":12:1: pipelines.flood.model.kind: Input should be 'onnx'"),
        ("[boards.f405]", "[boards.F405]", ":1:1: boards.F405"),
        (
            "[modules.flood]",
            "[modules.flood]\nboards = ['x']",
            ":8:1: modules.flood.boards: there is no board 'x'",
        ),
        ("[modules.flood]", "[modules.flood", ":7:15: "),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, old: str, new: str, message: str):
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert f"{path}{message}" in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "gateway.example"])
def test_an_address_that_others_reach_is_refused(tmp_path: Path, host: str):
    with pytest.raises(ConfigError, match=r"http\.host: .* can be reached from other machines"):
        load(write(tmp_path, f'{GOOD}[http]\nhost = "{host}"\n'))


def test_two_modules_in_one_slot_are_refused(tmp_path: Path):
    second = '[modules.other]\nproject = "other.toml"\n'
    with pytest.raises(ConfigError, match="slot 0 of board 'f405' is taken by module 'flood'"):
        load(write(tmp_path, GOOD + second))


def test_the_gateways_own_name_is_taken_when_it_is_a_board(tmp_path: Path):
    named = GOOD.replace("boards.native", "boards.gateway")
    assert load(write(tmp_path, named)).host is None
    with pytest.raises(ConfigError, match=r"with \[host\], this name is the gateway's own"):
        load(write(tmp_path, named + "[host]\n"))


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"gateway\.toml: No such file"):
        load(tmp_path / "gateway.toml")


def test_keys_are_found_in_tables_arrays_and_dotted_names():
    places = locate('a.b = 1\n[t]\n  "k y" = 2\n[[list]]\nx = 1\n[[list]]\n  x = 2 # [no]\n')
    assert places["a", "b"] == (1, 1)
    assert places["t", "k y"] == (3, 3)
    assert places["list", 0, "x"] == (5, 1)
    assert places["list", 1, "x"] == (7, 3)


def test_the_flood_gateway_is_valid():
    root = Path(__file__).parents[2]
    config = load(root / "models/flood/gateway.toml")
    assert config.modules["flood"].project == root / "models/flood/flood.toml"
