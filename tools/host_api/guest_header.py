"""wasm3-port/guest/wasmote.h: what a module written in C includes."""

from __future__ import annotations

import textwrap

from host_api.model import GENERATED, Function, HostApi, Param

_C_TYPES = {"i32": "int32_t", "i64": "int64_t", "f32": "float", "f64": "double", "ptr": "void *"}
_VIEWS = {
    "bytes_in": "const void *{0}, uint32_t len",
    "text_in": "const char *{0}, uint32_t len",
    "bytes_out": "void *{0}, uint32_t cap",
    "f32_out": "float *{0}, uint32_t cap",
    "ptr": "const void *{0}",
    "f32_ptr": "const float *{0}",
}
_UNSIGNED = ("size", "len", "count")  # lengths read better unsigned; the Wasm type is i32 either way

_HEAD = """\
/* clang-format off */
/* {generated}
 *
 * What a wasmote module may call, and what it may export. Needs a C11 compiler for wasm32 and no
 * library: `#include <wasmote.h>`, define the events you want (on_sample, ...) and the compiler
 * exports them. Reference: HOST_API.md. */
#ifndef WASMOTE_H
#define WASMOTE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define WASMOTE_ABI_VERSION {abi}

#ifdef __wasm__
#define WASMOTE_IMPORT(name) __attribute__((import_module("{module}"), import_name(#name)))
/* Exports a function under `name`; the events below have it already. */
#define WASMOTE_EXPORT(name) __attribute__((export_name(#name)))
#else /* the same source compiled for the host, in a unit test */
#define WASMOTE_IMPORT(name)
#define WASMOTE_EXPORT(name)
#endif

/* ---- what the module may call --------------------------------------------------------------- */

"""

_TAIL = """\
/* Appends a record of `count` f32 values to a stream. */
static inline int32_t wasmote_emit_f32(int32_t stream, const float *values, uint32_t count) {{
    return wasmote_emit(stream, values, count * (uint32_t)sizeof(float));
}}

/* A string literal as the (text, length) pair that wasmote_log and wasmote_config_get take. */
#define WASMOTE_TEXT(literal) ("" literal), (uint32_t)(sizeof(literal) - 1)

/* ---- what the module may export ------------------------------------------------------------- */

{exports}
/* Defines wasmote_buffer over a static array: room for the largest sample (4 bytes a channel) and
 * for the config as CBOR. */
#define WASMOTE_BUFFER(bytes)                                                                    \\
    void *wasmote_buffer(uint32_t size) {{                                                        \\
        static _Alignas(8) uint8_t buffer[bytes];                                                \\
        return size <= sizeof buffer ? (void *)buffer : (void *)0;                               \\
    }}

/* Names the one variable that a swap hands over to the next version with the same state schema. */
#define WASMOTE_STATE(variable)                                                                  \\
    void *wasmote_state(void) {{                                                                  \\
        return &(variable);                                                                      \\
    }}                                                                                            \\
    uint32_t wasmote_state_size(void) {{                                                          \\
        return (uint32_t)sizeof(variable);                                                       \\
    }}

#ifdef __cplusplus
}}
#endif

#endif
"""


def comment(function: Function) -> str:
    """The doc comment: the sentence, then a line for each parameter."""
    lines = textwrap.wrap(function.doc, 92)
    for param in function.params:
        lines += textwrap.wrap(f"{param.name}: {param.doc}", 90, subsequent_indent="    ")
    return "/* " + "\n * ".join(lines) + " */"


def _parameter(param: Param) -> str:
    if param.type in _VIEWS:
        return _VIEWS[param.type].format(param.name)
    if param.name in _UNSIGNED and param.type == "i32":
        return f"uint32_t {param.name}"
    return f"{_C_TYPES[param.type]} {param.name}"


def _prototype(function: Function, prefix: str, attribute: str) -> str:
    result = _C_TYPES[function.result] if function.result else "void"
    if function.name.endswith("_size"):
        result = "uint32_t"
    space = "" if result.endswith("*") else " "
    params = ", ".join(_parameter(param) for param in function.params) or "void"
    line = f"{result}{space}{prefix}{function.name}({params});"
    return f"{comment(function)}\n{attribute}({function.name})\n{line}\n"


def render(api: HostApi) -> str:
    """Return the text of wasmote.h."""
    imports = "\n".join(_prototype(f, "wasmote_", "WASMOTE_IMPORT") for f in api.functions)
    exports = "\n".join(_prototype(f, "", "WASMOTE_EXPORT") for f in api.exports)
    head = _HEAD.format(generated=GENERATED, abi=api.abi, module=api.module)
    return head + imports + "\n" + _TAIL.format(exports=exports)
