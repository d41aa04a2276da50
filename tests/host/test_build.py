import contextlib
import functools
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import wasmtime
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmote.build import build, build_bundle
from wasmote.build.compilers import CompileFailed
from wasmote.build.compilers.c import Toolchain, compile_c, find_toolchain
from wasmote.build.leb import InvalidWasm
from wasmote.build.pages import PackRefused, to_byte_pages
from wasmote.build.wasm import Limits, WasmModule
from wasmote.cli.build import build as build_command
from wasmote.cli.inspect import inspect as inspect_command
from wasmote.errors import UsageFault, WasmoteError
from wasmote.wire.bundle import Bundle

MODULES = Path(__file__).parents[1] / "modules"
TOML = """name = "demo"
version = "1"
sequence = 1
source = "demo.c"
"""
INPUT = '[[input]]\nsensor = "probe"\nchannels = ["a", "b"]\nunits = ["1", "1"]\n'
STREAM = '[[stream]]\nname = "out"\nfields = ["x"]\n'
ON_SAMPLE = """
void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count)
{
    (void)input, (void)time_ms, (void)count;
    wasmote_emit_f32(0, values, 1);
}
"""
BUFFER = "WASMOTE_BUFFER(64)\n"


def demo(
    folder: Path, code: str, toml: str = TOML + INPUT + STREAM, header: str = "#include <wasmote.h>\n"
) -> Path:
    (folder / "demo.c").write_text(header + code)
    path = folder / "demo.toml"
    path.write_text(toml)
    return path


def refusal(path: Path) -> PackRefused:
    with pytest.raises(PackRefused) as caught:
        build_bundle(path)
    return caught.value


# ---- the modules that other tests run --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["counter", "mean_v1", "mean_v2", "trap", "spin", "hog"])
def test_a_module_builds_to_the_same_bytes_wherever_it_lies(name: str, tmp_path: Path) -> None:
    bundle = build_bundle(MODULES / f"{name}.toml")
    shutil.copytree(MODULES, tmp_path / "elsewhere")
    assert build_bundle(tmp_path / "elsewhere" / f"{name}.c").to_bytes() == bundle.to_bytes()
    assert Bundle.from_bytes(bundle.to_bytes()) == bundle


def test_a_small_module_needs_one_page_and_the_hog_ten() -> None:
    counter, hog = (build_bundle(MODULES / f"{name}.toml") for name in ("counter", "hog"))
    assert (counter.manifest.pages, hog.manifest.pages) == (1, 10)
    assert WasmModule.from_bytes(counter.module).memories() == [Limits(1, 1, 14)]
    assert len(counter.module) < 256


def test_both_means_have_one_state_and_different_code() -> None:
    first, second = (build_bundle(MODULES / f"mean_v{version}.toml") for version in (1, 2))
    assert first.manifest.state == second.manifest.state
    assert first.manifest.state is not None
    assert (first.manifest.state.schema, first.manifest.state.size) == ("mean/1", 36)
    assert first.manifest.digest != second.manifest.digest
    assert first.manifest.sequence < second.manifest.sequence


def test_an_unknown_import_is_named_unless_the_node_shall_refuse_it() -> None:
    fault = refusal(MODULES / "badimport.toml")
    assert "imports env.nope, which no node offers" in fault.message
    assert "sensor_read, emit" in fault.hint
    assert build_bundle(MODULES / "badimport.toml", check_imports=False).manifest.name == "badimport"


# ---- refusals --------------------------------------------------------------------------------------------


def test_a_compiler_error_is_passed_on_as_it_is(tmp_path: Path) -> None:
    path = demo(tmp_path, "int broken(void) { return nothing; }")
    with pytest.raises(CompileFailed) as caught:
        build_bundle(path)
    assert "demo.c:2:27: error: use of undeclared identifier 'nothing'" in caught.value.message
    assert "^" in caught.value.message
    assert caught.value.exit_code == 1


def test_a_missing_function_is_a_linker_error(tmp_path: Path) -> None:
    declared = "float sinf(float);\n"
    called = "void on_tick(int64_t now) { wasmote_emit_f32(0, (float[]){sinf((float)now)}, 1); }"
    path = demo(tmp_path, declared + called)
    with pytest.raises(CompileFailed, match="undefined symbol: sinf"):
        build_bundle(path)


def test_warnings_are_kept(tmp_path: Path) -> None:
    result = build(demo(tmp_path, BUFFER + ON_SAMPLE + "static int unused;"))
    assert "unused variable" in result.warnings


