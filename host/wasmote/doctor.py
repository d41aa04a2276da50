"""Looks whether this machine has what wasmote needs; what is missing comes with the command that mends it."""

from __future__ import annotations

import enum
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from wasmote.devices import Device, find_devices
from wasmote.errors import WasmoteError
from wasmote.flash import images
from wasmote.flash.tool import how_to_install, packages_of, wanted
from wasmote.link.holders import processes
from wasmote.link.ports import owning_group
from wasmote.onnx_runtime import import_onnxruntime
from wasmote.udev import RELOAD, RULES_FILE, rules

PYTHON_MIN = (3, 11)
STORE_BYTES_MIN = 1 << 30  # a gateway that stores a record a second for a year writes about as much
RULES = tuple(Path(folder, "udev/rules.d") for folder in ("/etc", "/run", "/usr/lib", "/lib"))  # udev(7)


class State(enum.Enum):
    """`MISSING` stops the basic job, to build a module and push it to a board; `NOTE` does not."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about a subject, and the command or step that mends it (may be empty)."""

    state: State
    subject: str
    text: str
    fix: str = ""


Check = Callable[[], Iterable[Finding]]


def examine(checks: Iterable[Check] | None = None) -> Iterator[Finding]:
    """Run all checks, or these."""
    for check in CHECKS if checks is None else checks:
        yield from check()


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Iterator[Finding]:
    """Python itself."""
    text = ".".join(map(str, version))
    if version >= PYTHON_MIN:
        yield Finding(State.OK, "python", f"{text} ({sys.executable})")
    else:
        yield Finding(
            State.MISSING,
            "python",
            f"{text}; 3.11 or newer is needed",
            "use Debian 12, Ubuntu 24.04 or newer",
        )


def check_packages(requirements: Iterable[str] | None = None) -> Iterator[Finding]:
    """The Python packages, each in a version that pyproject.toml allows."""
    wanted = [
        Requirement(line)
        for line in (metadata.requires("wasmote") if requirements is None else requirements) or ()
    ]
    for requirement in wanted:
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _package(requirement, State.MISSING)


def _package(requirement: Requirement, if_absent: State) -> Finding:
    subject = f"package {requirement.name}"
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Finding(if_absent, subject, "is not installed", how_to_install(str(requirement)))
    if requirement.specifier.contains(version, prereleases=True):
        return Finding(State.OK, subject, version)
    text = f"{version}; {requirement.specifier} is needed"
    return Finding(if_absent, subject, text, how_to_install(str(requirement)))


def check_compiler() -> Iterator[Finding]:
    """The compiler and linker of C modules: found, of which version, and a module comes out of them."""
    from wasmote.build.compilers.c import compile_c, find_toolchain

    try:
        tools = find_toolchain()
        yield Finding(State.OK, "clang", _version(tools.clang))
        yield Finding(State.OK, "wasm-ld", _version(tools.linker))
        with tempfile.TemporaryDirectory(prefix="wasmote-doctor-") as folder:
            source = Path(folder) / "probe.c"
            source.write_text("#include <wasmote.h>\nWASMOTE_BUFFER(8)\n")
            size = len(compile_c(source).wasm)
        yield Finding(State.OK, "compiling", f"a C module compiles and links ({size} bytes)")
    except WasmoteError as fault:
        yield Finding(State.MISSING, "compiling", fault.message, fault.hint or "sudo apt install clang lld")


