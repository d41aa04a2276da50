;; For each sample and tick it emits what it was told: the newest reading (or what sensor_read answered), the clock
;; and a random number. A negative sample traps; of a sample above 100 it asks random twice, above 200 for more
;; than a record of a trace holds.
(module
  (import "wasmote" "emit" (func $emit (param i32 i32 i32) (result i32)))
  (import "wasmote" "sensor_read" (func $sensor_read (param i32 i32 i32) (result i32)))
  (import "wasmote" "now_ms" (func $now_ms (result i64)))
  (import "wasmote" "random" (func $random (param i32 i32)))
  (memory (export "memory") 1)
  (func $ask
    (f32.store (i32.const 20) (f32.convert_i32_s (call $sensor_read (i32.const 0) (i32.const 16) (i32.const 1))))
    (f32.store (i32.const 20) (f32.convert_i64_s (call $now_ms)))
    (call $random (i32.const 24) (i32.const 2))
    (f32.store (i32.const 24) (f32.convert_i32_u (i32.load16_u (i32.const 24))))
    (drop (call $emit (i32.const 0) (i32.const 16) (i32.const 12))))
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024))
  (func (export "on_config") (param i32 i32) (call $random (i32.const 32) (i32.const 4)))
  (func (export "on_tick") (param i64) (call $ask))
  (func (export "on_sample") (param i32 i64) (param $ptr i32) (param i32)
    (if (f32.lt (f32.load (local.get $ptr)) (f32.const 0)) (then (unreachable)))
    (if (f32.gt (f32.load (local.get $ptr)) (f32.const 100)) (then (call $random (i32.const 40) (i32.const 4))))
    (if (f32.gt (f32.load (local.get $ptr)) (f32.const 200)) (then (call $random (i32.const 64) (i32.const 800))))
    (call $ask))
  (func (export "wasmote_state") (result i32) (i32.const 32))
  (func (export "wasmote_state_size") (result i32) (i32.const 4)))
