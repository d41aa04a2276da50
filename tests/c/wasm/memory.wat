;; Emits memory.size, then the answers of memory.grow to 0xffffffff, 1, 1 and 1, then memory.size again.
(module
  (import "wasmote" "emit" (func $emit (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1 100)
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024))
  (func (export "on_start")
    (i32.store (i32.const 0) (memory.size))
    (i32.store (i32.const 4) (memory.grow (i32.const -1)))
    (i32.store (i32.const 8) (memory.grow (i32.const 1)))
    (i32.store (i32.const 12) (memory.grow (i32.const 1)))
    (i32.store (i32.const 16) (memory.grow (i32.const 1)))
    (i32.store (i32.const 20) (memory.size))
    (i32.store8 (i32.const 49151) (i32.const 90)) ;; the last byte of the third page
    (drop (call $emit (i32.const 0) (i32.const 0) (i32.const 24))))
  (func (export "on_tick") (param i64) (i32.store8 (i32.const 49152) (i32.const 1))))
