;; on_sample's input, plus the first value of the sample, chooses the trap.
(module
  (import "wasmote" "emit" (func $emit (param i32 i32 i32) (result i32)))
  (import "wasmote" "log" (func $log (param i32 i32 i32)))
  (import "wasmote" "random" (func $random (param i32 i32)))
  (import "wasmote" "sensor_read" (func $sensor_read (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024))
  (func (export "on_sample") (param $input i32) (param i64) (param $ptr i32) (param i32)
    (local.set $input (i32.add (local.get $input) (i32.trunc_f32_u (f32.load (local.get $ptr)))))
    (if (i32.eq (local.get $input) (i32.const 0)) (then (unreachable)))
    (if (i32.eq (local.get $input) (i32.const 1)) (then (drop (i32.load (i32.const 16381)))))
    (if (i32.eq (local.get $input) (i32.const 2))
      (then (drop (i32.div_u (i32.const 1) (i32.load (i32.const 0))))))
    (if (i32.eq (local.get $input) (i32.const 3))
      (then (drop (call $emit (i32.const 0) (i32.const 16380) (i32.const 5)))))
    (if (i32.eq (local.get $input) (i32.const 4))
      (then (call $log (i32.const 0) (i32.const -4) (i32.const 8))))
    (if (i32.eq (local.get $input) (i32.const 5)) (then (call $random (i32.const 0) (i32.const -1))))
    (if (i32.eq (local.get $input) (i32.const 6)) ;; 2^30 + 1 values: 4 bytes when computed in 32 bits
      (then (drop (call $sensor_read (i32.const 0) (i32.const 0) (i32.const 0x40000001)))))
    (if (i32.eq (local.get $input) (i32.const 7)) ;; the whole memory, and nothing behind it: both allowed
      (then (drop (call $emit (i32.const 0) (i32.const 0) (i32.const 16384)))
            (drop (call $emit (i32.const 0) (i32.const 16384) (i32.const 0)))))))
