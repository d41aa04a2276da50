// Keeps every reading in an array that grows: the heap is what is left of its one page.
import { channel, emit_f32 } from "wasmote";

const buffer = memory.data(64, 8);
const told: StaticArray<f32> = [0, 0];
const kept = new Array<f32>();

export function wasmote_buffer(size: u32): usize {
  return size <= 64 ? buffer : 0;
}

export function on_sample(input: i32, time_ms: i64, values: usize, count: u32): void {
  kept.push(channel(values, 0));
  let sum: f32 = 0;
  for (let i = 0; i < kept.length; i++) {
    sum += kept[i];
  }
  told[0] = sum;
  told[1] = <f32>kept.length.toString().length;
  emit_f32(0, told);
}
