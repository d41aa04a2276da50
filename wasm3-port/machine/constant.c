/* Constant expressions (core specification, section 3.3.10) for wasm3, which would compile and run them.
 * Validated: one constant and end; without imported globals there is nothing else. */
#include "instruction.h"
#include "m3.h"
#include "wasm_reader.h"

static uint64_t read_little_endian(struct wasm_reader *in, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)wasm_byte(in) << (8 * i);
    }
    return value;
}

static uint64_t read_constant(struct wasm_reader *in) {
    switch (wasm_byte(in)) {
    case OPCODE_I32_CONST:
        return (uint32_t)wasm_s32(in);
    case OPCODE_I64_CONST:
        return (uint64_t)wasm_s64(in);
    case OPCODE_F32_CONST:
        return read_little_endian(in, 4);
    case OPCODE_F64_CONST:
        return read_little_endian(in, 8);
    default:
        in->bad = true;
        return 0;
    }
}

/* At o_expressed the low 32 bits or all 64, by type. */
M3Result EvaluateExpression(IM3Module i_module, void *o_expressed, u8 i_type, bytes_t *io_bytes,
                            cbytes_t i_end) {
    struct wasm_reader in = wasm_reader_over(*io_bytes, (size_t)(i_end - *io_bytes));
    const uint64_t value = read_constant(&in);
    (void)i_module;
    if (wasm_byte(&in) != OPCODE_END || in.bad) {
        return m3Err_wasmMalformed;
    }
    memcpy(o_expressed, &value, SizeOfType(i_type));
    *io_bytes = in.at;
    return m3Err_none;
}