@pytest.mark.parametrize(
    ("code", "toml", "reason", "hint"),
    [
        (ON_SAMPLE, TOML + INPUT + STREAM, "does not export wasmote_buffer", "WASMOTE_BUFFER(bytes)"),
        (BUFFER + ON_SAMPLE, TOML + STREAM, "on_sample, but no input", "[[input]]"),
        (BUFFER + ON_SAMPLE, TOML + INPUT, "emits, but no stream", "[[stream]]"),
        (
            "WASMOTE_BUFFER(4)" + ON_SAMPLE,
            TOML + INPUT + STREAM,
            "no room for its largest sample of 8",
            "(8)",
        ),
        (
            "WASMOTE_BUFFER(8)"
            + ON_SAMPLE
            + "void on_config(const void *p, uint32_t n) { (void)p, (void)n; }",
            TOML + INPUT + STREAM + "[config]\ngain = 1\n",
            "no room for its config of 15",
            "(15)",
        ),
        (
            BUFFER + 'void on_start(void) { wasmote_log(2, WASMOTE_TEXT("hi")); }',
            TOML,
            "calls log, without the capability",
            'capabilities = ["log"]',
        ),
        (BUFFER + "static int n; WASMOTE_STATE(n)", TOML, "no state schema", 'schema = "demo/1"'),
        (BUFFER, TOML + '[state]\nschema = "d/1"\n', "declares a [state]", "WASMOTE_STATE"),
        (
            BUFFER + "void *wasmote_state(void) { return 0; }",
            TOML,
            "wasmote_state without its sister",
            "WASMOTE_STATE",
        ),
        (
            BUFFER + "void *wasmote_state(void) { return (void *)99999; }\n"
            "uint32_t wasmote_state_size(void) { return 4; }",
            TOML + '[state]\nschema = "d/1"\n',
            "state (4 bytes at 99999) is empty or outside",
            "",
        ),
        (
            BUFFER + "static char big[1100000]; WASMOTE_STATE(big)",
            TOML,
            "more than any node has",
            "large arrays",
        ),
    ],
)
def test_what_no_node_could_run_is_refused(
    tmp_path: Path, code: str, toml: str, reason: str, hint: str
) -> None:
    path = demo(tmp_path, code, toml)
    fault = refusal(path)
    assert reason in fault.message
    assert hint in fault.hint


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "void on_tick(int now) { (void)now; }",
            r"export on_tick is \(i32\) -> \(\); a node calls it as \(i64\)",
        ),
        (
            '__attribute__((import_module("wasmote"), import_name("emit"))) void emit(int);'
            "void on_start(void) { emit(1); }",
            r"imports wasmote.emit as \(i32\) -> \(\); nodes offer \(i32, i32, i32\) -> \(i32\)",
        ),
        (
            '__attribute__((import_module("wasmote"), import_name("emitt"))) void emit(int);'
            "void on_start(void) { emit(1); }",
            "imports wasmote.emitt, which no node offers.*did you mean wasmote.emit",
        ),
        (
            "void *wasmote_buffer(unsigned n) { while (n) { } return 0; }",
            "traps as it is loaded: time budget exceeded",
        ),
        (
            "void *wasmote_buffer(unsigned n) { (void)n; __builtin_trap(); }",
            "traps as it is loaded: .*unreachable",
        ),
    ],
)
def test_a_wrong_interface_is_refused(tmp_path: Path, code: str, reason: str) -> None:
    buffer = (
        ""
        if "wasmote_buffer" in code
        else "void *wasmote_buffer(unsigned n) { (void)n; return (void *)8; }\n"
    )
    handler = "\nvoid on_sample(int i, long long t, void *v, int n) { (void)i, (void)t, (void)v, (void)n; }\n"
    path = demo(tmp_path, buffer + code + handler, TOML + INPUT, header="")
    with pytest.raises(PackRefused, match=reason):
        build_bundle(path)


def test_a_module_of_another_compiler_is_packed_as_it_is(tmp_path: Path) -> None:
    wat = """(module (memory (export "memory") 1)
        (func (export "wasmote_buffer") (param i32) (result i32) i32.const 16))"""
    (tmp_path / "hand.wasm").write_bytes(bytes(wasmtime.wat2wasm(wat)))
    bundle = build_bundle(tmp_path / "hand.wasm")
    assert (bundle.manifest.name, bundle.manifest.pages) == ("hand", 4)
    (tmp_path / "junk.wasm").write_bytes(b"junk")
    with pytest.raises(InvalidWasm, match="not a WebAssembly module"):
        build_bundle(tmp_path / "junk.wasm")


