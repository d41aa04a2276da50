//! Calls every function of the host and handles every event.
#![no_std]

use wasmote::Global;

static BYTES_AT_CONFIG: Global<f32> = Global::new(0.0);

wasmote::buffer!(64);
wasmote::on_start!(on_start);
wasmote::on_config!(on_config);
wasmote::on_sample!(on_sample);
wasmote::on_tick!(on_tick);

fn on_start() {
    wasmote::log(2, "started: 20 °C");
}

fn on_config(cbor: &[u8]) {
    BYTES_AT_CONFIG.set(cbor.len() as f32);
}

fn on_sample(input: i32, _time_ms: i64, values: &[f32]) {
    let mut noise = [0; 16];
    wasmote::random(&mut noise);
    let sum: u32 = noise.iter().map(|&byte| byte as u32).sum();
    wasmote::emit(input, &noise);
    let none = wasmote::config_get("none", -1.5) as f32;
    wasmote::emit_f32(1, &[values[values.len() - 1], sum as f32, BYTES_AT_CONFIG.get(), none]);
}

fn on_tick(time_ms: i64) {
    let mut reading = [0.0; 2];
    let status = wasmote::sensor_read(0, &mut reading) as f32;
    let late = (wasmote::now_ms() - time_ms) as f32;
    wasmote::emit_f32(1, &[status, reading[0], reading[1], late]);
}
