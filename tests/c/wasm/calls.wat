;; on_start: fib(40), far more calls than any budget has room for but never deep. on_tick: recursion without end
;; that looks at the clock at every level.
(module
  (import "wasmote" "now_ms" (func $now_ms (result i64)))
  (memory (export "memory") 1)
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024))
  (func $fib (param $n i32) (result i32)
    (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
      (then (local.get $n))
      (else (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1)))
                     (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
  (func $deeper (call $now_ms) drop (call $deeper))
  (func $in_loops (loop (loop (loop (loop (call $now_ms) drop (call $in_loops))))))
  (func (export "on_start") (drop (call $fib (i32.const 40))))
  (func (export "on_tick") (param i64) (call $deeper))
  (func (export "on_sample") (param i32 i64 i32 i32) (call $in_loops)))
