;; A branch out of a block with an f32 result takes the top operand and drops what lies below it.
(module
  (import "wasmote" "emit" (func $emit (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024))
  (func (export "on_start") (local $x i32)
    (f32.store (i32.const 0)
      (block $out (result f32)
        (local.get $x)
        (f32.const 2.5)
        (br $out)))
    (drop (call $emit (i32.const 0) (i32.const 0) (i32.const 4)))))