def test_a_start_function_that_misuses_the_host_is_refused(tmp_path: Path) -> None:
    wat = """(module (import "wasmote" "random" (func $random (param i32 i32)))
        (import "wasmote" "log" (func $log (param i32 i32 i32)))
        (memory (export "memory") 1) (start $start)
        (func $start (call $log (i32.const 0) (i32.const 65530) (i32.const 9)))
        (func (export "wasmote_buffer") (param i32) (result i32) i32.const 16))"""
    (tmp_path / "demo.wasm").write_bytes(bytes(wasmtime.wat2wasm(wat)))
    allowed = TOML.replace("demo.c", "demo.wasm") + 'capabilities = ["log", "random"]\n'
    (tmp_path / "demo.toml").write_text(allowed)
    assert "traps as it is loaded: host call with a view outside" in refusal(tmp_path / "demo.toml").message


def test_invalid_wasm_is_refused_with_the_validators_words(tmp_path: Path) -> None:
    wat = """(module (memory (export "memory") 1)
        (func (export "wasmote_buffer") (param i32) (result i32) local.get 0))"""
    broken = bytes(wasmtime.wat2wasm(wat)).replace(b"\x20\x00\x0b", b"\x01\x01\x0b")
    (tmp_path / "hand.wasm").write_bytes(broken)
    assert "not valid WebAssembly: " in refusal(tmp_path / "hand.wasm").message


