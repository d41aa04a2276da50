"""Holds a valid module against the limits of every node: wasm3-port/config/limits.h, in the same order.

The depth of operands and blocks is found as wasm3-port/validate_code.c finds it, by the algorithm of the
specification's appendix. Of a module that is valid already, the number of operands tells all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wasmote import limits
from wasmote.build.leb import Reader
from wasmote.build.opcodes import (
    BLOCK,
    BR,
    BR_IF,
    BR_TABLE,
    CALL,
    CALL_INDIRECT,
    DROP,
    ELSE,
    END,
    GLOBAL_GET,
    GLOBAL_SET,
    IF,
    LOCAL_GET,
    LOCAL_SET,
    LOCAL_TEE,
    LOOP,
    PREFIX_FC,
    RETURN,
    SELECT,
    SHORT_BLOCK_TYPES,
    UNREACHABLE,
    Instruction,
)
from wasmote.build.operands import OPERANDS
from wasmote.build.pages import PackRefused
from wasmote.build.wasm import Body, FuncType, Kind, SectionId, WasmModule

_FEWER_CASES = "divide its largest switch, or look the result up in a constant array"
_POINTER = "hand over a pointer to a struct"
_LESS = "leave out what nothing uses: link with --gc-sections, export only what a node calls"
_SPLIT = "divide the function; -Os and __attribute__((noinline)) keep others from being put into it"

_FUNCTION_NAMES = 1  # the subsection of the custom section "name" (core specification, appendix 7.4.1)
_SHAPES = {
    DROP: (1, 0),
    SELECT: (3, 1),
    LOCAL_GET: (0, 1),
    LOCAL_SET: (1, 0),
    LOCAL_TEE: (1, 1),
    GLOBAL_GET: (0, 1),
    GLOBAL_SET: (1, 0),
    **OPERANDS,
}


class BeyondLimit(PackRefused):
    """The module has more of something than any node takes; the message says of what, how many and where."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a module needs of an engine; the maxima are those of the function that needs most.

    `code_bytes` are those of all bodies, `locals` counts parameters too, `blocks` the body itself.
    """

    functions: int
    function_imports: int
    code_bytes: int
    locals: int
    operands: int
    blocks: int


def check_limits(module: WasmModule, names: Mapping[int, str] | None = None) -> Needs:
    """Raise BeyondLimit for a module that every node refuses for its size; return what it needs.

    `names` are those of functions, by index, where more are known than the module itself tells.
    """
    return _Check(module, names or {}).needs()


def function_names(module: WasmModule) -> dict[int, str]:
    """The names of functions, by index, as the module tells them: in its name section, by its exports."""
    names = {entry.index: entry.name for entry in module.exports() if entry.kind == Kind.FUNCTION}
    for section in module.sections:
        if section.id == SectionId.CUSTOM:
            reader = Reader(section.payload)
            if reader.name() == "name":
                names = _name_section(reader) | names
    return names


def _name_section(reader: Reader) -> dict[int, str]:
    while not reader.done:
        kind, part = reader.byte(), reader.part(reader.u32())
        if kind == _FUNCTION_NAMES:
            return {part.u32(): part.name() for _ in range(part.u32())}
    return {}


class _Check:
    def __init__(self, module: WasmModule, names: Mapping[int, str]) -> None:
        self._module = module
        self._names = function_names(module) | dict(names)
        self._types = module.types()
        imports = [entry.kind for entry in module.imports()]
        self._imported = imports.count(Kind.FUNCTION)
        self._imported_globals = imports.count(Kind.GLOBAL)

    def needs(self) -> Needs:
        """Check section after section, as a node does; its table comes last."""
        self._check_types()
        functions = self._module.function_types()
        _check("functions", len(functions), limits.WASM_FUNCTIONS_MAX, _LESS)
        globals_ = self._imported_globals + len(self._module.globals())
        _check("globals", globals_, limits.WASM_GLOBALS_MAX, "gather them in a struct in linear memory")
        _check("exports", len(self._module.exports()), limits.WASM_EXPORTS_MAX, _LESS)
        bodies = self._module.bodies()
        found = [
            self._check_body(index, functions, body) for index, body in enumerate(bodies, self._imported)
        ]
        _check("table entries", self._module.table_size(), limits.WASM_TABLE_MAX, _LESS)
        return Needs(
            functions=len(functions),
            function_imports=self._imported,
            code_bytes=sum(_size(body) for body in bodies),
            locals=max((one[0] for one in found), default=0),
            operands=max((one[1] for one in found), default=0),
            blocks=max((one[2] for one in found), default=0),
        )

    def _check_types(self) -> None:
        for index, kind in enumerate(self._types[: limits.WASM_TYPES_MAX]):
            where = f"in function type {index}"
            _check("parameters", len(kind.params), limits.WASM_PARAMS_MAX, _POINTER, where)
            _check("results", len(kind.results), limits.WASM_RESULTS_MAX, _POINTER, where)
        _check("function types", len(self._types), limits.WASM_TYPES_MAX, _LESS)

    def _check_body(self, index: int, functions: list[FuncType], body: Body) -> tuple[int, int, int]:
        """Check one function; return its locals, and its greatest depths of operands and blocks."""
        name = self._names.get(index)
        where = f"in function {index}" + (f" ({name})" if name else "")
        _check("bytes of code", _size(body), limits.WASM_BODY_MAX, _SPLIT, where)
        count = len(functions[index].params) + _declared_locals(body)
        _check("locals, parameters among them,", count, limits.WASM_LOCALS_MAX, _SPLIT, where)
        walk = _Walk(self._types, functions, functions[index], where)
        for instruction in body.instructions():
            walk.step(instruction)
        return count, walk.most_operands, walk.most_blocks


@dataclass(slots=True)
class _Block:
    """A block, or the body itself: `height` is that of the operands beneath its parameters."""

    opcode: int
    params: int
    results: int
    height: int


class _Walk:
    """One body: how many operands and blocks there are before each instruction."""

    def __init__(self, types: list[FuncType], functions: list[FuncType], own: FuncType, where: str) -> None:
        self._types, self._functions, self._where = types, functions, where
        self._blocks = [_Block(BLOCK, 0, len(own.results), 0)]
        self._operands = 0
        self.most_operands = 0
        self.most_blocks = 1

    def step(self, instruction: Instruction) -> None:
        """Go on by one instruction."""
        opcode = instruction.opcode
        code = opcode if opcode != PREFIX_FC else opcode << 8 | instruction.sub
        if code in _SHAPES:
            takes, leaves = _SHAPES[code]
            self._apply(takes, leaves)
        elif opcode in (BLOCK, LOOP, IF):
            self._begin(opcode, Reader(instruction.encoded[1:]))
        elif opcode in (ELSE, END):
            self._leave(opcode)
        elif opcode in (CALL, CALL_INDIRECT):
            self._call(opcode, Reader(instruction.encoded[1:]).u32())
        else:
            self._branch(opcode, Reader(instruction.encoded[1:]))

    def _apply(self, takes: int, leaves: int) -> None:
        """Take operands, which beneath an unreachable place may not be there, and leave others."""
        self._operands = max(self._operands - takes, self._blocks[-1].height)
        self._push(leaves)

    def _push(self, count: int) -> None:
        self._operands += count
        if self._operands > self.most_operands:
            self.most_operands = self._operands
            hint = "divide its longest expression over variables, or divide the function"
            _check("operands at a time", self._operands, limits.WASM_OPERANDS_MAX, hint, self._where)

    def _begin(self, opcode: int, immediates: Reader) -> None:
        params = results = 0
        if immediates.peek() in SHORT_BLOCK_TYPES:
            results = int(immediates.byte() != SHORT_BLOCK_TYPES[0])
        else:
            kind = self._types[immediates.signed(33)]
            params, results = len(kind.params), len(kind.results)
        self._apply(params + (opcode == IF), 0)
        self._enter(_Block(opcode, params, results, self._operands))

    def _enter(self, block: _Block) -> None:
        depth = len(self._blocks) + 1
        _check("nested blocks", depth, limits.WASM_BLOCKS_MAX, _FEWER_CASES, self._where)
        self._blocks.append(block)
        self.most_blocks = max(self.most_blocks, depth)
        self._push(block.params)

    def _leave(self, opcode: int) -> None:
        block = self._blocks[-1]
        self._operands = block.height
        if opcode == ELSE:
            self._blocks[-1] = _Block(ELSE, block.params, block.results, block.height)
            self._push(block.params)
            return
        self._blocks.pop()
        if self._blocks:
            self._push(block.results)

    def _call(self, opcode: int, index: int) -> None:
        called = self._types[index] if opcode == CALL_INDIRECT else self._functions[index]
        self._apply(len(called.params) + (opcode == CALL_INDIRECT), len(called.results))

    def _branch(self, opcode: int, immediates: Reader) -> None:
        if opcode == BR_IF:
            target = self._blocks[-1 - immediates.u32()]
            taken = target.params if target.opcode == LOOP else target.results
            self._apply(1 + taken, taken)
            return
        assert opcode in (BR, BR_TABLE, RETURN, UNREACHABLE)
        if opcode == BR_TABLE:
            labels = immediates.u32()
            _check("labels of a br_table", labels, limits.WASM_BR_TABLE_MAX, _FEWER_CASES, self._where)
        self._operands = self._blocks[-1].height


def _declared_locals(body: Body) -> int:
    reader = Reader(body.locals)
    count = 0
    for _ in range(reader.u32()):
        count += reader.u32()
        reader.byte()
    return count


def _size(body: Body) -> int:
    return len(body.locals) + len(body.code)


def _check(what: str, count: int, maximum: int, hint: str, where: str = "") -> None:
    if count > maximum:
        has = f"module has {count} {what}" + (f" {where}" if where else "")
        raise BeyondLimit(f"{has}: a node takes at most {maximum}", hint)
