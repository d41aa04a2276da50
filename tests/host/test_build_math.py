"""wasmote_math.h: its accuracy, and the same bits from wasmtime and from this machine's compiler."""

import ctypes
import functools
import shutil
import subprocess
from collections.abc import Callable

import numpy as np
import pytest
import wasmtime

from wasmote.build.compilers.c import compile_c
from wasmote.build.compilers.tool import GUEST

FUNCTIONS = ("expf", "logf", "log1pf", "sqrtf", "sinf", "cosf")
OF_TWO = ("atan2f", "powf")
BLOCK = 4096
SOURCE = """
#include <stdint.h>
#include <wasmote_math.h>
#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name)))
#else
#define EXPORT(name)
#endif
static float block[4096], second[4096];
EXPORT(address) float *address(void);
float *address(void) { return block; }
EXPORT(address_of_second) float *address_of_second(void);
float *address_of_second(void) { return second; }
#define EACH(function)                                       \\
    EXPORT(function) void function##_each(uint32_t count);   \\
    void function##_each(uint32_t count)                     \\
    {                                                        \\
        for (uint32_t i = 0; i < count; i++) {               \\
            block[i] = wasmote_##function(block[i]);         \\
        }                                                    \\
    }
#define wasmote_atan2f_both(value) wasmote_atan2f(value, second[i])
#define wasmote_powf_both(value) wasmote_powf(value, second[i])
EACH(expf) EACH(logf) EACH(log1pf) EACH(sqrtf) EACH(sinf) EACH(cosf) EACH(atan2f_both) EACH(powf_both)
"""

Floats = np.ndarray[tuple[int], np.dtype[np.float32]]
Mapped = Callable[..., Floats]  # of a function's name, and an array for each of its parameters


@pytest.fixture(scope="module")
def in_wasm(tmp_path_factory: pytest.TempPathFactory) -> Mapped:
    source = tmp_path_factory.mktemp("math") / "math.c"
    source.write_text(SOURCE)
    compiled = compile_c(source)
    assert compiled.warnings == ""
    store = wasmtime.Store()
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, compiled.wasm), []).exports(store)
    memory = exports["memory"]
    places = [exports[name](store) for name in ("address", "address_of_second")]

    def one_block(function: str, *parameters: Floats) -> Floats:
        for base, values in zip(places, parameters, strict=False):
            memory.write(store, values.tobytes(), base)
        exports[exported(function)](store, len(parameters[0]))
        return np.frombuffer(memory.read(store, places[0], places[0] + parameters[0].nbytes), np.float32)

    return functools.partial(block_by_block, one_block)


def exported(function: str) -> str:
    return f"{function}_both" if function in OF_TWO else function


def block_by_block(one_block: Mapped, function: str, *parameters: Floats) -> Floats:
    starts = range(0, len(parameters[0]), BLOCK)
    return np.concatenate(
        [one_block(function, *(values[at : at + BLOCK] for values in parameters)) for at in starts]
    )


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
    addresses = []
    for place in (native.address, native.address_of_second):
        place.restype = ctypes.c_void_p
        addresses.append(place())

    def one_block(function: str, *parameters: Floats) -> Floats:
        for address, values in zip(addresses, parameters, strict=False):
            ctypes.memmove(address, values.tobytes(), values.nbytes)
        getattr(native, f"{exported(function)}_each")(len(parameters[0]))
        return np.frombuffer(ctypes.string_at(addresses[0], parameters[0].nbytes), np.float32)

    return functools.partial(block_by_block, one_block)


def arguments() -> Floats:
    """Every exponent and sign with many fractions, and a fine grid where the functions bend."""
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2**32, 200_000, dtype=np.uint32).view(np.float32)
    grids = [np.linspace(low, high, 40_000) for low, high in ((-105, 90), (-1, 1), (0.5, 2), (0, 1e-37))]
    edges = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 88.72283, 88.72284, -87.33655, -103.97208]
    spread = np.concatenate([*grids, edges]).astype(np.float32)
    tiny = np.arange(1, 2000, dtype=np.uint32).view(np.float32)
    return np.concatenate([bits, spread, tiny, -tiny])


def angles() -> Floats:
    """The arguments, and next to them what lies nearest to whole quarters of a turn."""
    quarters = np.arange(1, 200_000, dtype=np.float64) * (np.pi / 2)
    return np.concatenate([arguments(), quarters.astype(np.float32), (quarters * 2**90).astype(np.float32)])


