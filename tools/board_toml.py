"""Read boards/NAME/board.toml and check it: whatever is wrong is one BoardError that says where.

boards/README.md lists the keys. Needs the standard library only: the build runs it before anything is
installed.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAME = re.compile(r"[a-z0-9_-]{1,31}")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
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
ROM_OVER_SERIAL = ("an3155", "esptool")
LINK_KINDS = {
    "uart": ("tx", "rx", "baud"),
    "usb-uart": ("baud",),
    "pty": (),
    "emulated": (),
}  # what each must say


class BoardError(Exception):
    """What is wrong in a board.toml, and where."""


@dataclass(frozen=True)
class Memory:
    """One memory region: addresses and sizes in bytes; sectors as (count, size), flash only.

    `arena`: the module arena lies here.
    """

    name: str
    origin: int
    size: int
    sectors: tuple[tuple[int, int], ...] = ()
    arena: bool = False

    @property
    def end(self) -> int:
        """The first address behind the region."""
        return self.origin + self.size


@dataclass(frozen=True)
class Sector:
    """One sector of flash: bytes from its start, and bytes."""

    at: int
    size: int


@dataclass(frozen=True)
class FlashMap:
    """Which sectors of flash are for what; `vectors` may be a sector away from the rest of the firmware."""

    origin: int
    sectors: tuple[Sector, ...]
    vectors: tuple[Sector, ...]
    firmware: tuple[Sector, ...]
    records: tuple[Sector, ...]
    keys: tuple[Sector, ...]
    banks: tuple[Sector, ...]

    @property
    def size(self) -> int:
        """Bytes of all sectors."""
        return sum(sector.size for sector in self.sectors)

    @property
    def firmware_origin(self) -> int:
        """The address of the firmware's first sector, vectors apart."""
        return self.origin + (self.firmware[0].at if self.firmware else 0)


@dataclass(frozen=True)
class Sensor:
    """One [[sensor]]: what the firmware shows of it, and the driver function that reads it."""

    name: str
    channels: tuple[str, ...]
    units: tuple[str, ...]
    driver: str
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Escape:
    """The line that makes a board start without modules: a pin, its active level, and whether as a break."""

    pin: str
    active: int
    is_break: bool


@dataclass(frozen=True)
class Runner:
    """One [[runner]]: a way to flash the board, how its chip is made to listen, and how that was tried.

    `link`: the board's link is on the port through which it is flashed.
    """

    name: str
    enter: str
    tried: str
    link: bool


@dataclass(frozen=True)
class Emulator:
    """QEMU's program, machine and options; how the emulated image differs: a file for objects, memories.

    `replaces`: the family's files in whose place that file is.
    """

    file: str
    program: str
    machine: str
    options: tuple[str, ...]
    serial: int
    replaces: tuple[str, ...]
    origins: dict[str, int]


@dataclass(frozen=True)
class Support:
    """How a board is tested here, what works, and what does not: why, by what."""

    tested: str
    works: tuple[str, ...]
    missing: dict[str, str]


@dataclass(frozen=True)
class Board:
    """A checked board.toml."""

    name: str
    title: str
    chip: str
    cpu: str
    family: str
    net: bool
    injection: bool
    flash: FlashMap | None
    clock: dict[str, int]
    link: dict[str, Any]
    escape: Escape | None
    limits: dict[str, int]
    budgets: dict[str, int]
    memories: tuple[Memory, ...]
    sensors: tuple[Sensor, ...]
    runners: tuple[Runner, ...]
    emulator: Emulator | None
    support: Support

    @property
    def loader_hears_link(self) -> bool:
        """Whether the loader in the chip's ROM listens on the pins of the link."""
        return any(runner.link and runner.name in ROM_OVER_SERIAL for runner in self.runners)

    @property
    def firmware_bytes(self) -> int:
        """Bytes of flash that the firmware may fill, vectors apart."""
        return sum(sector.size for sector in self.flash.firmware) if self.flash else 0

    def origin(self, memory: Memory) -> int:
        """Where a region's image begins: in flash, at the first of the firmware's sectors."""
        return self.flash.firmware_origin if self.flash and memory.name == "flash" else memory.origin

    def capacity(self, memory: Memory) -> int:
        """Bytes of a region that the image may take: of flash, the sectors that are the firmware's."""
        return self.firmware_bytes if memory.name == "flash" else memory.size


def board_names() -> list[str]:
    """Return the supported boards; folders that begin with an underscore are none."""
    return sorted(path.parent.name for path in ROOT.glob("boards/[!_]*/board.toml"))


def get(table: dict[str, Any], key: str, kind: type, where: str) -> Any:
    """Return table[key], which must be there and of this type; numbers are never negative."""
    if key not in table:
        raise BoardError(f"{where}: '{key}' is missing")
    value = table[key]
    is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if not (is_number if kind is int else isinstance(value, kind)):
        wanted = "a number >= 0" if kind is int else kind.__name__
        raise BoardError(f"{where}: '{key}' must be {wanted}, is {value!r}")
    return value


def optional(table: dict[str, Any], key: str, kind: type, where: str) -> Any:
    """Return table[key] of this type, or an empty one where it is not there."""
    return get(table, key, kind, where) if key in table else kind()


def only(table: dict[str, Any], known: Iterable[str], where: str) -> None:
    """Refuse keys that nobody reads: they are misspelt."""
    unknown = table.keys() - set(known)
    if unknown:
        raise BoardError(
            f"{where}: unknown: {', '.join(sorted(unknown))} (known: {', '.join(sorted(known))})"
        )


