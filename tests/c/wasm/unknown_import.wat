(module
  (import "env" "foo" (func $foo))
  (memory (export "memory") 1)
  (func (export "wasmote_buffer") (param i32) (result i32) (call $foo) (i32.const 1024)))
