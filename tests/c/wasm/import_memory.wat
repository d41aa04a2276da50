(module
  (import "env" "memory" (memory 1))
  (export "memory" (memory 0))
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024)))
