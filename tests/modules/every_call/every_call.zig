//! Calls every function of the host and handles every event.
const wasmote = @import("wasmote");

var bytes_at_config: f32 = 0;

comptime {
    wasmote.buffer(64);
    wasmote.on_start(on_start);
    wasmote.on_config(on_config);
    wasmote.on_sample(on_sample);
    wasmote.on_tick(on_tick);
}

fn on_start() void {
    wasmote.log(2, "started: 20 °C");
}

fn on_config(cbor: []const u8) void {
    bytes_at_config = @floatFromInt(cbor.len);
}

fn on_sample(input: i32, _: i64, values: []const f32) void {
    var noise: [16]u8 = undefined;
    wasmote.random(&noise);
    var sum: u32 = 0;
    for (noise) |byte| {
        sum += byte;
    }
    _ = wasmote.emit(input, &noise);
    const none: f32 = @floatCast(wasmote.config_get("none", -1.5));
    _ = wasmote.emit_f32(1, &.{ values[values.len - 1], @floatFromInt(sum), bytes_at_config, none });
}

fn on_tick(time_ms: i64) void {
    var reading = [2]f32{ 0, 0 };
    const status: f32 = @floatFromInt(wasmote.sensor_read(0, &reading));
    const late: f32 = @floatFromInt(wasmote.now_ms() - time_ms);
    _ = wasmote.emit_f32(1, &.{ status, reading[0], reading[1], late });
}
