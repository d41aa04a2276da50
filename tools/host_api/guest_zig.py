"""wasm3-port/guest/wasmote.zig: what a module written in Zig imports."""

from __future__ import annotations

import textwrap

from host_api.model import GENERATED, Function, HostApi, Param

_VIEWS = {  # host_api.toml's type: (what a module passes, what crosses the border)
    "bytes_in": ("[]const u8", "[*]const u8"),
    "text_in": ("[]const u8", "[*]const u8"),
    "bytes_out": ("[]u8", "[*]u8"),
    "f32_out": ("[]f32", "[*]f32"),
}
_ITEMS = {"ptr": "u8", "f32_ptr": "f32"}

_HEAD = """\
//! {generated}
//!
//! What a wasmote module may call, and what it may export: `const wasmote = @import("wasmote");`, and the
//! handlers of the events you want in a comptime block: `wasmote.on_sample(on_sample);`.
//! Reference: HOST_API.md.

pub const abi_version = {abi};

const host = struct {{
{imports}
}};

// ---- what the module may call ----------------------------------------------------------------

"""

_TAIL = """\
/// Appends a record of f32 values to a stream.
pub fn emit_f32(stream: i32, values: []const f32) i32 {
    return emit(stream, @ptrCast(values));
}

// ---- what the module may export --------------------------------------------------------------

"""

_END = """\
/// Exports wasmote_buffer over a static array: room for the largest sample (4 bytes a channel) and for the
/// config as CBOR.
pub fn buffer(comptime bytes: usize) void {
    const place = struct {
        var memory: [bytes]u8 align(8) = @splat(0);

        fn address(size: usize) callconv(.c) ?[*]u8 {
            return if (size <= bytes) &memory else null;
        }
    };
    @export(&place.address, .{ .name = "wasmote_buffer" });
}

/// Names the one variable that a swap hands over to the next version with the same state schema. Make its
/// type an `extern struct`, so that the next compiler lays it out alike.
pub fn state(comptime variable: anytype) void {
    const place = struct {
        fn address() callconv(.c) *anyopaque {
            return variable;
        }

        fn size() callconv(.c) usize {
            return @sizeOf(@TypeOf(variable.*));
        }
    };
    @export(&place.address, .{ .name = "wasmote_state" });
    @export(&place.size, .{ .name = "wasmote_state_size" });
}
"""


def _comment(function: Function) -> str:
    lines = textwrap.wrap(function.doc, 106)
    for param in function.params:
        lines += textwrap.wrap(f"{param.name}: {param.doc}", 106, subsequent_indent="    ")
    return "\n".join(f"/// {line}" for line in lines)


def _import(api: HostApi, function: Function) -> str:
    params = []
    for param in function.params:
        if param.is_view:
            params += [f"{param.name}: {_VIEWS[param.type][1]}", f"{param.size_name}: usize"]
        else:
            params.append(f"{param.name}: {param.type}")
    result = function.result or "void"
    return f'    extern "{api.module}" fn {function.name}({", ".join(params)}) {result};'


def _wrapper(function: Function) -> str:
    params, arguments = [], []
    for param in function.params:
        if param.is_view:
            params.append(f"{param.name}: {_VIEWS[param.type][0]}")
            arguments += [f"{param.name}.ptr", f"{param.name}.len"]
        else:
            params.append(f"{param.name}: {param.type}")
            arguments.append(param.name)
    head = f"pub fn {function.name}({', '.join(params)}) {function.result or 'void'}"
    return f"{_comment(function)}\n{head} {{\n    return host.{function.name}({', '.join(arguments)});\n}}\n"


def _handed(param: Param) -> str:
    return param.type if param.type not in _ITEMS else f"[*]const {_ITEMS[param.type]}"


def _event(function: Function) -> str:
    """A function that exports a handler; what arrives as address and count, the handler gets as a slice."""
    sizes = [size for _, size in function.slices if size is not None]
    handler = ", ".join(p.type if s is None else f"[]const {_ITEMS[p.type]}" for p, s in function.slices)
    params = ", ".join(f"{p.name}: {'usize' if p in sizes else _handed(p)}" for p in function.params)
    arguments = ", ".join(p.name if s is None else f"{p.name}[0..{s.name}]" for p, s in function.slices)
    result = function.result or "void"
    return f"""\
{_comment(function)}
pub fn {function.name}(comptime handler: fn ({handler}) {result}) void {{
    const event = struct {{
        fn call({params}) callconv(.c) {result} {{
            {"return " if function.result else ""}handler({arguments});
        }}
    }};
    @export(&event.call, .{{ .name = "{function.name}" }});
}}
"""


def render(api: HostApi) -> str:
    """Return the text of wasmote.zig."""
    imports = "\n".join(_import(api, function) for function in api.functions)
    head = _HEAD.format(generated=GENERATED, abi=api.abi, imports=imports)
    wrappers = "\n".join(_wrapper(function) for function in api.functions)
    events = "\n".join(_event(function) for function in api.events)
    return f"{head}{wrappers}\n{_TAIL}{events}\n{_END}"