@given(st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_a_damaged_module_is_built_or_refused_with_an_error_of_ours(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(mean_module())
    for position, value in changes:
        damaged[8 + position % (len(damaged) - 8)] = value
    with tempfile.TemporaryDirectory() as folder:
        path = demo(Path(folder), "", TOML.replace("demo.c", "demo.wasm") + INPUT + STREAM)
        path.with_suffix(".wasm").write_bytes(bytes(damaged))
        with contextlib.suppress(WasmoteError):
            build_bundle(path)


@functools.cache
def mean_module() -> bytes:
    return compile_c(MODULES / "mean_v1.c").wasm


# ---- the tools -------------------------------------------------------------------------------------------


@pytest.fixture
def fresh_lookup() -> Iterator[None]:
    find_toolchain.cache_clear()
    yield
    find_toolchain.cache_clear()


def script(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.mark.usefixtures("fresh_lookup")
def test_a_missing_compiler_names_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("WASMOTE_CLANG", raising=False)
    with pytest.raises(UsageFault, match=r"clang is not installed.*sudo apt install clang lld"):
        find_toolchain()


@pytest.mark.usefixtures("fresh_lookup")
def test_a_compiler_without_wasm_and_a_missing_linker_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    script(tmp_path, "clang-16", "echo x86")
    with pytest.raises(UsageFault, match="clang-16 cannot compile for wasm32"):
        find_toolchain()
    script(tmp_path, "clang-15", "echo wasm32")
    with pytest.raises(UsageFault, match=r"wasm-ld .* is not installed"):
        find_toolchain()
    script(tmp_path, "wasm-ld-15", "")
    assert find_toolchain() == Toolchain("clang-15", str(tmp_path / "wasm-ld-15"))


@pytest.mark.usefixtures("fresh_lookup")
def test_a_named_compiler_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMOTE_CLANG", "/nowhere/clang")
    with pytest.raises(UsageFault, match="/nowhere/clang: No such file"):
        find_toolchain()


# ---- the guest library -----------------------------------------------------------------------------------

LIBRARY_CHECK = """
#include <string.h>
#include <wasmote.h>
WASMOTE_BUFFER(64)
static unsigned char a[64], b[64];
WASMOTE_EXPORT(check) int check(unsigned to, unsigned from, unsigned count)
{
    for (unsigned i = 0; i < sizeof a; i++) {
        a[i] = b[i] = (unsigned char)(i * 7 + 1);
    }
    memmove(a + to, a + from, count);
    for (unsigned i = 0; i < count; i++) {
        if (a[to + i] != b[from + i]) {
            return 1;
        }
    }
    memcpy(a, b, sizeof a);
    if (memcmp(a, b, sizeof a) != 0) {
        return 2;
    }
    memset(a + to, 0xee, count);
    for (unsigned i = 0; i < sizeof a; i++) {
        if (a[i] != (i >= to && i < to + count ? 0xee : b[i])) {
            return 3;
        }
    }
    a[0] = 0, a[1] = 1, b[0] = 0, b[1] = 2;
    return memcmp(a, b, 2) < 0 && memcmp(b, a, 2) > 0 && strlen("four") == 4 ? 0 : 4;
}
"""


def test_memory_functions_copy_fill_and_compare(tmp_path: Path) -> None:
    bundle = build_bundle(demo(tmp_path, LIBRARY_CHECK, TOML, header=""))
    config = wasmtime.Config()
    config.wasm_custom_page_sizes = True
    store = wasmtime.Store(wasmtime.Engine(config))
    module = wasmtime.Module(store.engine, to_byte_pages(bundle.module))
    check = wasmtime.Instance(store, module, []).exports(store)["check"]
    for to in range(0, 20, 3):
        for source in range(0, 20, 3):
            for count in (0, 1, 3, 4, 5, 31, 40):
                assert check(store, to, source, count) == 0, (to, source, count)


# ---- wasmote build ---------------------------------------------------------------------------------------


def cli(*arguments: str | Path) -> Result:
    return CliRunner().invoke(build_command, list(map(str, arguments)))


def test_the_command_writes_a_bundle_and_describes_it(tmp_path: Path) -> None:
    output = tmp_path / "new" / "mean.bundle"
    result = cli(MODULES / "mean_v1.toml", "-o", output)
    assert result.exit_code == 0, result.output
    bundle = Bundle.from_bytes(output.read_bytes())
    for text in (
        "mean 1.0.0 (sequence 1)",
        bundle.manifest.digest.hex(),
        "1 page of 16 KiB",
        "probe: value [1]",
    ):
        assert text in result.stdout
    assert result.stderr == ""


def test_the_command_speaks_json(tmp_path: Path) -> None:
    output = tmp_path / "x.bundle"
    result = cli(MODULES / "mean_v2.c", "-o", output, "--sequence", "9", "--json")
    said = json.loads(result.stdout)
    assert said["sequence"] == 9
    assert said["wasm_bytes"] == Bundle.from_bytes(output.read_bytes()).manifest.size
    assert said["ram"]["memory"] + said["ram"]["stack"] > 16384 + 2048
    assert (said["abi"], said["stack_bytes"]) == (1, 2048)
    assert said["state"] == {"schema": "mean/1", "bytes": 36}
    stream = {"name": "mean", "shape": [1], "fields": ["mean"], "units": ["1"], "rate_ms": None}
    assert said["streams"] == [stream]


def test_the_command_trims_memory_and_shows_what_is_left(tmp_path: Path) -> None:
    output = tmp_path / "counter.bundle"
    said = cli(MODULES / "counter.toml", "-o", output, "--trim", "--heap", "100").stdout
    manifest = Bundle.from_bytes(output.read_bytes()).manifest
    use = manifest.memory_use
    assert use is not None
    held = f"{use.stack + use.data + use.heap:,}"
    for text in (
        f"1 page of 16 KiB, trimmed to {held} bytes, and 2,048 bytes of stack",
        f"begins with C stack 1,024, data {use.data:,}, heap {use.heap:,} bytes",
    ):
        assert text in said
        assert text in CliRunner().invoke(inspect_command, [str(output)]).stdout
    assert f"of which {held} bytes are there" in CliRunner().invoke(inspect_command, [str(output)]).stdout
    said = json.loads(cli(MODULES / "counter.toml", "-o", output, "--whole-pages", "--json").stdout)
    assert (said["memory_bytes"], said["trimmed"], said["stack_bytes"]) == (16384, False, 2048)
    assert sum(said["memory_use"].values()) == 16384


def test_a_linked_module_is_measured_where_it_tells(tmp_path: Path) -> None:
    linked = tmp_path / "counter.wasm"
    linked.write_bytes(compile_c(MODULES / "counter.c").wasm)
    assert "measured: C stack 1,024, data " in CliRunner().invoke(inspect_command, [str(linked)]).stdout


def test_the_command_writes_to_build_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli(MODULES / "counter.toml").exit_code == 0
    assert (tmp_path / "build" / "counter.bundle").exists()


def test_the_command_says_when_there_is_no_project_file(tmp_path: Path) -> None:
    demo(tmp_path, BUFFER).unlink()
    result = cli(tmp_path / "demo.c", "-o", tmp_path / "demo.bundle")
    assert result.exit_code == 0
    assert "there is no" in result.stderr
    assert "demo.toml: built without inputs and streams" in result.stderr


def test_a_bundle_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = cli(MODULES / "counter.toml", "-o", tmp_path / "file" / "x.bundle")
    assert isinstance(result.exception, UsageFault)
    assert "cannot be written" in str(result.exception)
