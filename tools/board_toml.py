"""Read boards/NAME/board.toml and check it: whatever is wrong is one BoardError that says where.

boards/README.md lists the keys. Needs the standard library only: the build runs it before anything is
installed.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from board_keys import IDENTIFIER, BoardError, get, numbers, only, optional, strings, tables, unique
from board_memory import read_flash, read_memories
from board_model import Board, Emulator, Escape, FlashMap, Memory, Runner, Sensor, Support

ROOT = Path(__file__).resolve().parent.parent
NAME = re.compile(r"[a-z0-9_-]{1,31}")
PIN = re.compile(r"P(?P<port>[A-I])(?P<pin>1[0-5]|[0-9])|GPIO(?P<number>[1-4]?[0-9])")
REQUIRED = ("name", "title", "chip", "cpu", "family", "net", "injection", "link", "support")
KNOWN = {
    *REQUIRED,
    "usb",
    "runner",
    "chip_id",
    "clock",
    "memory",
    "flash",
    "limits",
    "budgets",
    "sensor",
    "emulator",
    "escape",
}
LEVELS = ("low", "high")
RUNNERS = {"dfu-util": (), "an3155": (), "pyocd": ("target",), "esptool": ("target",)}  # what each must say
LINK_KINDS = {
    "uart": ("tx", "rx", "baud"),
    "usb-uart": ("baud",),
    "pty": (),
    "emulated": (),
}  # what each must say


def board_names() -> list[str]:
    """Return the supported boards; folders that begin with an underscore are none."""
    return sorted(path.parent.name for path in ROOT.glob("boards/[!_]*/board.toml"))


def read_sensor(table: dict[str, Any]) -> Sensor:
    """Check one [[sensor]]."""
    name = get(table, "name", str, "[[sensor]]")
    where = f"[[sensor]] {name}"
    only(table, ("name", "channels", "units", "driver", "inputs", "note"), where)
    if not NAME.fullmatch(name):
        raise BoardError(f"{where}: a name is 1 to 31 of a-z 0-9 _ - (it becomes a path segment)")
    channels, units = strings(table, "channels", where), strings(table, "units", where)
    if not channels or len(channels) != len(units):
        raise BoardError(f"{where}: {len(channels)} channels but {len(units)} units")
    driver = get(table, "driver", str, where)
    if not IDENTIFIER.fullmatch(driver):
        raise BoardError(f"{where}: driver '{driver}' is no C function name")
    optional(table, "note", str, where)
    inputs = tuple(optional(table, "inputs", list, where))
    if inputs and (len(inputs) != len(channels) or not all(value in range(256) for value in inputs)):
        raise BoardError(f"{where}: 'inputs' must hold a number 0..255 for each channel")
    return Sensor(name, channels, units, driver, inputs)


def read_sensors(data: dict[str, Any]) -> tuple[Sensor, ...]:
    """Check all [[sensor]]; names are unique."""
    sensors = tuple(read_sensor(table) for table in tables(data, "sensor"))
    unique("[[sensor]]", [sensor.name for sensor in sensors])
    return sensors


def read_emulator(data: dict[str, Any], memories: tuple[Memory, ...]) -> Emulator | None:
    """Check [emulator]; return what concerns QEMU, None where that is not the emulator.

    Its file and those it replaces must exist, its origins must name memories.
    """
    if "emulator" not in data:
        return None
    where = "[emulator]"
    table = get(data, "emulator", dict, "board")
    if "module" in table:  # runs the image that ships
        only(table, ("module",), where)
        module = get(table, "module", str, where)
        if not (ROOT / module.replace(".", "/") / "__main__.py").is_file():
            raise BoardError(f"{where}: there is no module {module} to run")
        return None
    only(table, ("file", "program", "machine", "options", "serial", "replaces", "origins"), where)
    file = get(table, "file", str, where)
    if not (ROOT / "boards/emulators" / file).is_file():
        raise BoardError(f"{where}: there is no boards/emulators/{file}")
    replaces = tuple(
        f"boards/{name}" if "/" in name else f"boards/families/{data['family']}/{name}"
        for name in strings(table, "replaces", where)
    )
    for path in replaces:
        if not (ROOT / path).is_file():
            raise BoardError(f"{where}: 'replaces' names {path}, which is not there")
    origins = numbers(table, "origins", where)
    unknown = origins.keys() - {memory.name for memory in memories}
    if unknown:
        raise BoardError(f"{where} origins: no [[memory]] is called {', '.join(sorted(unknown))}")
    return Emulator(
        file=file,
        program=get(table, "program", str, where),
        machine=get(table, "machine", str, where),
        options=strings(table, "options", where) if "options" in table else (),
        serial=get(table, "serial", int, where),
        replaces=replaces,
        origins=origins,
    )


def read_link(data: dict[str, Any]) -> dict[str, Any]:
    """Check [link]: pins are written as in the datasheet, PB6; what else a family needs are numbers."""
    link = get(data, "link", dict, "board")
    kind = get(link, "kind", str, "[link]")
    if kind not in LINK_KINDS:
        raise BoardError(f"[link]: 'kind' must be one of {', '.join(LINK_KINDS)}, is {kind!r}")
    for key in sorted({*LINK_KINDS[kind], *link} - {"kind"}):
        is_pin = key in ("tx", "rx")
        value = get(link, key, str if is_pin else int, "[link]")
        if is_pin and not PIN.fullmatch(value):
            raise BoardError(f"[link]: '{key}' must be a pin such as PB6, is {value!r}")
    return dict(link)


def read_escape(data: dict[str, Any], link: dict[str, Any]) -> Escape | None:
    """Check [escape]; without it a break on the link's receive line is the escape, where that is a UART."""
    if "escape" not in data:
        return Escape(link["rx"], 0, is_break=True) if link["kind"] == "uart" else None
    table, where = get(data, "escape", dict, "board"), "[escape]"
    only(table, ("pin", "active"), where)
    pin, active = get(table, "pin", str, where), get(table, "active", str, where)
    if not PIN.fullmatch(pin):
        raise BoardError(f"{where}: 'pin' must be a pin such as PA0 or GPIO9, is {pin!r}")
    if active not in LEVELS:
        raise BoardError(f"{where}: 'active' must be one of {', '.join(LEVELS)}, is {active!r}")
    return Escape(pin, LEVELS.index(active), is_break=False)