def pairs() -> tuple[Floats, Floats]:
    """Of all magnitudes, of the usual ones, whole exponents, and each edge with each."""
    rng = np.random.default_rng(2)
    bits = rng.integers(0, 2**32, (2, 200_000), dtype=np.uint32).view(np.float32)
    usual = rng.normal(0, 3, (2, 100_000)).astype(np.float32)
    near = np.array([1 + rng.normal(0, 1e-3, 50_000), rng.normal(0, 1e4, 50_000)], np.float32)
    whole = np.array([rng.normal(0, 3, 50_000), rng.integers(-40, 40, 50_000)], np.float32)
    edges = np.array(
        [0, 1e-45, 1e-40, 0.5, 1, 1.5, 2, 3, 2.0**24 - 1, 2.0**24, 3e38, np.inf, np.nan], np.float32
    )
    both = np.concatenate([edges, -edges])
    first, second = np.concatenate(
        [bits, usual, near, whole, np.array(np.meshgrid(both, both)).reshape(2, -1)], 1
    )
    return first, second


def exact(function: str, *parameters: Floats) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    names = {"expf": "exp", "logf": "log", "log1pf": "log1p", "sqrtf": "sqrt", "sinf": "sin", "cosf": "cos"}
    names |= {"atan2f": "arctan2", "powf": "power"}
    with np.errstate(all="ignore"):  # signalling NaNs, and poles
        wide = [values.astype(np.float64) for values in parameters]
        return np.asarray(getattr(np, names[function])(*wide), np.float64)


def parameters_of(function: str) -> tuple[Floats, ...]:
    if function in OF_TWO:
        return pairs()
    return (angles() if function in ("sinf", "cosf") else arguments(),)


@pytest.mark.parametrize(
    ("function", "bound"),
    [
        ("expf", 1.0),
        ("logf", 1.0),
        ("log1pf", 1.0),
        ("sqrtf", 0.5),
        *((function, 0.51) for function in ("sinf", "cosf", *OF_TWO)),
    ],
)
def test_the_error_is_bounded(in_wasm: Mapped, function: str, bound: float) -> None:
    parameters = parameters_of(function)
    found, expected = in_wasm(function, *parameters), exact(function, *parameters)
    with np.errstate(over="ignore"):
        rounded = expected.astype(np.float32)
    assert np.array_equal(np.isnan(found), np.isnan(rounded))
    finite = np.isfinite(rounded) & np.isfinite(found)
    assert np.array_equal(found[~finite & ~np.isnan(found)], rounded[~finite & ~np.isnan(found)])
    ulp = np.spacing(np.abs(rounded[finite])).astype(np.float64)
    error = np.abs(found[finite] - expected[finite]) / ulp
    worst = int(np.argmax(error))
    at = [values[finite][worst] for values in parameters]
    assert error[worst] <= bound, f"{function}{at} is off by {error[worst]} ulp"
    zero = rounded == 0
    assert np.array_equal(np.signbit(found[zero]), np.signbit(rounded[zero]))


@pytest.mark.parametrize("function", [*FUNCTIONS, *OF_TWO])
def test_wasm_and_native_code_give_the_same_bits(in_wasm: Mapped, in_native: Mapped, function: str) -> None:
    parameters = parameters_of(function)
    wasm, native = in_wasm(function, *parameters), in_native(function, *parameters)
    numbers = ~np.isnan(wasm)
    assert np.array_equal(wasm[numbers].view(np.uint32), native[numbers].view(np.uint32))


@pytest.mark.parametrize("function", ["expf", "logf", "log1pf", "sinf", "cosf", *OF_TWO])
def test_every_nan_is_the_canonical_one(in_wasm: Mapped, function: str) -> None:
    values = np.array([0x7FC00001, 0xFFC00000, 0x7F800001, 0xFF800000], np.uint32).view(np.float32)
    parameters = (values, np.full_like(values, 2)) if function in OF_TWO else (values,)
    found = in_wasm(function, *parameters).view(np.uint32)[:3]
    assert list(found) == [0x7FC00000] * 3


def test_signs_of_zero_and_ends_of_the_range(in_wasm: Mapped) -> None:
    zeros = np.array([0.0, -0.0], np.float32)
    assert list(np.signbit(in_wasm("log1pf", zeros))) == [False, True]
    assert list(in_wasm("logf", zeros)) == [-np.inf, -np.inf]
    assert list(in_wasm("expf", np.array([89, -105, -np.inf], np.float32))) == [np.inf, 0.0, 0.0]
