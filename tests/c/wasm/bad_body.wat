;; Not valid: assembled without checking. The validator refuses it when the module is loaded.
(module
  (memory (export "memory") 1)
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024))
  (func (export "on_tick") (param i64) (i32.add)))
