;; Loops without calls: an unconditional back-edge in on_start, a conditional one in on_tick, nested in on_config.
(module
  (memory (export "memory") 1)
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024))
  (func (export "on_start") (loop $again (br $again)))
  (func (export "on_tick") (param i64) (loop $again (br_if $again (i32.const 1))))
  (func (export "on_sample") (param i32 i64 i32 i32)
    (loop $outer (loop $inner (br_if $outer (i32.eqz (i32.load (i32.const 0)))) (br $inner)))))
