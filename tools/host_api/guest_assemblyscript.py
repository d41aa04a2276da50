"""wasm3-port/guest/wasmote.ts: what a module written in AssemblyScript imports."""

from __future__ import annotations

import textwrap

from host_api.model import GENERATED, Function, HostApi

_VIEWS = {
    "bytes_in": "StaticArray<u8>",
    "text_in": "string",
    "bytes_out": "StaticArray<u8>",
    "f32_out": "StaticArray<f32>",
}
_TYPES = {"ptr": "usize", "f32_ptr": "usize"}
_UNSIGNED = ("size", "len", "count")  # lengths read better unsigned; the Wasm type is i32 either way

_HEAD = """\
// {generated}
//
// What a wasmote module may call, and what it may export: import {{ emit_f32 }} from "wasmote".
// Nothing here allocates. Views are static arrays: made once, at the top of the module, they are static
// memory. Reference: HOST_API.md.

export const ABI_VERSION: u32 = {abi};

{imports}
// Text crosses the border as UTF-8; this is room for {text} of the UTF-16 units that strings have here.
const UNITS: i32 = {text};
const scratch = memory.data(3 * UNITS);

function encode(units: string): u32 {{
  const count = min(units.length, UNITS);
  return <u32>String.UTF8.encodeUnsafe(changetype<usize>(units), count, scratch);
}}

// ---- what the module may call ------------------------------------------------------------------

"""

_TAIL = """\
/** Appends a record of f32 values to a stream. */
export function emit_f32(stream: i32, values: StaticArray<f32>): i32 {
  return host_emit(stream, changetype<usize>(values), values.length << 2);
}

/** The value of one channel: `values` as on_sample got it, `index` below its `count`. */
// @ts-ignore: decorator
@inline
export function channel(values: usize, index: u32): f32 {
  return load<f32>(values + (<usize>index << 2));
}

// ---- what the module may export ----------------------------------------------------------------
//
// AssemblyScript exports what the module's own file exports: functions with these signatures.
"""

_TEXT_UNITS = 128  # the longest text that any function takes is a log line of 120 bytes


def _comment(function: Function) -> str:
    lines = textwrap.wrap(function.doc, 108)
    for param in function.params:
        lines += textwrap.wrap(f"{param.name}: {param.doc}", 106, subsequent_indent="    ")
    return "/** " + "\n * ".join(lines) + " */"


def _import(api: HostApi, function: Function) -> str:
    params = []
    for param in function.params:
        if param.is_view:
            params += [f"{param.name}: usize", f"{param.size_name}: u32"]
        else:
            params.append(f"{param.name}: {param.type}")
    return (
        f'// @ts-ignore: decorator\n@external("{api.module}", "{function.name}")\n'
        f"declare function host_{function.name}({', '.join(params)}): {function.result or 'void'};\n"
    )


def _wrapper(function: Function) -> str:
    params, arguments, before = [], [], ""
    for param in function.params:
        params.append(f"{param.name}: {_VIEWS.get(param.type, param.type)}")
        if param.type == "text_in":
            before = f"  const {param.size_name} = encode({param.name});\n"
            arguments += ["scratch", param.size_name]
        elif param.is_view:
            arguments += [f"changetype<usize>({param.name})", f"{param.name}.length"]
        else:
            arguments.append(param.name)
    head = f"export function {function.name}({', '.join(params)}): {function.result or 'void'}"
    call = f"host_{function.name}({', '.join(arguments)})"
    body = f"  return {call};" if function.result else f"  {call};"
    return f"{_comment(function)}\n{head} {{\n{before}{body}\n}}\n"


def _export(function: Function) -> str:
    """The signature that a module's own export has, as a comment."""
    params = ", ".join(
        f"{p.name}: {'u32' if p.name in _UNSIGNED else _TYPES.get(p.type, p.type)}" for p in function.params
    )
    result = _TYPES.get(function.result, function.result) if function.result else "void"
    if function.name.endswith("_size"):
        result = "u32"
    lines = [*textwrap.wrap(function.doc, 108), f"  export function {function.name}({params}): {result}"]
    return "//\n" + "\n".join(f"// {line}" for line in lines) + "\n"


def render(api: HostApi) -> str:
    """Return the text of wasmote.ts."""
    imports = "\n".join(_import(api, function) for function in api.functions)
    head = _HEAD.format(generated=GENERATED, abi=api.abi, imports=imports, text=_TEXT_UNITS)
    wrappers = "\n".join(_wrapper(function) for function in api.functions)
    return f"{head}{wrappers}\n{_TAIL}{''.join(_export(function) for function in api.exports)}"
