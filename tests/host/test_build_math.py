"""wasmote_math.h: its accuracy, and the same bits from wasmtime and from this machine's compiler."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable

import numpy as np
import pytest
import wasmtime

from wasmote.build.compilers.c import compile_c
from wasmote.build.compilers.tool import GUEST

FUNCTIONS = ("expf", "logf", "log1pf", "sqrtf")
BLOCK = 4096
SOURCE = """
#include <stdint.h>
#include <wasmote_math.h>
#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name)))
#else
#define EXPORT(name)
#endif
static float block[4096];
EXPORT(address) float *address(void);
float *address(void) { return block; }
#define EACH(function)                                       \\
    EXPORT(function) void function##_each(uint32_t count);   \\
    void function##_each(uint32_t count)                     \\
    {                                                        \\
        for (uint32_t i = 0; i < count; i++) {               \\
            block[i] = wasmote_##function(block[i]);         \\
        }                                                    \\
    }
EACH(expf) EACH(logf) EACH(log1pf) EACH(sqrtf)
"""

Floats = np.ndarray[tuple[int], np.dtype[np.float32]]
Mapped = Callable[[str, Floats], Floats]


@pytest.fixture(scope="module")
def in_wasm(tmp_path_factory: pytest.TempPathFactory) -> Mapped:
    source = tmp_path_factory.mktemp("math") / "math.c"
    source.write_text(SOURCE)
    compiled = compile_c(source)
    assert compiled.warnings == ""
    store = wasmtime.Store()
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, compiled.wasm), []).exports(store)
    memory, base = exports["memory"], exports["address"](store)

    def one_block(function: str, values: Floats) -> Floats:
        memory.write(store, values.tobytes(), base)
        exports[function](store, len(values))
        return np.frombuffer(memory.read(store, base, base + values.nbytes), np.float32)

    def apply(function: str, values: Floats) -> Floats:
        blocks = [values[at : at + BLOCK] for at in range(0, len(values), BLOCK)]
        return np.concatenate([one_block(function, block) for block in blocks])

    return apply


@pytest.fixture(scope="module")
def in_native(tmp_path_factory: pytest.TempPathFactory) -> Mapped:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no native C compiler")
    folder = tmp_path_factory.mktemp("native")
    (folder / "math.c").write_text(SOURCE)
    flags = ["-O2", "-std=c11", "-ffp-contract=off", "-fno-math-errno", "-shared", "-fPIC", f"-I{GUEST}"]
    library = folder / "math.so"
    subprocess.run([compiler, *flags, str(folder / "math.c"), "-o", str(library), "-lm"], check=True)
    native = ctypes.CDLL(str(library))
    native.address.restype = ctypes.c_void_p

    def one_block(function: str, values: Floats) -> Floats:
        ctypes.memmove(native.address(), values.tobytes(), values.nbytes)
        getattr(native, f"{function}_each")(len(values))
        return np.frombuffer(ctypes.string_at(native.address(), values.nbytes), np.float32)

    def apply(function: str, values: Floats) -> Floats:
        blocks = [values[at : at + BLOCK] for at in range(0, len(values), BLOCK)]
        return np.concatenate([one_block(function, block) for block in blocks])

    return apply


def arguments() -> Floats:
    """Every exponent and sign with many fractions, and a fine grid where the functions bend."""
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2**32, 200_000, dtype=np.uint32).view(np.float32)
    grids = [np.linspace(low, high, 40_000) for low, high in ((-105, 90), (-1, 1), (0.5, 2), (0, 1e-37))]
    edges = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 88.72283, 88.72284, -87.33655, -103.97208]
    spread = np.concatenate([*grids, edges]).astype(np.float32)
    tiny = np.arange(1, 2000, dtype=np.uint32).view(np.float32)
    return np.concatenate([bits, spread, tiny, -tiny])


def exact(function: str, values: Floats) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    with np.errstate(all="ignore"):  # signalling NaNs, and poles
        wide = values.astype(np.float64)
        result = {"expf": np.exp, "logf": np.log, "log1pf": np.log1p, "sqrtf": np.sqrt}[function](wide)
    return np.asarray(result, np.float64)


@pytest.mark.parametrize(
    ("function", "bound"), [("expf", 1.0), ("logf", 1.0), ("log1pf", 1.0), ("sqrtf", 0.5)]
)
def test_the_error_is_bounded(in_wasm: Mapped, function: str, bound: float) -> None:
    values = arguments()
    found, expected = in_wasm(function, values), exact(function, values)
    with np.errstate(over="ignore"):
        rounded = expected.astype(np.float32)
    assert np.array_equal(np.isnan(found), np.isnan(rounded))
    finite = np.isfinite(rounded) & np.isfinite(found)
    assert np.array_equal(found[~finite & ~np.isnan(found)], rounded[~finite & ~np.isnan(found)])
    ulp = np.spacing(np.abs(rounded[finite])).astype(np.float64)
    error = np.abs(found[finite] - expected[finite]) / ulp
    worst = int(np.argmax(error))
    assert error[worst] <= bound, f"{function}({values[finite][worst]!r}) is off by {error[worst]} ulp"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_wasm_and_native_code_give_the_same_bits(in_wasm: Mapped, in_native: Mapped, function: str) -> None:
    values = arguments()
    wasm, native = in_wasm(function, values), in_native(function, values)
    numbers = ~np.isnan(wasm)
    assert np.array_equal(wasm[numbers].view(np.uint32), native[numbers].view(np.uint32))


@pytest.mark.parametrize("function", ["expf", "logf", "log1pf"])
def test_every_nan_is_the_canonical_one(in_wasm: Mapped, function: str) -> None:
    values = np.array([0x7FC00001, 0xFFC00000, 0x7F800001, 0xFF800000], np.uint32).view(np.float32)
    found = in_wasm(function, values).view(np.uint32)[:3]
    assert list(found) == [0x7FC00000] * 3


def test_signs_of_zero_and_ends_of_the_range(in_wasm: Mapped) -> None:
    zeros = np.array([0.0, -0.0], np.float32)
    assert list(np.signbit(in_wasm("log1pf", zeros))) == [False, True]
    assert list(in_wasm("logf", zeros)) == [-np.inf, -np.inf]
    assert list(in_wasm("expf", np.array([89, -105, -np.inf], np.float32))) == [np.inf, 0.0, 0.0]
