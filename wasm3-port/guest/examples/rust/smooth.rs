//! Exponential smoothing of the probe, and how far its readings lie from what it expects.
#![no_std]

use wasmote::Global;

#[derive(Clone, Copy)]
#[repr(C)]
struct State {
    level: f32,
    spread: f32,
    seen: u32,
}

static STATE: Global<State> = Global::new(State { level: 0.0, spread: 0.0, seen: 0 });
static ALPHA: Global<f32> = Global::new(0.0);

wasmote::buffer!(64);
wasmote::state!(STATE);
wasmote::on_config!(on_config);
wasmote::on_sample!(on_sample);

fn on_config(_cbor: &[u8]) {
    ALPHA.set(wasmote::config_get("alpha", 0.25) as f32);
}

fn on_sample(_input: i32, _time_ms: i64, values: &[f32]) {
    let (mut state, alpha) = (STATE.get(), ALPHA.get());
    if state.seen == 0 {
        state.level = values[0];
    }
    let error = values[0] - state.level;
    let distance = if error < 0.0 { -error } else { error };
    state.level += alpha * error;
    state.spread += alpha * (distance - state.spread);
    state.seen += 1;
    STATE.set(state);
    wasmote::emit_f32(0, &[state.level, state.spread, state.seen as f32]);
}
