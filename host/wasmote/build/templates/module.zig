const wasmote = @import("wasmote");

const limit: f32 = 2.0; // m

var state: extern struct {
    mean: f32, // of the readings; newer ones count more
    readings: u32,
} = .{ .mean = 0, .readings = 0 };

comptime {
    wasmote.buffer(64); // where the node puts a reading
    wasmote.state(&state); // what the next version takes over
    wasmote.on_sample(on_sample);
}

// There is one input, of one channel.
fn on_sample(_: i32, _: i64, values: []const f32) void {
    state.mean = if (state.readings == 0) values[0] else 0.5 * (state.mean + values[0]);
    state.readings +%= 1;
    _ = wasmote.emit_f32(0, &.{ state.mean, if (state.mean > limit) 1 else 0 });
}
