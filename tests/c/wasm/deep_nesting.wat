;; 2,000 nested blocks: the compiler recurses.
(module
  (memory (export "memory") 1)
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 1024))
  (func (export "on_start") {{2000*block }} {{2000*end }}))
