"""The kernels of the benchmark: the engine gives native code's results, and stays as fast and small as it is.

Instructions are counted by an emulator, so that these bounds hold on a busy machine too.
"""

from __future__ import annotations

import json
import subprocess

import pytest

import bench_engine
import engine_page
from bench_engine import CORES, BenchFailed, Core, Run

NATIVE = Core("native", ())

# The geometric means of the ratios to native code that the engine must not exceed.
BOUNDS = {
    "cortex-m4f": {"f32_int": 7.5, "f64": 1.65},
    "cortex-m3": {"f32": 1.7, "int": 6.5},
    "rv32imc": {"f32": 2.1, "int": 12.0},
}
FUEL_COST = 0.03

POLYBENCH = (
    "gemm gemver gesummv symm syrk syr2k trmm two_mm three_mm atax bicg mvt doitgen cholesky durbin "
    "gramschmidt lu ludcmp trisolv correlation covariance floyd_warshall nussinov deriche adi fdtd_2d "
    "heat_3d jacobi_1d jacobi_2d seidel_2d"
)
SLOW = (
    "common_divisor scale_readings decimal_digits minute_of_day isqrt isqrt_newton quantise interpolate "
    "histogram forest_of_tables tree_of_conditions"
)
"""What interpreters are slow at."""


def run_natively() -> Run:
    """As on a core, without emulator: instructions are not counted."""
    said = subprocess.run([bench_engine.build(NATIVE, "engine"), "all"], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    run = Run()
    for record in map(json.loads, said.stdout.splitlines()):
        if "loop" not in record:
            run.add(record)
    return run


def differing(run: Run) -> list[str]:
    return [kernel.name for kernel in run.kernels.values() if not kernel.checksum_ok]


def test_natively_every_kernel_gives_the_same_bits() -> None:
    run = run_natively()
    assert differing(run) == []
    names = {name.removesuffix("_f32").removesuffix("_f64") for name in run.kernels}
    assert names >= set(f"{POLYBENCH} {SLOW}".split())
    kinds = [kernel.kind for kernel in run.kernels.values()]
    assert min(kinds.count("f32"), kinds.count("int"), kinds.count("f64")) >= 10


@pytest.mark.parametrize("core", CORES, ids=lambda core: core.name)
def test_on_a_core(core: Core) -> None:
    run = bench_engine.run(core, "engine")
    assert differing(run) == []
    means = run.geomeans()
    assert {kind: means[kind] for kind, most in BOUNDS[core.name].items() if means[kind] > most} == {}
    for name, ram in run.ram.items():
        assert ram.measured <= ram.predicted, name
        assert ram.beyond <= ram.allowed, name


def test_budget_checks_are_cheap() -> None:
    core = CORES[0]
    cost = bench_engine.fuel_cost(bench_engine.run(core, "engine"), bench_engine.run(core, "no_fuel"))
    assert 0 < cost["f32_int"] <= FUEL_COST


def test_native_code_of_other_flags_is_measured() -> None:
    core, some = CORES[0], ["gemm_f32", "fir_f32"]
    plain = bench_engine.run(core, "engine", some)
    assert bench_engine.native_saving(plain, bench_engine.run(core, "fused", some))["f32"] > 0.05
    o3 = bench_engine.run(core, "o3", some)
    assert differing(o3) == []
    assert bench_engine.native_saving(plain, o3)["f32"] > 0


# ---- what is made of the figures ---------------------------------------------------------------------------


def run_of(ratio: int, checksum: int = 1) -> Run:
    """Two kernels and a module, as an image would say it."""
    run = Run()
    kernel = {"module": "m", "native": 1000, "native_checksum": 1, "engine_checksum": checksum}
    run.add(kernel | {"kernel": "quick", "class": "int", "engine": 4000})
    for kind in ("f32", "f64"):
        run.add(kernel | {"kernel": "slow", "class": kind, "engine": 1000 * ratio})
    module = {"code_bytes": 100, "load": 3000, "compile": 1000, "memory_bytes": 16384, "stack_bytes": 4096}
    run.add(module | {"module": "m", "measured_bytes": 23000, "predicted_bytes": 24000})
    return run


def test_figures() -> None:
    figures = run_of(16).figures()
    assert figures["geomean"] == {"f32": 16.0, "int": 4.0, "f64": 16.0, "f32_int": 8.0}
    assert figures["worst"] == {"kernel": "slow_f32", "ratio": 16.0}
    assert figures["compile_instructions_per_byte"] == 10.0
    assert bench_engine.fuel_cost(run_of(18), run_of(16))["f32"] == pytest.approx(0.125)


def test_page_names_what_is_slow_and_what_differs() -> None:
    run = run_of(16, checksum=2)
    cores = {core.name: run.figures() | {"fuel_cost": bench_engine.fuel_cost(run, run)} for core in CORES}
    ram = {core.name: {name: one.figures() for name, one in run.ram.items()} for core in CORES}
    conditions = dict.fromkeys(("stock", "qemu", "clang", "arm", "riscv"), "tool 1.2.3")
    saved = bench_engine.native_saving(run_of(16), run_of(16))
    figures = {"cores": cores, "stock": cores, "ram": ram, "conditions": conditions}
    page = engine_page.page(figures | {"native_flags": {"cortex-m4f": {"-O3": saved}}})
    assert "Above 10: Cortex-M4F: `slow_f32`, `slow_f64`." in page
    assert "these differ: `quick` on Cortex-M3" in page
    assert "| `m` | 100 | 2520 | 2298 | 3904 | 3520 |" in page
    assert "| Cortex-M4F, `-O3` | 0.0 % | 0.0 % | 0.0 % | 0.0 % |" in page
    assert "QEMU 1.2.3" in page


def test_counter_that_counts_something_else_is_refused() -> None:
    with pytest.raises(BenchFailed, match="20000 instructions was counted as 31000"):
        Run().add({"loop": 20000, "counted": 31000})
