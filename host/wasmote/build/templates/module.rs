#![no_std]

use wasmote::Global;

const LIMIT: f32 = 2.0; // m

#[derive(Clone, Copy)]
#[repr(C)]
struct State {
    mean: f32, // of the readings; newer ones count more
    readings: u32,
}

static STATE: Global<State> = Global::new(State { mean: 0.0, readings: 0 });

wasmote::buffer!(64); // where the node puts a reading
wasmote::state!(STATE); // what the next version takes over
wasmote::on_sample!(on_sample);

// There is one input, of one channel.
fn on_sample(_input: i32, _time_ms: i64, values: &[f32]) {
    let mut state = STATE.get();
    state.mean = if state.readings == 0 { values[0] } else { 0.5 * (state.mean + values[0]) };
    state.readings = state.readings.wrapping_add(1);
    STATE.set(state);
    let alarm = if state.mean > LIMIT { 1.0 } else { 0.0 };
    wasmote::emit_f32(0, &[state.mean, alarm]);
}
