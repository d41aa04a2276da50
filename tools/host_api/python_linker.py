"""host/wasmote/runtime/host_api.py: the same functions for wasmtime."""

from __future__ import annotations

import builtins
import keyword
import textwrap

from host_api.model import GENERATED, Function, HostApi, Param

_PYTHON_TYPES = {"i32": "int", "i64": "int", "f32": "float", "f64": "float", None: "None"}
_HOST_TYPES = {"bytes_in": "bytes", "text_in": "str", "bytes_out": "GuestView", "f32_out": "GuestView"}
_READERS = {"bytes_in": ".read()", "text_in": ".text()", "bytes_out": "", "f32_out": ""}

_SIZE = "count"

_FILE = '''\
"""{generated}"""

from __future__ import annotations

from typing import Protocol

from wasmtime import Caller, FuncType, Linker, ValType

from wasmote.runtime.guest import GuestView, checked_status

ABI_VERSION = {abi}
MODULE = "{module}"

EXPORTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {{
{exports}}}
"""What a module may export: name -> (parameter types, result types)."""

REQUIRED_EXPORTS = ({required})

IMPORTS: dict[str, str | None] = {{
{imports}}}
"""What a module may import: name -> the capability that its manifest must ask for."""


class HostFunctions(Protocol):
    """What a guest may call; an i32 result that is negative is a status, -10 traps the guest."""
{methods}

def link(linker: Linker, host: HostFunctions) -> None:
    """Define every function of the host API in a wasmtime linker."""
    i32, i64, f64 = ValType.i32(), ValType.i64(), ValType.f64()
{thunks}'''


def _python_name(name: str) -> str:
    return name + "_" if keyword.iskeyword(name) or hasattr(builtins, name) else name


def _method(function: Function) -> str:
    params = ["self"]
    for param in function.params:
        kind = _HOST_TYPES[param.type] if param.is_view else _PYTHON_TYPES[param.type]
        params.append(f"{_python_name(param.name)}: {kind}")
    first, _, rest = function.doc.partition(". ")
    quote = f'"""{first.rstrip(".")}.'
    if rest:
        margin = " " * 8
        body = textwrap.fill(rest, 104, initial_indent=margin, subsequent_indent=margin)
        quote += f"\n\n{body}\n{margin}"
    quote += '"""'
    return (
        f"\n    def {function.name}({', '.join(params)}) -> {_PYTHON_TYPES[function.result]}:\n"
        f"        {quote}\n        ...\n"
    )


def _argument(param: Param) -> str:
    name = _python_name(param.name)
    if not param.is_view:
        return name
    unit = 4 if param.type == "f32_out" else 1
    return f"GuestView(caller, {name}, {_SIZE}, {unit}){_READERS[param.type]}"


def _thunk(function: Function) -> str:
    params = ["caller: Caller"]
    for param in function.params:
        name = _python_name(param.name)
        if param.is_view:
            params += [f"{name}: int", f"{_SIZE}: int"]
        else:
            params.append(f"{name}: {_PYTHON_TYPES[param.type]}")
    call = f"host.{function.name}({', '.join(_argument(p) for p in function.params)})"
    if function.result == "i32":
        call = f"checked_status({call})"
    statement = f"return {call}" if function.result else call
    results = f"[{function.wasm_result}]" if function.wasm_result else "[]"
    kind = f"FuncType([{', '.join(function.wasm_params)}], {results})"
    return (
        f"\n    def {function.name}({', '.join(params)}) -> {_PYTHON_TYPES[function.result]}:\n"
        f"        {statement}\n\n"
        f"    kind = {kind}\n"
        f'    linker.define_func(MODULE, "{function.name}", kind, {function.name}, access_caller=True)\n'
    )


def _tuple(items: tuple[str, ...]) -> str:
    return "(" + ", ".join(f'"{item}"' for item in items) + ("," if len(items) == 1 else "") + ")"


def render(api: HostApi) -> str:
    """Return the text of host_api.py."""
    exports = "".join(
        f'    "{f.name}": ({_tuple(f.wasm_params)}, {_tuple((f.wasm_result,) if f.wasm_result else ())}),\n'
        for f in api.exports
    )
    required = "".join(f'"{f.name}", ' for f in api.exports if f.required).rstrip(" ")
    imports = "".join(
        f'    "{f.name}": ' + (f'"{f.capability}"' if f.capability else "None") + ",\n" for f in api.functions
    )
    return _FILE.format(
        imports=imports,
        generated=GENERATED,
        abi=api.abi,
        module=api.module,
        exports=exports,
        required=required,
        methods="".join(_method(f) for f in api.functions),
        thunks="".join(_thunk(f) for f in api.functions),
    )
