;; Many bytes at once; the whole memory is the state, so that the test sees it. on_tick copies: the bits of its
;; argument are where to (16), where from (16) and how many (32). on_sample fills: where to, and how many.
(module
  (memory (export "memory") 3)
  (func (export "wasmote_buffer") (param i32) (result i32) (i32.const 8))
  (func (export "wasmote_state") (result i32) (i32.const 0))
  (func (export "wasmote_state_size") (result i32) (i32.const 49152))
  (func (export "on_tick") (param i64)
    (memory.copy (i32.and (i32.wrap_i64 (local.get 0)) (i32.const 0xffff))
                 (i32.shr_u (i32.wrap_i64 (local.get 0)) (i32.const 16))
                 (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32)))))
  (func (export "on_sample") (param i32 i64 i32 i32)
    (memory.fill (local.get 0) (i32.const 0x55) (i32.wrap_i64 (local.get 1)))))
