"""wasm3-port/host_api.h and host_thunks.c: the vtable the firmware fills in, and the way to it."""

from __future__ import annotations

from host_api.model import GENERATED, Function, HostApi, Param

_C_TYPES = {"i32": "int32_t", "i64": "int64_t", "f32": "float", "f64": "double"}
_WASM3_CODES = {"i32": "i", "i64": "I", "f32": "f", "f64": "F", None: "v"}
_HOST_VIEWS = {
    "bytes_in": "const uint8_t *",
    "text_in": "const char *",
    "bytes_out": "uint8_t *",
    "f32_out": "uint8_t *",
}
_WIDTH = 105

_HEADER = """\
/* clang-format off */
/* {generated}
 *
 * What a guest may call, as the firmware implements it: one function each, `context` is what was
 * given to runtime_load(). A module that imports a function which is NULL here is refused. A view
 * is already checked against linear memory and valid during the call only; an f32_out view has room
 * for `cap` little-endian binary32 values and may be unaligned. */
#ifndef WASMOTE_HOST_API_H
#define WASMOTE_HOST_API_H

#include <stdint.h>

#define HOST_API_VERSION {abi}u
#define HOST_API_MODULE "{module}"

struct host_api {{
{members}}};

/* What the host looks for in a module, in the order of host_exports[]. */
enum host_export_id {{
{exports}    HOST_EXPORT_COUNT
}};

#endif
"""

_THUNKS = """\
/* clang-format off */
/* {generated} */
#include "host_call.h"

{thunks}
const struct host_import host_imports[] = {{
{imports}}};
const size_t host_import_count = sizeof host_imports / sizeof host_imports[0];

bool host_grants(const struct host_api *host, size_t import) {{
    switch (import) {{
{grants}    default:
        return false;
    }}
}}

const struct host_export host_exports[HOST_EXPORT_COUNT] = {{
{exports}}};
"""

_THUNK = """\
static const void *thunk_{name}(IM3Runtime engine, IM3ImportContext import, uint64_t *sp, void *memory) {{
{body}}}
"""


def signature(function: Function) -> str:
    """The wasm3 spelling of a signature: "i(iI)"."""
    params = "".join(_WASM3_CODES[wasm] for wasm in function.wasm_params)
    return f"{_WASM3_CODES[function.wasm_result]}({params})"


def _wrap(prefix: str, items: list[str], suffix: str) -> str:
    line = prefix + ", ".join(items) + suffix
    if len(line) <= _WIDTH:
        return line
    lines, indent = [prefix], " " * len(prefix)
    for index, item in enumerate(items):
        piece = item + (suffix if index == len(items) - 1 else ", ")
        if len(lines[-1]) + len(piece.rstrip()) > _WIDTH:
            lines.append(indent)
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def _member(function: Function) -> str:
    params = ["void *context"]
    for param in function.params:
        if param.is_view:
            params += [f"{_HOST_VIEWS[param.type]}{param.name}", f"uint32_t {param.size_name}"]
        else:
            params.append(f"{_C_TYPES[param.type]} {param.name}")
    result = _C_TYPES[function.result] if function.result else "void"
    return _wrap(f"    {result} (*{function.name})(", params, ");") + "\n"


def header(api: HostApi) -> str:
    """Return the text of host_api.h."""
    members = "".join(_member(f) for f in api.functions)
    exports = "".join(f"    EXPORT_{f.name.upper()},\n" for f in api.exports)
    return _HEADER.format(
        generated=GENERATED, abi=api.abi, module=api.module, members=members, exports=exports
    )


def _view(param: Param, slot: int) -> str:
    unit = "sizeof(float)" if param.type == "f32_out" else "1"
    return (
        f"    const uint32_t {param.size_name} = arg_u32(args, {slot + 1});\n"
        f"    uint8_t *{param.name} = guest_view(engine, memory, arg_u32(args, {slot}), "
        f"{param.size_name}, {unit});\n"
        f"    if ({param.name} == NULL) {{\n"
        "        return trap_view_outside_memory;\n"
        "    }\n"
    )


def _thunk(function: Function) -> str:
    declarations, arguments, slot = "", ["rt->host_context"], 0
    for param in function.params:
        if param.is_view:
            declarations += _view(param, slot)
            cast = "(const char *)" if param.type == "text_in" else ""
            arguments += [cast + param.name, param.size_name]
        else:
            arguments.append(f"arg_{param.type}(args, {slot})")
        slot += len(param.wasm_types)
    call = f"rt->host->{function.name}("
    body = "    const struct runtime *rt = import->userdata;\n"
    if function.params:
        body += f"    const uint64_t *args = sp{' + 1' if function.result else ''};\n"
    if not any(param.is_view for param in function.params):
        body += "    (void)engine;\n    (void)memory;\n"
    if function.result:
        body += declarations + _wrap(f"    return return_{function.result}(sp, {call}", arguments, "));\n")
    else:
        body += declarations + _wrap(f"    {call}", arguments, ");") + "\n    return NULL;\n"
    return _THUNK.format(name=function.name, body=body)


def thunks(api: HostApi) -> str:
    """Return the text of host_thunks.c."""
    imports = [f'    {{"{f.name}", "{signature(f)}", thunk_{f.name}}},\n' for f in api.functions]
    exports = [
        f'    {{"{f.name}", "{signature(f)}", {"true" if f.required else "false"}}},\n' for f in api.exports
    ]
    grants = "".join(
        f"    case {i}:\n        return host->{f.name} != NULL;\n" for i, f in enumerate(api.functions)
    )
    return _THUNKS.format(
        grants=grants,
        generated=GENERATED,
        thunks="\n".join(_thunk(f) for f in api.functions),
        imports="".join(imports),
        exports="".join(exports),
    )
