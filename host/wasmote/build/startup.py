"""What a tool chain wants to run before a module's first event, run once: from the module's start function.

A node knows one thing that runs by itself: WebAssembly's start function, once, before on_start. Linkers
rely on other conventions. LLVM's gathers constructors in __wasm_call_ctors; a reactor (WASI's application
ABI) has _initialize, which whoever loads it has to call; and where nothing refers to __wasm_call_ctors,
wasm-ld takes the module for a command, a program that runs once, and has *each* exported function run the
constructors first.
"""

from __future__ import annotations

from collections.abc import Iterator

from wasmote.build import leb
from wasmote.build.leb import Reader
from wasmote.build.opcodes import CALL, END, LOCAL_GET, Instruction
from wasmote.build.pages import PackRefused
from wasmote.build.wasm import Body, FuncType, Kind, SectionId, WasmModule

CONSTRUCTORS, INITIALIZE, COMMAND = "__wasm_call_ctors", "_initialize", "_start"
EXPORT_CONSTRUCTORS = f"--export={CONSTRUCTORS}"

_ON_START = "on_start"
_NOTHING = FuncType()
_LISTS_OF_CONSTRUCTORS = (".init_array", ".ctors", ".preinit_array")


def run_initialisers_once(module: WasmModule) -> WasmModule:
    """Make what a tool chain wants to run first the module's start function, and drop the exports of it.

    One that the module calls itself is left to it. Raises PackRefused for what would run never, or more than
    once.
    """
    _check_lists(module)
    _check_command(module)
    if wraps_exports(module):
        raise PackRefused(
            "module runs its constructors before every event: its linker took it for a program run once",
            f"link with {EXPORT_CONSTRUCTORS}; they are then run once, before {_ON_START}",
        )
    first = [index for name in (CONSTRUCTORS, INITIALIZE) for index in _left_to_the_host(module, name)]
    kept = [entry for entry in module.exports() if entry.name not in (CONSTRUCTORS, INITIALIZE)]
    if kept != module.exports():
        module = module.with_exports(kept)
    return _with_start(module, first) if first else module


def wraps_exports(module: WasmModule) -> bool:
    """Whether every exported function is one of wasm-ld's wrappers, which run the constructors first."""
    common: int | None = None
    for index in {entry.index for entry in module.exports() if entry.kind == Kind.FUNCTION}:
        first = _called_first(module, index)
        if first is None or common not in (None, first):
            return False
        common = first
    return common is not None


# ---- what is refused -------------------------------------------------------------------------------------


def _check_lists(module: WasmModule) -> None:
    """Refuse constructors that are mere data: some versions of rustc make a custom section of .init_array."""
    for section in module.sections:
        if section.id == SectionId.CUSTOM:
            name = Reader(section.payload, section.offset).name()
            if name.startswith(_LISTS_OF_CONSTRUCTORS):
                raise PackRefused(
                    f"module has its constructors in a custom section {name}: nothing would ever run them",
                    f"do what they do in {_ON_START}",
                )


def _check_command(module: WasmModule) -> None:
    if any(entry.name == COMMAND for entry in module.exports()):
        raise PackRefused(
            f"module exports {COMMAND}: it is a command, whose main program no node runs",
            f"make it a reactor, which has {INITIALIZE} or nothing (--no-entry, -mexec-model=reactor, "
            f"-buildmode=c-shared), and do the rest in {_ON_START}",
        )


def _left_to_the_host(module: WasmModule, name: str) -> list[int]:
    """The initialiser that is exported under this name, unless it is empty or the module calls it itself."""
    index = next((entry.index for entry in module.exports() if entry.name == name), None)
    if index is None:
        return []
    exported = {entry.name: entry.index for entry in module.exports() if entry.kind == Kind.FUNCTION}
    if exported.get(name) != index or _type(module, index) != _NOTHING:
        raise PackRefused(f"export {name} is no function () -> (): nothing can run it before the first event")
    runs_once = {*_start(module), *(exported[one] for one in (_ON_START, INITIALIZE) if one in exported)}
    callers = set(_callers(module, index))
    if not callers <= runs_once:
        raise PackRefused(
            f"module calls {name} itself, and not only from {_ON_START}: it would run more than once",
            f"call it nowhere: it is run once, before {_ON_START}",
        )
    return [] if callers or _is_empty(module, index) else [index]


# ---- looking into functions ------------------------------------------------------------------------------


def _imported(module: WasmModule) -> int:
    return sum(entry.kind == Kind.FUNCTION for entry in module.imports())


def _type(module: WasmModule, index: int) -> FuncType | None:
    """The type of a function; None when there is none of this index: nothing has validated the module yet."""
    return next(iter(module.function_types()[index : index + 1]), None)


def _body(module: WasmModule, index: int) -> Body | None:
    """The body of a function; None for an imported one."""
    own = index - _imported(module)
    return next(iter(module.bodies()[own : own + 1]), None) if own >= 0 else None


def _is_empty(module: WasmModule, index: int) -> bool:
    body = _body(module, index)
    return body is not None and body.code == bytes([END])


def _start(module: WasmModule) -> Iterator[int]:
    """The start function, if there is one."""
    for section in module.sections:
        if section.id == SectionId.START:
            yield Reader(section.payload, section.offset).u32()


def _callers(module: WasmModule, index: int) -> Iterator[int]:
    for number, body in enumerate(module.bodies(), _imported(module)):
        if any(one.opcode == CALL and _operand(one) == index for one in body.instructions()):
            yield number


def _operand(instruction: Instruction) -> int:
    return Reader(instruction.encoded[1:]).u32()


def _called_first(module: WasmModule, index: int) -> int | None:
    """What a function calls before it hands its parameters on to another one of its type, and does no more.

    A function behind that (__wasm_call_dtors) may follow. None for a function of any other shape.
    """
    body, own_type = _body(module, index), _type(module, index)
    if body is None or own_type is None or body.locals != leb.vector([]):
        return None
    handed_on = [bytes([LOCAL_GET]) + leb.unsigned(i) for i in range(len(own_type.params))]
    code = body.instructions()
    first, passed, rest = code[:1], code[1 : 1 + len(handed_on)], code[1 + len(handed_on) : -1]
    calls = [*first, *rest]
    if len(calls) not in (2, 3) or any(one.opcode != CALL for one in calls):
        return None
    before, inner, *behind = map(_operand, calls)
    if [one.encoded for one in passed] != handed_on or _type(module, inner) != own_type:
        return None
    return before if all(_type(module, one) == _NOTHING for one in (before, *behind)) else None


# ---- the start function ----------------------------------------------------------------------------------


def _with_start(module: WasmModule, first: list[int]) -> WasmModule:
    """With a start function that runs what was the start before, then each of `first`."""
    order = [*_start(module), *first]
    start = order[0]
    if len(order) > 1:
        calls = b"".join(bytes([CALL]) + leb.unsigned(index) for index in order)
        module, start = module.with_function(_NOTHING, Body(leb.vector([]), calls + bytes([END])))
    return module.with_section(SectionId.START, leb.unsigned(start))
