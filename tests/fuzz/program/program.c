/* The sections of a module. */
#include "maker.h"

#include <string.h>

#define FUEL 30 /* calls and turns of loops until a comparable program traps */

static void choose_types(void) {
    static const uint8_t any[] = {I32, I64, F32, F64};
    maker.type_count = (uint8_t)(1 + choose(TYPES_MAX));
    for (uint32_t i = 0; i < maker.type_count; i++) {
        struct function_type *type = &maker.types[i];
        *type = (struct function_type){.parameter_count = (uint8_t)choose(PROGRAM_PARAMETERS + 1),
                                       .result_count = (uint8_t)choose(4)};
        for (uint32_t j = 0; j < type->parameter_count; j++) {
            type->parameters[j] = any[choose(4)];
        }
        for (uint32_t j = 0; j < type->result_count; j++) {
            type->results[j] = any[choose(4)];
        }
    }
    maker.types[maker.type_count] = (struct function_type){{I32, I64}, {I64}, 2, 1};
    maker.types[maker.type_count + 1] = (struct function_type){{0}, {0}, 0, 0};
    maker.types[maker.type_count + 2] = (struct function_type){{0}, {I64}, 0, 1};
}

static void put_types(void) {
    const uint32_t start = begin_section(1);
    put_unsigned(maker.type_count + 3u);
    for (uint32_t i = 0; i < maker.type_count + 3u; i++) {
        const struct function_type *type = &maker.types[i];
        put(0x60);
        put_unsigned(type->parameter_count);
        put_bytes(type->parameters, type->parameter_count);
        put_unsigned(type->result_count);
        put_bytes(type->results, type->result_count);
    }
    end_length(start);
}

static void choose_functions(void) {
    maker.out->functions = 1 + choose(PROGRAM_FUNCTIONS);
    maker.type_of[0] = maker.type_count;
    for (uint32_t i = 0; i < maker.out->functions; i++) {
        const uint32_t index = choose(maker.type_count);
        maker.type_of[FIRST_FUNCTION + i] = (uint8_t)index;
        maker.out->parameters[i] = maker.types[index].parameter_count;
        for (uint32_t j = 0; j < maker.types[index].parameter_count; j++) {
            maker.out->arguments[i][j] = bits_of(maker.types[index].parameters[j]);
        }
    }
    maker.type_of[FIRST_FUNCTION + maker.out->functions] = (uint8_t)(maker.type_count + 1);
    maker.type_of[FIRST_FUNCTION + maker.out->functions + 1] = (uint8_t)(maker.type_count + 2);
}

static void put_functions(void) {
    const uint8_t import[] = {1, 1, 'h', 1, 'h', 0, maker.type_count};
    uint32_t start = begin_section(2);
    put_bytes(import, sizeof import);
    end_length(start);
    start = begin_section(3);
    put_unsigned(maker.out->functions + 2);
    put_bytes(maker.type_of + FIRST_FUNCTION, maker.out->functions + 2);
    end_length(start);
}

static void put_table_and_memory(void) {
    const uint32_t maximum = 1 + choose(PAGES_MAX), in_bytes = maker.kind == PROGRAM_IN_BYTES;
    uint32_t start = begin_section(4);
    put_bytes((const uint8_t[]){1, 0x70, 0, TABLE_SIZE}, 4);
    end_length(start);
    start = begin_section(5);
    put(1);
    put(0x09);
    put_unsigned(in_bytes ? 16384 : 1);
    put_unsigned(in_bytes ? maximum * 16384 : maximum);
    put(in_bytes ? 0 : 14);
    end_length(start);
    maker.grows = maximum > 1;
}

static void put_globals(void) {
    const uint32_t start = begin_section(6);
    put_unsigned(GLOBALS);
    for (uint32_t i = 0; i < GLOBALS; i++) {
        put(global_types[i]);
        put(i < SETTABLE);
        put_constant(global_types[i], bits_of(global_types[i]));
        put(END);
    }
    end_length(start);
}

