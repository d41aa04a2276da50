// Exponential smoothing of the probe, and how far its readings lie from what it expects.
import { channel, config_get, emit_f32 } from "wasmote";

@unmanaged
class State {
  level: f32;
  spread: f32;
  seen: u32;
}

const state = changetype<State>(memory.data(offsetof<State>(), 8));
const buffer = memory.data(64, 8);
const record: StaticArray<f32> = [0, 0, 0];
let alpha: f32 = 0;

export function wasmote_buffer(size: u32): usize {
  return size <= 64 ? buffer : 0;
}

export function wasmote_state(): usize {
  return changetype<usize>(state);
}

export function wasmote_state_size(): u32 {
  return offsetof<State>();
}

export function on_config(cbor: usize, len: u32): void {
  alpha = <f32>config_get("alpha", 0.25);
}

export function on_sample(input: i32, time_ms: i64, values: usize, count: u32): void {
  const value = channel(values, 0);
  if (state.seen == 0) {
    state.level = value;
  }
  const error = value - state.level;
  const distance = error < 0 ? -error : error;
  state.level += alpha * error;
  state.spread += alpha * (distance - state.spread);
  state.seen += 1;
  record[0] = state.level;
  record[1] = state.spread;
  record[2] = <f32>state.seen;
  emit_f32(0, record);
}
