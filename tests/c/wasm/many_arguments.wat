;; 60 equal constants as arguments: they live in one slot of the caller, but in 60 of the call's frame.
(module
  (memory (export "memory") 1)
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024))
  (func $sum (param {{60*i32 }}) (result i32) (i32.add (local.get 0) (local.get 59)))
  (func (export "on_start") (drop (call $sum {{60*(i32.const 7) }}))))
