//! The root of every module that is written in Zig: compiles what the module exports, and makes a failed
//! safety check trap without the text and the formatter that report it elsewhere.
const std = @import("std");

pub const panic = std.debug.no_panic;

comptime {
    _ = @import("module");
}
