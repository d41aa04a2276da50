;; Emits each sample as it came on stream 0, each config on stream 1, and counts its events in its state.
(module
  (import "wasmote" "emit" (func $emit (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1 4)
  (global $events (mut i32) (i32.const 0))
  (table 2 funcref)
  (elem (i32.const 0) $count $count)
  (data (i32.const 16) "state")
  (func $count
    (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1))))
  (func (export "wasmote_buffer") (param $size i32) (result i32)
    (select (i32.const 1024) (i32.const 0) (i32.le_u (local.get $size) (i32.const 512))))
  (func (export "on_sample") (param $input i32) (param $time i64) (param $ptr i32) (param $count i32)
    (call_indirect (i32.const 1))
    (drop (call $emit (i32.const 0) (local.get $ptr) (i32.shl (local.get $count) (i32.const 2)))))
  (func (export "on_config") (param $ptr i32) (param $len i32)
    (drop (call $emit (i32.const 1) (local.get $ptr) (local.get $len))))
  (func (export "wasmote_state") (result i32) (i32.const 8))
  (func (export "wasmote_state_size") (result i32) (i32.const 16)))
