;; The start function has index 0 (nothing is imported) and leaves its mark in the state.
(module
  (memory (export "memory") 1)
  (start $begin)
  (func $begin (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 7))))
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmote_state") (result i32) (i32.const 8))
  (func (export "wasmote_state_size") (result i32) (i32.const 4)))
