#!/usr/bin/env python3
"""Turn boards/NAME/board.toml into what the build needs, and check it on the way.

Writes to build/NAME/: board_config.h (macros, included before everything else), board_sensors.c
(the sensor table), board.mk (variables for make), memory.ld and, for an emulator that maps memory
elsewhere, memory-emulated.ld (linker regions). Needs the standard library only.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAME = re.compile(r"[a-z0-9_-]{1,31}")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PIN = re.compile(r"P([A-I])(1[0-5]|[0-9])")
REQUIRED = ("name", "title", "cpu", "family", "net", "injection", "support")
KNOWN = {*REQUIRED, "clock", "memory", "link", "limits", "budgets", "sensor", "emulator"}


class BoardError(Exception):
    """What is wrong in a board.toml, and where."""


@dataclass(frozen=True)
class Memory:
    """One memory region: addresses in bytes; `reserved` is kept free at its end."""

    name: str
    origin: int
    size: int
    sectors: tuple[tuple[int, int], ...] = ()

    @property
    def end(self) -> int:
        """The first address behind the region."""
        return self.origin + self.size


@dataclass(frozen=True)
class Sensor:
    """One [[sensor]]: what the firmware shows of it, and the driver function that reads it."""

    name: str
    channels: tuple[str, ...]
    units: tuple[str, ...]
    driver: str
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Emulator:
    """How the emulated image differs: one file for some objects, and where memories lie."""

    file: str
    machine: str
    replaces: tuple[str, ...]
    origins: dict[str, int]


@dataclass(frozen=True)
class Board:
    """A checked board.toml."""

    name: str
    title: str
    cpu: str
    family: str
    net: bool
    injection: bool
    firmware_bytes: int
    clock: dict[str, int]
    link: dict[str, Any]
    limits: dict[str, int]
    budgets: dict[str, int]
    memories: tuple[Memory, ...]
    sensors: tuple[Sensor, ...]
    emulator: Emulator | None
    support: dict[str, Any] = field(default_factory=dict)


def get(table: dict[str, Any], key: str, kind: type, where: str) -> Any:
    """Return table[key], which must be there and of this type."""
    if key not in table:
        raise BoardError(f"{where}: '{key}' is missing")
    value = table[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BoardError(f"{where}: '{key}' must be {kind.__name__}, is {value!r}")
    return value


def strings(table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    """Return a list of strings as a tuple."""
    values = get(table, key, list, where)
    if not all(isinstance(value, str) and value for value in values):
        raise BoardError(f"{where}: '{key}' must be a list of strings, is {values!r}")
    return tuple(values)


def numbers(table: dict[str, Any], where: str) -> dict[str, int]:
    """Return a table whose values are all non-negative integers."""
    for key in table:
        if not IDENTIFIER.fullmatch(key) or get(table, key, int, where) < 0:
            raise BoardError(f"{where}: '{key}' must be a name with a number >= 0")
    return dict(table)


def read_memory(table: dict[str, Any]) -> Memory:
    """Check one [[memory]]; sectors must fill it exactly."""
    name = get(table, "name", str, "[[memory]]")
    where = f"[[memory]] {name}"
    sectors = tuple(
        (get(run, "count", int, where), get(run, "size", int, where)) for run in table.get("sectors", [])
    )
    memory = Memory(name, get(table, "origin", int, where), get(table, "size", int, where), sectors)
    total = sum(count * size for count, size in sectors)
    if sectors and total != memory.size:
        raise BoardError(f"{where}: its sectors hold {total} bytes, its size is {memory.size}")
    return memory


def read_memories(data: dict[str, Any]) -> tuple[Memory, ...]:
    """Check all [[memory]]; no two may overlap."""
    memories = tuple(read_memory(table) for table in data.get("memory", []))
    by_address = sorted(memories, key=lambda memory: memory.origin)
    for below, above in itertools.pairwise(by_address):
        if below.end > above.origin:
            raise BoardError(f"[[memory]] {below.name} and {above.name} overlap at {above.origin:#x}")
    return memories


def read_firmware_bytes(data: dict[str, Any], memories: tuple[Memory, ...]) -> int:
    """Return the bytes of flash that the firmware may fill: whole sectors from the first."""
    flash = next((memory for memory in memories if memory.name == "flash"), None)
    if flash is None:
        return 0
    table = next(table for table in data["memory"] if table["name"] == "flash")
    wanted = get(table, "firmware_sectors", int, "[[memory]] flash")
    sizes = [size for count, size in flash.sectors for _ in range(count)]
    if not 0 < wanted <= len(sizes):
        raise BoardError(f"[[memory]] flash: 'firmware_sectors' must be 1..{len(sizes)}, is {wanted}")
    return sum(sizes[:wanted])


def read_sensor(table: dict[str, Any]) -> Sensor:
    """Check one [[sensor]]."""
    name = get(table, "name", str, "[[sensor]]")
    where = f"[[sensor]] {name}"
    if not NAME.fullmatch(name):
        raise BoardError(f"{where}: a name is 1 to 31 of a-z 0-9 _ - (it becomes a path segment)")
    channels, units = strings(table, "channels", where), strings(table, "units", where)
    if not channels or len(channels) != len(units):
        raise BoardError(f"{where}: {len(channels)} channels but {len(units)} units")
    driver = get(table, "driver", str, where)
    if not IDENTIFIER.fullmatch(driver):
        raise BoardError(f"{where}: driver '{driver}' is no C function name")
    inputs = tuple(table.get("inputs", ()))
    if inputs and (len(inputs) != len(channels) or not all(0 <= value < 256 for value in inputs)):
        raise BoardError(f"{where}: 'inputs' must hold a number 0..255 for each channel")
    return Sensor(name, channels, units, driver, inputs)


def read_sensors(data: dict[str, Any]) -> tuple[Sensor, ...]:
    """Check all [[sensor]]; names are unique."""
    sensors = tuple(read_sensor(table) for table in data.get("sensor", []))
    names = [sensor.name for sensor in sensors]
    if len(set(names)) != len(names):
        raise BoardError(f"[[sensor]]: two of them have the same name: {', '.join(names)}")
    return sensors


def read_emulator(data: dict[str, Any], memories: tuple[Memory, ...]) -> Emulator | None:
    """Check [emulator]: its file must exist, its origins must name memories."""
    table = data.get("emulator")
    if table is None:
        return None
    where = "[emulator]"
    file = get(table, "file", str, where)
    if not (ROOT / "boards/emulators" / file).is_file():
        raise BoardError(f"{where}: there is no boards/emulators/{file}")
    origins = numbers(table.get("origins", {}), f"{where} origins")
    unknown = origins.keys() - {memory.name for memory in memories}
    if unknown:
        raise BoardError(f"{where} origins: no [[memory]] is called {', '.join(sorted(unknown))}")
    return Emulator(file, get(table, "machine", str, where), strings(table, "replaces", where), origins)


def read_link(data: dict[str, Any]) -> dict[str, Any]:
    """Check [link]: pins are written as in the datasheet, PB6."""
    link = data.get("link", {})
    for key in ("tx", "rx"):
        if key in link and not PIN.fullmatch(str(link[key])):
            raise BoardError(f"[link]: '{key}' must be a pin such as PB6, is {link[key]!r}")
    return dict(link)


def read_limits(data: dict[str, Any]) -> dict[str, int]:
    """Check [limits]: each must be a limit that firmware/config.h knows."""
    limits = numbers(data.get("limits", {}), "[limits]")
    known = set(re.findall(r"^#ifndef (\w+)", (ROOT / "firmware/config.h").read_text(), re.MULTILINE))
    known.update(("HAL_UART_RX_BYTES", "HAL_UART_TX_BYTES"))
    for unknown in limits.keys() - known:
        raise BoardError(f"[limits]: {unknown} is none of firmware/config.h")
    return limits


def read_board(path: Path) -> Board:
    """Read and check one board.toml; BoardError names what is wrong."""
    try:
        data = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise BoardError(f"not TOML: {error}") from error
    unknown = data.keys() - KNOWN
    if unknown:
        raise BoardError(f"unknown: {', '.join(sorted(unknown))} (known: {', '.join(sorted(KNOWN))})")
    name = get(data, "name", str, "board")
    if name != path.parent.name or not NAME.fullmatch(name):
        raise BoardError(f"'name' must be that of its folder, {path.parent.name}, is {name}")
    family = get(data, "family", str, "board")
    if not (ROOT / "boards/families" / family).is_dir():
        raise BoardError(f"there is no boards/families/{family}")
    support = get(data, "support", dict, "board")
    strings(support, "works", "[support]")
    memories = read_memories(data)
    return Board(
        name=name,
        title=get(data, "title", str, "board"),
        cpu=get(data, "cpu", str, "board"),
        family=family,
        net=get(data, "net", bool, "board"),
        injection=get(data, "injection", bool, "board"),
        firmware_bytes=read_firmware_bytes(data, memories),
        clock=numbers(data.get("clock", {}), "[clock]"),
        link=read_link(data),
        limits=read_limits(data),
        budgets=numbers(data.get("budgets", {}), "[budgets]"),
        memories=memories,
        sensors=read_sensors(data),
        emulator=read_emulator(data, memories),
        support=support,
    )


def version() -> str:
    """Return the firmware's version, which is the project's."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def pin_macros(link: dict[str, Any]) -> list[str]:
    """Return the link's macros; a pin PB6 becomes port 1, pin 6."""
    lines = []
    for key, value in link.items():
        pin = PIN.fullmatch(str(value))
        if pin:
            lines.append(f"#define BOARD_LINK_{key.upper()}_PORT {ord(pin[1]) - ord('A')}u")
            lines.append(f"#define BOARD_LINK_{key.upper()}_PIN {pin[2]}u")
        elif isinstance(value, int):
            lines.append(f"#define BOARD_LINK_{key.upper()} {value}u")
    return lines


