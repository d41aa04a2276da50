"""wasm3-port/guest/wasmote.rs: the crate that a module written in Rust uses."""

from __future__ import annotations

import textwrap

from host_api.model import GENERATED, Function, HostApi, Param

_VIEWS = {  # host_api.toml's type: (what a module passes, what crosses the border, how to get it)
    "bytes_in": ("&[u8]", "*const u8", "as_ptr"),
    "text_in": ("&str", "*const u8", "as_ptr"),
    "bytes_out": ("&mut [u8]", "*mut u8", "as_mut_ptr"),
    "f32_out": ("&mut [f32]", "*mut f32", "as_mut_ptr"),
}
_ITEMS = {"ptr": "u8", "f32_ptr": "f32"}

_HEAD = """\
//! {generated}
//!
//! What a wasmote module may call, and what it may export. `use wasmote::...` in a `#![no_std]` module; name
//! the handlers of the events you want with the macros: `wasmote::on_sample!(on_sample);`.
//! Reference: HOST_API.md.
#![no_std]

use core::cell::Cell;

pub const ABI_VERSION: u32 = {abi};

mod host {{
    #[link(wasm_import_module = "{module}")]
    extern "C" {{
{imports}
    }}
}}

// ---- what the module may call ----------------------------------------------------------------

"""

_TAIL = """\
/// Appends a record of f32 values to a stream.
pub fn emit_f32(stream: i32, values: &[f32]) -> i32 {
    let len = core::mem::size_of_val(values);
    emit(stream, unsafe { core::slice::from_raw_parts(values.as_ptr().cast(), len) })
}

// ---- what the module may export --------------------------------------------------------------

"""

_END = """\
/// Exports wasmote_buffer over a static array: room for the largest sample (4 bytes a channel) and for the
/// config as CBOR.
#[macro_export]
macro_rules! buffer {
    ($bytes:expr) => {
        const _: () = {
            #[repr(align(8))]
            struct Buffer(::core::cell::UnsafeCell<[u8; $bytes]>);
            unsafe impl Sync for Buffer {} // only its address is taken; the host writes between two events
            static BUFFER: Buffer = Buffer(::core::cell::UnsafeCell::new([0; $bytes]));

            #[export_name = "wasmote_buffer"]
            extern "C" fn buffer(size: usize) -> *mut u8 {
                if size <= $bytes { BUFFER.0.get().cast() } else { ::core::ptr::null_mut() }
            }
        };
    };
}

/// Names the one `Global` that a swap hands over to the next version with the same state schema. Give its
/// type `#[repr(C)]`, so that the next compiler lays it out alike.
#[macro_export]
macro_rules! state {
    ($global:path) => {
        const _: () = {
            #[export_name = "wasmote_state"]
            extern "C" fn address() -> *const u8 {
                (&$global as *const _) as *const u8
            }

            #[export_name = "wasmote_state_size"]
            extern "C" fn size() -> usize {
                ::core::mem::size_of_val(&$global)
            }
        };
    };
}

/// A variable that lives as long as the module.
#[repr(transparent)]
pub struct Global<T>(Cell<T>);

unsafe impl<T> Sync for Global<T> {} // a module has one thread, and its events do not interrupt each other

impl<T: Copy> Global<T> {
    pub const fn new(value: T) -> Self {
        Self(Cell::new(value))
    }

    pub fn get(&self) -> T {
        self.0.get()
    }

    pub fn set(&self, value: T) {
        self.0.set(value)
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable() // a trap: the node reports it and goes on
}
"""


def _comment(function: Function) -> str:
    lines = textwrap.wrap(function.doc, 106)
    for param in function.params:
        lines += ["", *textwrap.wrap(f"`{param.name}`: {param.doc}", 106)]
    return "\n".join(f"/// {line}".rstrip() for line in lines)


def _result(function: Function) -> str:
    return f" -> {function.result}" if function.result else ""


def _import(function: Function) -> str:
    params = []
    for param in function.params:
        if param.is_view:
            params += [f"{param.name}: {_VIEWS[param.type][1]}", f"{param.size_name}: usize"]
        else:
            params.append(f"{param.name}: {param.type}")
    return f"        pub fn {function.name}({', '.join(params)}){_result(function)};"


def _wrapper(function: Function) -> str:
    params, arguments = [], []
    for param in function.params:
        if param.is_view:
            kind, _, pointer = _VIEWS[param.type]
            params.append(f"{param.name}: {kind}")
            arguments += [f"{param.name}.{pointer}()", f"{param.name}.len()"]
        else:
            params.append(f"{param.name}: {param.type}")
            arguments.append(param.name)
    head = f"pub fn {function.name}({', '.join(params)}){_result(function)}"
    call = f"unsafe {{ host::{function.name}({', '.join(arguments)}) }}"
    return f"{_comment(function)}\n{head} {{\n    {call}\n}}\n"


def _handed(param: Param) -> str:
    return param.type if param.type not in _ITEMS else f"*const {_ITEMS[param.type]}"


def _event(function: Function) -> str:
    """A macro that exports a handler; what arrives as address and count, the handler gets as a slice."""
    arguments = ", ".join(
        param.name
        if size is None
        else f"unsafe {{ ::core::slice::from_raw_parts({param.name}, {size.name}) }}"
        for param, size in function.slices
    )
    sizes = [size for _, size in function.slices if size is not None]
    params = ", ".join(f"{p.name}: {'usize' if p in sizes else _handed(p)}" for p in function.params)
    handler = ", ".join(p.type if s is None else f"&[{_ITEMS[p.type]}]" for p, s in function.slices)
    result = _result(function)
    return f"""\
{_comment(function)}
///
/// Exports `fn({handler}){result}` as this event's handler.
#[macro_export]
macro_rules! {function.name} {{
    ($handler:path) => {{
        const _: () = {{
            #[export_name = "{function.name}"]
            extern "C" fn event({params}){result} {{
                $handler({arguments})
            }}
        }};
    }};
}}
"""


def render(api: HostApi) -> str:
    """Return the text of wasmote.rs."""
    imports = "\n".join(_import(function) for function in api.functions)
    head = _HEAD.format(generated=GENERATED, abi=api.abi, module=api.module, imports=imports)
    wrappers = "\n".join(_wrapper(function) for function in api.functions)
    events = "\n".join(_event(function) for function in api.events)
    return f"{head}{wrappers}\n{_TAIL}{events}\n{_END}"
