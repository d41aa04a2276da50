"""The node's own runtime (wasm3-port) as a shared library, for comparing it with wasmote.runtime."""

from __future__ import annotations

import ctypes
import importlib.util
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from shared_library import shared_library

ROOT = Path(__file__).resolve().parents[2]
PORT = ROOT / "wasm3-port"
ARENA_BYTES = 256 * 1024
ENGINE_FLAGS = ["-std=gnu11", "-O2", "-fomit-frame-pointer", "-fno-strict-aliasing", "-w", "-DNDEBUG"]
ENGINE_PARTS = ("bind", "core", "env", "function", "module", "parse")  # as in wasm3-port/sources.mk
CLOCK_STEP_US = 10
STACK_BYTES = 4096

_Sensor = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint32)
_Emit = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint32)
_Log = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint32)
_Now = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
_Config = ctypes.CFUNCTYPE(
    ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_double
)
_Random = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
_Clock = ctypes.CFUNCTYPE(ctypes.c_uint64)


class _HostApi(ctypes.Structure):
    """`struct host_api`."""

    _fields_ = (
        ("sensor_read", _Sensor),
        ("emit", _Emit),
        ("log", _Log),
        ("now_ms", _Now),
        ("config_get", _Config),
        ("random", _Random),
    )


class _Limits(ctypes.Structure):
    """`struct runtime_limits`."""

    _fields_ = tuple(
        (name, ctypes.c_uint32)
        for name in ("memory_pages", "memory_bytes", "stack_bytes", "budget_us", "sample_bytes")
    )


class _Usage(ctypes.Structure):
    """`struct runtime_usage`."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("memory_bytes", "arena_bytes", "predicted_bytes"))


def build_library() -> ctypes.CDLL:
    """Compile wasm3, as tools/fetch.py prepares it, and the port."""
    source = (
        ROOT
        / subprocess.run(
            ["python3", "tools/fetch.py"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.strip()
    )
    engine = [source / f"m3_{part}.c" for part in ENGINE_PARTS]
    port = [path for folder in (PORT, PORT / "machine") for path in sorted(folder.glob("*.c"))]
    port.append(ROOT / "firmware" / "core" / "utf8.c")
    include = [f"-I{PORT}", f"-I{PORT / 'machine'}", f"-I{ROOT / 'firmware'}", f"-I{source}"]
    config = ["-include", str(PORT / "config" / "wasm3_config.h")]
    headers = [
        path
        for folder in (PORT, PORT / "machine", PORT / "config", ROOT / "firmware" / "core", source)
        for path in (*folder.glob("*.h"), *folder.glob("*.def"))
    ]
    flags = [*ENGINE_FLAGS, *config, *include]
    return shared_library("wasmote_runtime", flags, [*engine, *port], headers, ["-lm"])


def embed_wat() -> ModuleType:
    """tests/c/embed_wat.py, which assembles WebAssembly text as a node takes it."""
    spec = importlib.util.spec_from_file_location("embed_wat", ROOT / "tests" / "c" / "embed_wat.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class NativeModule:
    """One module in the native runtime; `emitted` collects (stream, bytes), `why` the last sentence."""

    def __init__(
        self, library: ctypes.CDLL, wasm: bytes, pages: int, sample_bytes: int, memory_bytes: int = 0
    ) -> None:
        self._library = library
        self._rt = ctypes.create_string_buffer(1024)  # struct runtime: about 200 bytes
        self._why = ctypes.create_string_buffer(160)
        self._ticks = 0
        self.emitted: list[tuple[int, bytes]] = []
        self.config: dict[str, float] = {}
        self._prepare()
        limits = _Limits(pages, memory_bytes, STACK_BYTES, 50_000, sample_bytes)
        self.status = library.runtime_load(
            self._rt, wasm, ctypes.c_size_t(len(wasm)), ctypes.byref(limits), ctypes.byref(self._api), None,
            self._why, ctypes.c_size_t(160),
        )  # fmt: skip

    def _prepare(self) -> None:
        arena = (ctypes.c_uint64 * (ARENA_BYTES // 8))()
        clock = _Clock(self._tick)
        config = _Config(lambda _c, key, size, fallback: self._config(key, size, fallback))
        self._api = _HostApi(
            sensor_read=_Sensor(lambda *_: -2),
            emit=_Emit(self._emit),
            log=_Log(lambda *_: None),
            now_ms=_Now(lambda _c: 0),
            config_get=config,
            random=_Random(lambda *_: None),
        )
        self._alive = (arena, clock, config)  # ctypes keeps no references of its own
        self._library.runtime_arena_init(arena, ctypes.c_size_t(ARENA_BYTES))
        self._library.runtime_set_clock(clock)
        self._library.runtime_set_native_stack(ctypes.c_void_p(1))  # the test's stack is large enough

    def _tick(self) -> int:
        self._ticks += CLOCK_STEP_US
        return self._ticks

    def _emit(self, _context: int, stream: int, address: int, size: int) -> int:
        self.emitted.append((stream, ctypes.string_at(address, size)))
        return 0

    def _config(self, key: int, size: int, fallback: float) -> float:
        return self.config.get(ctypes.string_at(key, size).decode(), fallback)

    @property
    def why(self) -> str:
        """The sentence of the last refusal or trap."""
        return self._why.value.decode()

    def start(self) -> int:
        """runtime_start."""
        return int(self._library.runtime_start(self._rt, self._why, ctypes.c_size_t(160)))

    def on_sample(self, input_: int, time_ms: int, values: Sequence[float]) -> int:
        """runtime_on_sample."""
        data = np.asarray(values, dtype="<f4")
        call: Callable[..., int] = self._library.runtime_on_sample
        return call(
            self._rt, ctypes.c_uint32(input_), ctypes.c_int64(time_ms), data.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_size_t(data.size), self._why, ctypes.c_size_t(160),
        )  # fmt: skip

    def state(self) -> bytes:
        """runtime_state."""
        size = ctypes.c_size_t()
        call = self._library.runtime_state
        call.restype = ctypes.c_void_p
        address = call(self._rt, ctypes.byref(size))
        return ctypes.string_at(address, size.value) if address else b""

    def usage(self) -> tuple[int, int]:
        """What it holds of the arena, and what it was expected to hold."""
        usage = _Usage()
        self._library.runtime_usage(self._rt, ctypes.byref(usage))
        return usage.arena_bytes, usage.predicted_bytes

    def unload(self) -> None:
        """runtime_unload."""
        self._library.runtime_unload(self._rt)