static void put_export(const char *name, uint32_t kind, uint32_t index) {
    put_unsigned((uint32_t)strlen(name));
    put_bytes(name, strlen(name));
    put(kind);
    put_unsigned(index);
}

static void put_exports(void) {
    const uint32_t start = begin_section(7);
    put_unsigned(maker.out->functions + 2 + SETTABLE - 1);
    for (uint32_t i = 0; i < maker.out->functions; i++) {
        put_export((char[]){'f', (char)('0' + i), 0}, 0, FIRST_FUNCTION + i);
    }
    put_export("reset", 0, FIRST_FUNCTION + maker.out->functions);
    put_export("memory_sum", 0, FIRST_FUNCTION + maker.out->functions + 1);
    for (uint32_t i = 1; i < SETTABLE; i++) {
        put_export((char[]){'g', (char)('0' + i), 0}, 3, i);
    }
    end_length(start);
}

static void choose_elements(void) {
    maker.table_count = (uint8_t)(choose(4) ? TABLE_SIZE : choose(TABLE_SIZE));
    for (uint32_t i = 0; i < maker.table_count; i++) {
        maker.table[i] = (uint8_t)choose(FIRST_FUNCTION + maker.out->functions);
    }
}

static void put_elements(void) {
    const uint32_t start = begin_section(9);
    put_bytes((const uint8_t[]){1, 0, I32_CONST, 0, END}, 5);
    put_unsigned(maker.table_count);
    put_bytes(maker.table, maker.table_count);
    end_length(start);
}

/* A sum of all words of the memory, each times what came before. */
static void put_memory_sum(void) {
    const uint32_t start = begin_length();
    static const uint8_t before[] = {2, 2, I32, 1, I64, LOOP, 0x40};
    static const uint8_t after[] = {LOCAL_GET,
                                    2,
                                    I64_CONST,
                                    33,
                                    0x7e /* mul */,
                                    LOCAL_GET,
                                    0,
                                    0x29 /* i64.load */,
                                    3,
                                    0,
                                    0x7c /* add */,
                                    LOCAL_SET,
                                    2,
                                    LOCAL_GET,
                                    0,
                                    I32_CONST,
                                    8,
                                    0x6a /* add */,
                                    LOCAL_TEE,
                                    0,
                                    LOCAL_GET,
                                    1,
                                    0x49 /* lt_u */,
                                    BR_IF,
                                    0,
                                    END,
                                    LOCAL_GET,
                                    2,
                                    END};
    put_bytes(before, 5);
    put(MEMORY_SIZE);
    put(0);
    if (maker.kind != PROGRAM_IN_BYTES) {
        put_constant(I32, 14);
        put(0x74); /* shl */
    }
    put(LOCAL_SET);
    put(1);
    put_bytes(before + 5, 2);
    put_bytes(after, sizeof after);
    end_length(start);
}

static void put_code(void) {
    static const uint8_t reset[] = {6, 0, I32_CONST, FUEL, GLOBAL_SET, 0, END};
    const uint32_t start = begin_section(10);
    put_unsigned(maker.out->functions + 2);
    for (uint32_t i = 0; i < maker.out->functions; i++) {
        put_function(&maker.types[maker.type_of[FIRST_FUNCTION + i]]);
    }
    put_bytes(reset, sizeof reset);
    put_memory_sum();
    end_length(start);
}

static void put_data(void) {
    const uint32_t start = begin_section(11);
    put_bytes((const uint8_t[]){1, 0, I32_CONST, 16, END, 32}, 6);
    for (uint32_t i = 0; i < 32; i++) {
        put(fuzz_u8(maker.choices));
    }
    end_length(start);
}

void program_make(struct fuzz_input *choices, enum program_kind kind, struct program *program) {
    *program = (struct program){.len = 0};
    maker = (struct maker){.choices = choices, .out = program, .kind = kind};
    put_bytes("\0asm\1\0\0\0", 8);
    choose_types();
    choose_functions();
    choose_elements();
    put_types();
    put_functions();
    put_table_and_memory();
    put_globals();
    put_exports();
    put_elements();
    put_code();
    put_data();
}