def read_limits(data: dict[str, Any], flash: FlashMap | None) -> dict[str, int]:
    """Check [limits]: each must be a limit that firmware/config.h knows; a bundle must fit every bank."""
    limits = numbers(data, "limits", "board")
    known = set(re.findall(r"^#ifndef (\w+)", (ROOT / "firmware/config.h").read_text(), re.MULTILINE))
    known.update(("HAL_UART_RX_BYTES", "HAL_UART_TX_BYTES"))
    for unknown in limits.keys() - known:
        raise BoardError(f"[limits]: {unknown} is none of firmware/config.h")
    least = min((bank.size for bank in flash.banks), default=0) if flash else 0
    if limits.get("MODULE_BANK_BYTES", 0) > least:
        raise BoardError(
            f"[limits]: MODULE_BANK_BYTES is {limits['MODULE_BANK_BYTES']}, but a bank has {least}"
        )
    return limits


def read_budgets(data: dict[str, Any], memories: tuple[Memory, ...]) -> dict[str, int]:
    """Check [budgets]: one for each [[memory]], and the stack, which is reserved in one of them."""
    budgets = numbers(data, "budgets", "board")
    names = {memory.name for memory in memories} | ({"stack"} if memories else set())
    only(budgets, names, "[budgets]")
    for missing in sorted(names - budgets.keys()):
        raise BoardError(f"[budgets]: '{missing}' is missing")
    return budgets


def read_support(data: dict[str, Any]) -> Support:
    """Check [support]."""
    table = get(data, "support", dict, "board")
    only(table, ("tested", "works", "missing"), "[support]")
    missing = optional(table, "missing", dict, "[support]")
    for key in missing:
        get(missing, key, str, "[support.missing]")
    tested = get(table, "tested", str, "[support]")
    return Support(tested, strings(table, "works", "[support]"), dict(missing))


def check_usb(data: dict[str, Any]) -> None:
    """Check usb, by which `wasmote devices` knows a board; the firmware does without."""
    for table in tables(data, "usb"):
        only(table, ("vid", "pid", "shared", "note"), "usb")
        optional(table, "shared", bool, "usb")
        optional(table, "note", str, "usb")
        for key in ("vid", "pid"):
            if get(table, key, int, "usb") > 0xFFFF:
                raise BoardError(f"usb: '{key}' has 16 bits, is {table[key]:#x}")


def read_runners(data: dict[str, Any]) -> tuple[Runner, ...]:
    """Check all [[runner]], best first; `wasmote flash` reads what its tools need besides."""
    runners = []
    for table in tables(data, "runner"):
        name = get(table, "name", str, "[[runner]]")
        where = f"[[runner]] {name}"
        if name not in RUNNERS:
            raise BoardError(f"{where}: 'name' must be one of {', '.join(RUNNERS)}")
        only(table, ("name", "enter", "tried", "target", "link", "page"), where)
        for key in RUNNERS[name]:
            get(table, key, str, where)
        link = optional(table, "link", bool, where)
        optional(table, "page", int, where)
        enter, tried = get(table, "enter", str, where), get(table, "tried", str, where)
        runners.append(Runner(name, enter, tried, link))
    unique("[[runner]]", [runner.name for runner in runners])
    stm32 = [runner.name for runner in runners if runner.name != "esptool"]
    if stm32 and get(data, "chip_id", int, "board") > 0xFFF:
        raise BoardError(f"'chip_id' has 12 bits, is {data['chip_id']:#x}")
    return tuple(runners)


def read_toml(path: Path) -> dict[str, Any]:
    """Read the file; what is no TOML is a BoardError as well."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BoardError(f"not TOML: {error}") from error


def read_board(path: Path) -> Board:
    """Read and check one board.toml; BoardError names what is wrong."""
    data = read_toml(path)
    only(data, KNOWN, "board")
    for key in REQUIRED:
        get(data, key, object, "board")
    name = get(data, "name", str, "board")
    if name != path.parent.name or not NAME.fullmatch(name):
        raise BoardError(f"'name' must be that of its folder, {path.parent.name}, is {name}")
    family = get(data, "family", str, "board")
    if not (ROOT / "boards/families" / family / "family.mk").is_file():
        raise BoardError(f"there is no boards/families/{family}/family.mk")
    check_usb(data)
    memories = read_memories(data)
    flash = read_flash(data, memories)
    link = read_link(data)
    return Board(
        name=name,
        title=get(data, "title", str, "board"),
        chip=get(data, "chip", str, "board"),
        cpu=get(data, "cpu", str, "board"),
        family=family,
        net=get(data, "net", bool, "board"),
        injection=get(data, "injection", bool, "board"),
        flash=flash,
        clock=numbers(data, "clock", "board"),
        link=link,
        escape=read_escape(data, link),
        limits=read_limits(data, flash),
        budgets=read_budgets(data, memories),
        memories=memories,
        sensors=read_sensors(data),
        runners=read_runners(data),
        emulator=read_emulator(data, memories),
        support=read_support(data),
    )
