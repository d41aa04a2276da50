;; Long bodies with little fuel in them. Each turn of `count` is a microsecond to the test's clock, which is the
;; word at address 0. on_start: a loop of one long line. on_tick: a line that every branch leaves and enters again.
;; on_config: two functions that call each other and have much to do on the way back. on_sample: divisions.
(module
  (memory (export "memory") 1)
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmote_state") (result i32) (i32.const 0))
  (func (export "wasmote_state_size") (result i32) (i32.const 4))
  (func (export "on_start")
    (loop $again
      {{300* (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) }}
      (br $again)))
  (func (export "on_tick") (param i64)
    (loop $again
      {{100* (block (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
                    (br_if 0 (i32.load (i32.const 0)))
                    nop nop nop nop nop nop nop nop nop nop) }}
      (br $again)))
  (func $deep (param i32)
    (if (local.get 0) (then (call $other (i32.sub (local.get 0) (i32.const 1)))))
    {{50* (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) }})
  (func $other (param i32)
    (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)))))
    {{50* (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) }})
  (func (export "on_config") (param i32 i32)
    (loop $again (call $deep (i32.const 20)) (br $again)))
  (func (export "on_sample") (param i32 i64 i32 i32)
    (local $x i64)
    (local.set $x (i64.const 7))
    (loop $again
      {{90* (local.set $x (i64.div_s (i64.const 99) (local.get $x)))
             (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 5))) }}
      (br $again))))
