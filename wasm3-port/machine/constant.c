/* Constant expressions (core specification, section 3.3.10) for wasm3, which would compile and run them.
 * Validated: one constant and end; without imported globals there is nothing else. */
#include "m3.h"
#include "wasm_reader.h"

/* At o_expressed the low 32 bits or all 64, by type. */
M3Result EvaluateExpression(IM3Module i_module, void *o_expressed, u8 i_type, bytes_t *io_bytes,
                            cbytes_t i_end) {
    struct wasm_reader in = wasm_reader_over(*io_bytes, (size_t)(i_end - *io_bytes));
    const uint64_t value = wasm_constant(&in);
    (void)i_module;
    if (in.bad) {
        return m3Err_wasmMalformed;
    }
    memcpy(o_expressed, &value, SizeOfType(i_type));
    *io_bytes = in.at;
    return m3Err_none;
}
