;; 400 results: more than a frame of the engine has slots.
(module
  (memory (export "memory") 1)
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024))
  (func $many (result {{400*i32 }}) {{400*(i32.const 7) }})
  (func (export "on_start") (call $many) {{400*drop }}))
