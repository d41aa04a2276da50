//! Exponential smoothing of the probe, and how far its readings lie from what it expects.
const wasmote = @import("wasmote");

var state: extern struct { level: f32, spread: f32, seen: u32 } = .{ .level = 0, .spread = 0, .seen = 0 };
var alpha: f32 = 0;

comptime {
    wasmote.buffer(64);
    wasmote.state(&state);
    wasmote.on_config(on_config);
    wasmote.on_sample(on_sample);
}

fn on_config(_: []const u8) void {
    alpha = @floatCast(wasmote.config_get("alpha", 0.25));
}

fn on_sample(_: i32, _: i64, values: []const f32) void {
    if (state.seen == 0) {
        state.level = values[0];
    }
    const difference = values[0] - state.level;
    const distance = if (difference < 0) -difference else difference;
    state.level += alpha * difference;
    state.spread += alpha * (distance - state.spread);
    state.seen += 1;
    _ = wasmote.emit_f32(0, &.{ state.level, state.spread, @floatFromInt(state.seen) });
}