def tables(data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return an array of tables, [[key]]; empty where there is none."""
    found: list[Any] = optional(data, key, list, "board")
    if not all(isinstance(table, dict) for table in found):
        raise BoardError(f"[[{key}]]: must be tables")
    return found


def strings(table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    """Return a list of strings as a tuple."""
    values = get(table, key, list, where)
    if not all(isinstance(value, str) and value for value in values):
        raise BoardError(f"{where}: '{key}' must be a list of strings, is {values!r}")
    return tuple(values)


def numbers(data: dict[str, Any], key: str, where: str) -> dict[str, int]:
    """Return a table whose keys are C names and whose values are all numbers >= 0."""
    table = optional(data, key, dict, where)
    for name in table:
        get(table, name, int, f"[{key}]")
        if not IDENTIFIER.fullmatch(name):
            raise BoardError(f"[{key}]: '{name}' is no C name")
    return dict(table)


def read_runs(table: dict[str, Any], where: str) -> tuple[tuple[int, int], ...]:
    """Check `sectors`: runs of sectors of one size."""
    runs = optional(table, "sectors", list, where)
    if not all(isinstance(run, dict) for run in runs):
        raise BoardError(f"{where}: 'sectors' must be a list of {{ count, size }}")
    return tuple((get(run, "count", int, where), get(run, "size", int, where)) for run in runs)


def read_memory(table: dict[str, Any]) -> Memory:
    """Check one [[memory]]; sectors must fill it exactly."""
    name = get(table, "name", str, "[[memory]]")
    where = f"[[memory]] {name}"
    only(table, ("name", "origin", "size", "arena", "sectors"), where)
    sectors = read_runs(table, where)
    origin, size = get(table, "origin", int, where), get(table, "size", int, where)
    memory = Memory(name, origin, size, sectors, optional(table, "arena", bool, where))
    total = sum(count * size for count, size in sectors)
    if sectors and total != memory.size:
        raise BoardError(f"{where}: its sectors hold {total} bytes, its size is {memory.size}")
    return memory


def read_memories(data: dict[str, Any]) -> tuple[Memory, ...]:
    """Check all [[memory]]; no two may overlap or have one name."""
    memories = tuple(read_memory(table) for table in tables(data, "memory"))
    unique("[[memory]]", [memory.name for memory in memories])
    by_address = sorted(memories, key=lambda memory: memory.origin)
    for below, above in itertools.pairwise(by_address):
        if below.end > above.origin:
            raise BoardError(f"[[memory]] {below.name} and {above.name} overlap at {above.origin:#x}")
    if memories and sum(memory.arena for memory in memories) != 1:
        raise BoardError("[[memory]]: one of them, and no other, must say 'arena = true'")
    return memories


def unique(where: str, names: list[str]) -> None:
    """Refuse two of the same name."""
    if len(set(names)) != len(names):
        raise BoardError(f"{where}: two of them have the same name: {', '.join(names)}")


FLASH_USES = ("vectors", "firmware", "records", "keys", "banks")


def read_flash(data: dict[str, Any], memories: tuple[Memory, ...]) -> FlashMap | None:
    """Check [flash]: each use names sectors by their numbers; no sector has two."""
    memory = next((memory for memory in memories if memory.name == "flash"), None)
    if "flash" not in data and memory is None:
        return None
    table, where = get(data, "flash", dict, "board"), "[flash]"
    only(table, (*FLASH_USES, *(() if memory else ("sectors",))), where)
    sizes = [
        size
        for count, size in (memory.sectors if memory else read_runs(table, where))
        for _ in range(min(count, 4096))
    ]
    sectors = tuple(Sector(sum(sizes[:number]), size) for number, size in enumerate(sizes))
    taken: list[int] = []
    uses: dict[str, tuple[Sector, ...]] = {}
    for use in FLASH_USES:
        wanted = optional(table, use, list, where)
        if not all(type(number) is int and 0 <= number < len(sectors) for number in wanted):
            raise BoardError(f"{where}: '{use}' must hold numbers 0..{len(sectors) - 1}, is {wanted!r}")
        taken += wanted
        uses[use] = tuple(sectors[number] for number in wanted)
    twice = sorted({number for number in taken if taken.count(number) > 1})
    if twice:
        raise BoardError(f"{where}: sector {twice[0]} has two uses")
    check_uses(uses, is_chip=memory is not None)
    return FlashMap(memory.origin if memory else 0, sectors, **uses)


def check_uses(uses: dict[str, tuple[Sector, ...]], *, is_chip: bool) -> None:
    """Refuse what the firmware cannot work with."""
    firmware = uses["firmware"]
    if is_chip and not firmware:
        raise BoardError("[flash]: 'firmware' must name a sector")
    if any(below.at + below.size != above.at for below, above in itertools.pairwise(firmware)):
        raise BoardError("[flash]: the sectors of 'firmware' must lie side by side")
    if len(uses["records"]) != 2 or len(uses["keys"]) != 1 or not 1 <= len(uses["banks"]) <= 16:
        raise BoardError("[flash]: wants 2 sectors for 'records', 1 for 'keys', 1 to 16 for 'banks'")
    if any(sector.size < 4096 for sector in (*uses["records"], *uses["keys"])):
        raise BoardError("[flash]: sectors for 'records' and 'keys' hold at least 4,096 bytes")


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
