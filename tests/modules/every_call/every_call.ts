// Calls every function of the host and handles every event.
import { channel, config_get, emit, emit_f32, log, now_ms, random, sensor_read } from "wasmote";

const buffer = memory.data(64, 8);
const noise = new StaticArray<u8>(16);
const reading: StaticArray<f32> = [0, 0];
const record: StaticArray<f32> = [0, 0, 0, 0];
let bytes_at_config: f32 = 0;

export function wasmote_buffer(size: u32): usize {
  return size <= 64 ? buffer : 0;
}

export function on_start(): void {
  log(2, "started: 20 °C");
}

export function on_config(cbor: usize, len: u32): void {
  bytes_at_config = <f32>len;
}

export function on_sample(input: i32, time_ms: i64, values: usize, count: u32): void {
  random(noise);
  let sum: u32 = 0;
  for (let i = 0; i < noise.length; i++) {
    sum += noise[i];
  }
  emit(input, noise);
  record[0] = channel(values, count - 1);
  record[1] = <f32>sum;
  record[2] = bytes_at_config;
  record[3] = <f32>config_get("none", -1.5);
  emit_f32(1, record);
}

export function on_tick(time_ms: i64): void {
  record[0] = <f32>sensor_read(0, reading);
  record[1] = reading[0];
  record[2] = reading[1];
  record[3] = <f32>(now_ms() - time_ms);
  emit_f32(1, record);
}