def check_tools(which: Callable[[str], str | None] = shutil.which) -> Iterator[Finding]:
    """What firmware is built and emulated with: nobody needs it who has boards that run wasmote already."""
    for program, purpose, package in (
        ("make", "builds firmware", "make"),
        ("arm-none-eabi-gcc", "builds firmware for STM32", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
        ("qemu-system-arm", "emulates STM32 boards", "qemu-system-arm"),
        (
            "riscv64-unknown-elf-gcc",
            "builds firmware for RISC-V",
            "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
        ),
        ("qemu-system-riscv32", "emulates the RISC-V board", "qemu-system-misc"),
        ("setpriv", "runs emulated boards", "util-linux"),
    ):
        path = which(program)
        if path is None:
            yield Finding(State.NOTE, program, f"is not installed; {purpose}", f"sudo apt install {package}")
        else:
            yield Finding(State.OK, program, _version(path))


def check_flashers(which: Callable[[str], str | None] = shutil.which) -> Iterator[Finding]:
    """What `wasmote flash` runs: a board needs one of these at most, an STM32 over its UART none."""
    path = which("dfu-util")
    if path is None:
        text = "is not installed; flashes STM32 boards over USB"
        yield Finding(State.NOTE, "dfu-util", text, "sudo apt install dfu-util")
    else:
        yield Finding(State.OK, "dfu-util", _version(path))
    for name, purpose in (("esptool", "flashes ESP32 boards"), ("pyocd", "flashes through debug probes")):
        try:
            yield Finding(State.OK, name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(State.NOTE, name, f"is not installed; {purpose}", how_to_install(wanted(name)))


def check_images() -> Iterator[Finding]:
    """The boards' images: in a wheel all are there, and as they were made."""
    try:
        damaged = images.damaged()
    except WasmoteError as fault:
        yield Finding(State.MISSING, "images", fault.message, fault.hint)
        return
    boards = [board for board in images.read_boards().values() if board.runners]
    if damaged:
        yield Finding(State.MISSING, "images", f"damaged: {', '.join(damaged)}", images.REINSTALL)
        return
    for board in boards:
        try:
            path = images.find_image(board).path
            yield Finding(State.OK, f"image {board.name}", str(path))
        except WasmoteError as fault:
            yield Finding(State.NOTE, f"image {board.name}", fault.message, fault.hint)


def check_udev(path: Path = RULES_FILE) -> Iterator[Finding]:
    """The udev rule that lets everybody who sits here use the boards' ports and boot loaders."""
    try:
        current = path.read_text(encoding="utf-8") == rules()
    except OSError:
        yield Finding(
            State.NOTE,
            "udev",
            f"there is no {path}: boot loaders on USB and debug probes may be root's only",
            f"wasmote setup --udev | sudo tee {path} && {RELOAD}",
        )
        return
    if current:
        yield Finding(State.OK, "udev", str(path))
    else:
        yield Finding(
            State.NOTE,
            "udev",
            f"{path} is of another version of wasmote",
            f"wasmote setup --udev | sudo tee {path} && {RELOAD}",
        )


def check_languages() -> Iterator[Finding]:
    """The compilers of modules that are not in C: nobody needs those whose language he does not write."""
    from wasmote.build.compilers import assemblyscript, rust, zig
    from wasmote.build.compilers.tool import named_or_found

    finders: dict[str, Callable[[], str]] = {
        "rust": rust.find_rustc,
        "zig": zig.find_zig,
        "assemblyscript": lambda: named_or_found("WASMOTE_ASC", "asc", assemblyscript.INSTALL_HINT)[0],
    }
    for language, find in finders.items():
        try:
            yield Finding(State.OK, language, find())
        except WasmoteError as fault:
            yield Finding(State.NOTE, language, fault.message, fault.hint)


def _version(program: str) -> str:
    """The first line of what --version says."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError as fault:
        return f"{program} does not run: {fault.strerror}"
    lines = (done.stdout or done.stderr).strip().splitlines()
    return f"{lines[0]} ({program})" if lines else program


def check_ports(devices: Iterable[Device] | None = None) -> Iterator[Finding]:
    """Whether this user may open the ports that are there. Asks for the permissions; opens nothing."""
    found = find_devices() if devices is None else devices
    ports = [device for device in found if device.port and not device.emulated]
    if not ports:
        yield Finding(
            State.NOTE, "ports", "no serial port is plugged in", "plug a board in, with a data cable"
        )
    for device in ports:
        yield _port(device, device.port or "")


def _port(device: Device, path: str) -> Finding:
    if os.access(path, os.R_OK | os.W_OK):
        return Finding(State.OK, path, "may be opened")
    group, user = owning_group(path), os.environ.get("USER", "$USER")
    return Finding(
        State.MISSING if device.usb_id else State.NOTE,  # PCs have built-in ports with nothing behind them
        path,
        f"may not be opened by {user}: it belongs to the group {group}",
        f"sudo usermod -aG {group} {user}, then log in again",
    )


def check_meddlers(names: Iterable[str] | None = None, rules: Iterable[Path] = RULES) -> Iterator[Finding]:
    """Programs that open every new port: ModemManager talks to it, brltty keeps it for a braille display."""
    running = {name for _, name in processes()} if names is None else set(names)
    if "ModemManager" in running:
        yield Finding(
            State.NOTE,
            "ModemManager",
            "runs, and writes to new ports to find modems",
            "wasmote setup --udev has it leave boards alone; or sudo systemctl disable --now ModemManager",
        )
    if "brltty" in running or any(any(folder.glob("*brltty*.rules")) for folder in rules):
        yield Finding(
            State.NOTE,
            "brltty",
            "takes CH340 and CP210x bridges for braille displays: their ports vanish soon after they came",
            "sudo apt remove brltty",
        )


def check_keys() -> Iterator[Finding]:
    """Keys to sign modules with: boards without one are in development mode."""
    from wasmote.keys import folder, own_and_known_keys

    try:
        own = [key.name for key in own_and_known_keys() if key.private is not None]
    except WasmoteError as fault:
        yield Finding(State.NOTE, "keys", fault.message, fault.hint)
        return
    if own:
        yield Finding(State.OK, "keys", f"{', '.join(own)} in {folder()}")
    else:
        yield Finding(
            State.NOTE,
            "keys",
            "none of your own: boards without a key are in development mode, which takes unsigned modules",
            "wasmote keys new NAME, then wasmote keys trust NAME --link URL",
        )


def check_gateway() -> Iterator[Finding]:
    """What the gateway needs besides: one that is missing is named with the whole extra."""
    for requirement in packages_of("gateway").values():
        found = _package(requirement, State.NOTE)
        yield replace(found, fix=found.fix and how_to_install(wanted(requirement.name)))


def check_inference(name: str = "onnxruntime") -> Iterator[Finding]:
    """The models' runtime is imported for good: one for another numpy installs, and does not load."""
    try:
        module = import_onnxruntime(name)
    except Exception as fault:
        yield Finding(
            State.NOTE,
            name,
            f"does not load: {fault}; gateways need it for models",
            how_to_install(wanted(name)),
        )
    else:
        yield Finding(State.OK, name, str(getattr(module, "__version__", "loads")))


def check_disk(
    folder: Path | None = None, usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage
) -> Iterator[Finding]:
    """Room for a gateway's store, in `folder`: where we are."""
    where = Path.cwd() if folder is None else folder
    free = usage(where)[2]
    text = f"{free / (1 << 30):.1f} GiB free in {where}"
    if free >= STORE_BYTES_MIN:
        yield Finding(State.OK, "disk", text)
    else:
        yield Finding(
            State.NOTE, "disk", f"{text}: little for a gateway's store", "name another place with --store"
        )


CHECKS: tuple[Check, ...] = (
    check_python,
    check_packages,
    check_compiler,
    check_languages,
    check_tools,
    check_flashers,
    check_images,
    check_ports,
    check_udev,
    check_meddlers,
    check_keys,
    check_gateway,
    check_inference,
    check_disk,
)