def config_header(board: Board) -> str:
    """Return board_config.h."""
    lines = [
        f"/* Generated by tools/board_config.py from boards/{board.name}/board.toml: do not edit. */",
        "#ifndef BOARD_CONFIG_H",
        "#define BOARD_CONFIG_H",
        f'#define WASMOTE_VERSION "{version()}"',
        f'#define BOARD_NAME "{board.name}"',
        f'#define BOARD_CPU "{board.cpu}"',
        f"#define BOARD_NET {int(board.net)}",
        f"#define BOARD_INJECTION {int(board.injection)}",
        *(f"#define BOARD_{key.upper()} {value}u" for key, value in board.clock.items()),
        *pin_macros(board.link),
        *(f"#define {key} {value}" for key, value in board.limits.items()),
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def c_strings(values: tuple[str, ...]) -> str:
    """Return a C initialiser of string literals."""
    return ", ".join('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)


def sensor_source(board: Board) -> str:
    """Return board_sensors.c."""
    drivers = sorted({sensor.driver for sensor in board.sensors})
    lines = [
        f"/* Generated by tools/board_config.py from boards/{board.name}/board.toml: do not edit. */",
        '#include "common/board_sensor.h"',
        *(f"board_sensor_driver {driver};" for driver in drivers),
    ]
    rows = []
    for index, sensor in enumerate(board.sensors):
        lines.append(f"static const char *const channels_{index}[] = {{{c_strings(sensor.channels)}}};")
        lines.append(f"static const char *const units_{index}[] = {{{c_strings(sensor.units)}}};")
        inputs = "NULL"
        if sensor.inputs:
            inputs = f"inputs_{index}"
            lines.append(f"static const uint8_t {inputs}[] = {{{', '.join(map(str, sensor.inputs))}}};")
        info = f'{{"{sensor.name}", {len(sensor.channels)}, channels_{index}, units_{index}}}'
        rows.append(f"    {{{info}, {sensor.driver}, {inputs}}},")
    if not rows:
        rows = ["    {{NULL, 0, NULL, NULL}, NULL, NULL}, /* C has no empty arrays */"]
    lines += ["const struct board_sensor board_sensors[] = {", *rows, "};"]
    lines.append(f"const size_t board_sensor_count = {len(board.sensors)};")
    return "\n".join(lines) + "\n"


def make_variables(board: Board) -> str:
    """Return board.mk."""
    emulator = board.emulator
    lines = [
        f"# Generated by tools/board_config.py from boards/{board.name}/board.toml: do not edit.",
        f"FAMILY := {board.family}",
        f"BOARD_NET := {'true' if board.net else 'false'}",
        f"EMULATOR_FILE := {emulator.file if emulator else ''}",
        f"EMULATOR_REPLACES := {' '.join(emulator.replaces) if emulator else ''}",
        f"EMULATOR_MACHINE := {emulator.machine if emulator else ''}",
    ]
    return "\n".join(lines) + "\n"


def linker_regions(board: Board, origins: dict[str, int]) -> str:
    """Return the MEMORY command of a linker script, with some regions moved to other origins."""
    lines = [f"/* Generated from boards/{board.name}/board.toml: do not edit. */", "MEMORY", "{"]
    for memory in board.memories:
        size = board.firmware_bytes if memory.name == "flash" else memory.size
        access = "rx" if memory.name == "flash" else "rw"
        origin = origins.get(memory.name, memory.origin)
        lines.append(f"    {memory.name} ({access}) : ORIGIN = {origin:#010x}, LENGTH = {size}")
    lines.append("}")
    lines.append(f"__stack_size = {board.budgets.get('stack', 0)};")
    return "\n".join(lines) + "\n"


def outputs(board: Board) -> dict[str, str]:
    """Return every generated file: name -> text."""
    files = {
        "board_config.h": config_header(board),
        "board_sensors.c": sensor_source(board),
        "board.mk": make_variables(board),
    }
    if board.memories:
        files["memory.ld"] = linker_regions(board, {})
        if board.emulator:
            files["memory-emulated.ld"] = linker_regions(board, board.emulator.origins)
    return files


def write_changed(path: Path, text: str) -> None:
    """Write a file unless it holds just that, so that make rebuilds only what changed."""
    if not path.is_file() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main(argv: list[str] | None = None) -> int:
    """Generate the files of one board; 2 when its board.toml is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", help="folder in boards/")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args(argv)
    path = ROOT / "boards" / arguments.board / "board.toml"
    if not path.is_file():
        boards = sorted(found.parent.name for found in ROOT.glob("boards/*/board.toml"))
        print(f"no board '{arguments.board}'; there are: {', '.join(boards)}", file=sys.stderr)
        return 2
    try:
        for name, text in outputs(read_board(path)).items():
            write_changed(arguments.out / name, text)
    except BoardError as error:
        print(f"{path.relative_to(ROOT)}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
