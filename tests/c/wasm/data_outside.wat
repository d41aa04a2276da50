(module
  (memory (export "memory") 1)
  (data (i32.const 16380) "12345")
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024)))
