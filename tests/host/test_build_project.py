import re
from pathlib import Path

import pytest

from wasmote import build
from wasmote.build.project import Overrides, load_project
from wasmote.errors import UsageFault, WasmoteError

GOOD = """name = "flood"
version = "1.0.0"
sequence = 1
source = "flood.c"

[[input]]
sensor = "river"
channels = ["rain", "flow"]
units = ["mm", "m3/s"]

[[stream]]
name = "features"
fields = ["a", "b"]

[config]
gain = 2

[state]
schema = "flood/1"
"""


def write(folder: Path, toml: str = GOOD, source: str = "flood.c") -> Path:
    (folder / source).write_text("")
    path = folder / "flood.toml"
    path.write_text(toml)
    return path


def refusal(path: Path) -> WasmoteError:
    with pytest.raises(UsageFault) as caught:
        load_project(path)
    return caught.value


def test_a_project_becomes_a_manifest(tmp_path: Path) -> None:
    loaded = load_project(write(tmp_path))
    manifest = loaded.project.to_manifest(bytes(32), size=100, pages=2, state_size=36)
    assert loaded.source == tmp_path / "flood.c"
    assert manifest.inputs[0].channels == ("rain", "flow")
    assert manifest.streams[0].shape == (2,)
    assert manifest.config == {"gain": 2.0}
    assert manifest.state is not None
    assert (manifest.state.schema, manifest.state.size) == ("flood/1", 36)
    assert (manifest.stack, manifest.pages, manifest.device_class) == (2048, 2, "any")


def test_a_stream_may_be_an_array_without_names(tmp_path: Path) -> None:
    loaded = load_project(
        write(tmp_path, GOOD.replace('fields = ["a", "b"]', "shape = [4, 8]\nrate_ms = 500"))
    )
    stream = loaded.project.stream[0].to_wire()
    assert (stream.count, stream.rate_ms) == (32, 500)


def test_an_input_without_units_has_none(tmp_path: Path) -> None:
    loaded = load_project(write(tmp_path, GOOD.replace('units = ["mm", "m3/s"]\n', "")))
    assert loaded.project.input[0].to_wire().units == ("1", "1")


def test_a_byte_order_mark_is_taken(tmp_path: Path) -> None:
    assert load_project(write(tmp_path, "\ufeff" + GOOD)).project.name == "flood"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "flood"', 'name = "Flood"', ":1:1: name: 'Flood' is not 1 to 31 characters"),
        ("sequence = 1", 'sequence = "1"', ":3:1: sequence: Input should be a valid integer"),
        ("sequence = 1", "", ":1:1: sequence: this key is missing"),
        ("sequence = 1", "sequenze = 1", ":3:1: sequenze: there is no such key; did you mean 'sequence'?"),
        ("sequence = 1", "sequence = 1\nstack = 104", ":4:1: stack: Input should be greater"),
        ("sequence = 1", "sequence = 1\nheap = -1", ":4:1: heap: Input should be greater"),
        ("sequence = 1", "sequence = 1\nheap = 1048577", ":4:1: heap: Input should be less"),
        ("sequence = 1", 'sequence = 1\ntrim = "yes"', ":4:1: trim: Input should be a valid boolean"),
        ("sequence = 1", "sequence = 1\npage_bytes = 4096", ":4:1: page_bytes: Input should be 65536 or"),
        ("channels =", "chanels =", ":8:1: input.0.chanels: there is no such key; did you mean 'channels'?"),
        ('units = ["mm", "m3/s"]', 'units = ["mm"]', ":6:1: input.0: input 'river': units: has 1 for 2"),
        ("[[input]]", "[input]", ":6:1: input: is an array of tables: write [[input]]"),
        ('fields = ["a", "b"]', 'fields = ["a", "a"]', "stream.0: stream 'features': fields: 'a' is there"),
        ('fields = ["a", "b"]', "", ":11:1: stream.0: needs fields"),
        ('fields = ["a", "b"]', 'shape = [2]\ndtype = "f64"', ":14:1: stream.0.dtype: Input should be 'f32'"),
        ("gain = 2", 'gain = "2"', ":16:1: config.gain: Input should be a valid number"),
        ("gain = 2", "gain = inf", ":16:1: config.gain: inf is not a finite number"),
        ('version = "1.0.0"', 'version = ""', ":2:1: version: '' has 0 bytes"),
        ('schema = "flood/1"', 'schema = ""', ":19:1: state.schema: '' has 0 bytes"),
        ('"1.0.0"', '"1"\ndevice_class = ""', ":3:1: device_class: '' has 0 bytes"),
        (
            "[config]",
            '[[stream]]\nname = "features"\nshape = [1]\n[config]',
            ":11:1: stream.0: 'features' is there twice",
        ),
        ('schema = "flood/1"', "", ":18:1: state.schema: this key is missing"),
        ("sequence = 1", 'sequence = 1\ncapabilities = ["fly"]', ":4:1: capabilities: 'fly' is not one of"),
        ("sequence = 1", "sequence = ", ":3:12: Invalid value"),
        ('source = "flood.c"', 'source = "dam.c"', ":4:1: source: there is no "),
        (
            'source = "flood.c"',
            'source = "flood.py"',
            ":4:1: source: flood.py is in no language that is compiled here",
        ),
    ],
)
def test_a_bad_project_is_refused_where_it_is_wrong(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    fault = refusal(write(tmp_path, GOOD.replace(old, new, 1)))
    assert fault.message.startswith(str(tmp_path / "flood.toml"))
    assert message in fault.message
    assert fault.exit_code == 2


def test_a_source_finds_the_project_beside_it(tmp_path: Path) -> None:
    toml = write(tmp_path)
    loaded = load_project(tmp_path / "flood.c")
    assert loaded.toml == toml
    assert loaded.project.name == "flood"


def test_a_source_whose_neighbour_names_another_one_is_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("flood.c", "dam.c"), source="dam.c")
    (tmp_path / "flood.c").write_text("")
    assert "its source is dam.c, not flood.c" in refusal(tmp_path / "flood.c").message


def test_a_source_without_project_has_defaults_that_the_command_line_changes(tmp_path: Path) -> None:
    source = tmp_path / "My Module.c"
    source.write_text("")
    loaded = load_project(source)
    assert loaded.toml is None
    assert (loaded.project.name, loaded.project.version, loaded.project.sequence) == ("my-module", "0", 1)
    named = load_project(source, Overrides("other", "2.0", 7)).project
    assert (named.name, named.version, named.sequence) == ("other", "2.0", 7)


def test_a_bad_name_on_the_command_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WasmoteError, match="name: 'No Way' is not"):
        load_project(write(tmp_path), Overrides(name="No Way"))


def test_files_that_are_no_projects_are_refused(tmp_path: Path) -> None:
    (tmp_path / "flood.py").write_text("")
    assert "no such file" in refusal(tmp_path / "gone.toml").message
    assert "is no module" in refusal(tmp_path / "flood.py").message


def test_the_project_file_in_the_readme_is_one(tmp_path: Path) -> None:
    readme = Path(build.__file__).with_name("README.md").read_text()
    block = re.search(r"```toml\n(.*?)```", readme, re.DOTALL)
    assert block is not None
    assert load_project(write(tmp_path, block[1])).project.pages == 4
