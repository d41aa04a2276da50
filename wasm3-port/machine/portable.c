/* The operations in C: every handler does its work and ends in a tail call of the next one, so that a
 * run takes one native frame however long it is. GCC makes these tail calls when it optimises and no
 * local's address is taken; clang is told to. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2", "omit-frame-pointer", "optimize-sibling-calls",                              \
                     "no-tree-loop-distribute-patterns")
#endif

#include "handlers.h"
#include "m3.h"
#include "numeric.h"
#include "traps.h"

#if defined(__clang__)
#define TAIL __attribute__((musttail))
#else
#define TAIL
#endif

#define NEXT(cells) TAIL return ((handler)pc[cells])(pc + (cells) + 1, frame, machine, r, fuel, f)
#define GO_ON_AT(target)                                                                                \
    do {                                                                                                \
        const cell *const there = (target);                                                             \
        TAIL return ((handler)there[0])(there + 1, frame, machine, r, fuel, f);                         \
    } while (0)
#define HANDLER(name) trap_text op_##name(HANDLER_PARAMETERS)
#define UNUSED ((void)pc, (void)frame, (void)machine, (void)r, (void)fuel, (void)f)

#define SLOT(n) frame_get(frame, pc[n])
#define PUT(n, value) frame_put(frame, pc[n], (value))
#define SLOT64(n) frame_get64(frame, pc[n])
#define PUT64(n, value) frame_put64(frame, pc[n], (value))
#define SLOT_F(n) f32_from(SLOT(n))
#define CONSTANT(n) ((uint32_t)pc[n])
#define CONSTANT64(n) (CONSTANT(n) | (uint64_t)CONSTANT((n) + 1) << 32)
#define CONSTANT_F(n) f32_from(CONSTANT(n))

/* ---- control ---------------------------------------------------------------------------------- */

#ifdef MACHINE_NO_FUEL /* only to measure what it costs: tests/kernels */
#define BUDGETED 0
#else
#define BUDGETED 1
#endif

/* Where there is none left, and a clock to be looked at. Apart, so that the others need save nothing; a
 * clone with fewer parameters could make no tail call. */
#if defined(__clang__)
#define APART __attribute__((noinline))
#else
#define APART __attribute__((noipa))
#endif

static APART trap_text refuel_and_go_on(HANDLER_PARAMETERS) {
    const trap_text trap = machine_refuel(machine);
    if (trap != NULL) {
        return trap;
    }
    fuel = machine->fuel;
    NEXT(0);
}

/* One unit of fuel for every call and every turn of a loop. */
#define BURN_AND_GO_ON_AT(target)                                                                       \
    do {                                                                                                \
        const cell *const there = (target);                                                             \
        if (BUDGETED && --fuel < 0) {                                                                   \
            TAIL return refuel_and_go_on(there, frame, machine, r, fuel, f);                            \
        }                                                                                               \
        TAIL return ((handler)there[0])(there + 1, frame, machine, r, fuel, f);                         \
    } while (0)

HANDLER(unreachable) {
    UNUSED;
    return m3Err_trapUnreachable;
}

HANDLER(out_of_bounds) {
    UNUSED;
    return m3Err_trapOutOfBoundsMemoryAccess;
}

HANDLER(leave_machine) {
    UNUSED;
    return NULL;
}

HANDLER(entry) {
    if ((size_t)((char *)machine->stack_end - (char *)frame) < pc[0]) {
        return m3Err_trapStackOverflow;
    }
    slot *at = frame_slot(frame, pc[1]);
    for (cell left = pc[2]; left > 0; left--) {
        *at++ = 0;
    }
    BURN_AND_GO_ON_AT(pc + 3);
}

static inline struct frame_link *link_at(slot *frame, cell at) {
    return (struct frame_link *)(void *)frame_slot(frame, at);
}

#define LEAVE                                                                                           \
    const struct frame_link *const link = link_at(frame, pc[0]);                                        \
    pc = link->pc;                                                                                      \
    frame = link->frame;                                                                                \
    NEXT(0)

HANDLER(leave) {
    LEAVE;
}

static inline void set_link(slot *frame, cell at, const cell *back) {
    struct frame_link *link = link_at(frame, at);
    link->pc = back;
    link->frame = frame;
}

HANDLER(call) {
    const cell *const code = *(const cell *const *)pc[0];
    set_link(frame, pc[2], pc + 3);
    frame = frame_slot(frame, pc[1]);
    GO_ON_AT(code);
}

#define CALL_INDIRECT(index, cells)                                                                     \
    const cell *const code =                                                                            \
        find_in_table(machine, (index), (const void *)pc[(cells)-3], &machine->trap);                   \
    if (code == NULL) {                                                                                 \
        return machine->trap;                                                                           \
    }                                                                                                   \
    set_link(frame, pc[(cells)-1], pc + (cells));                                                       \
    frame = frame_slot(frame, pc[(cells)-2]);                                                           \
    GO_ON_AT(code);

HANDLER(call_indirect_s){CALL_INDIRECT(SLOT(0), 4)}

HANDLER(call_indirect_r){CALL_INDIRECT(r, 3)}

/* The import's code is this operation alone: it runs in a frame of its own, and leaves it. */
HANDLER(host_call) {
    machine->fuel = fuel;
    const trap_text trap = machine_call_host(pc, frame, machine);
    if (trap != NULL) {
        return trap;
    }
    fuel = machine->fuel;
    LEAVE;
}

HANDLER(br) {
    GO_ON_AT((const cell *)pc[0]);
}

HANDLER(br_loop) {
    BURN_AND_GO_ON_AT((const cell *)pc[0]);
}

HANDLER(br_table_s) {
    const uint32_t index = SLOT(0), count = CONSTANT(1);
    GO_ON_AT((const cell *)pc[2 + (index < count ? index : count)]);
}

HANDLER(br_table_r) {
    const uint32_t count = CONSTANT(0);
    GO_ON_AT((const cell *)pc[1 + (r < count ? r : count)]);
}

/* ---- of any type ------------------------------------------------------------------------------ */

#define SLOW(cells)                                                                                     \
    machine->fuel = fuel;                                                                               \
    const trap_text trap = ((slow_operation)pc[0])(frame, pc + 1, machine);                             \
    if (trap != NULL) {                                                                                 \
        return trap;                                                                                    \
    }                                                                                                   \
    fuel = machine->fuel;                                                                               \
    NEXT(1 + (cells));

HANDLER(slow_1){SLOW(1)} HANDLER(slow_2){SLOW(2)} HANDLER(slow_3){SLOW(3)} HANDLER(slow_4){SLOW(4)}

HANDLER(copy) {
    PUT(1, SLOT(0));
    NEXT(2);
}

HANDLER(copy64) {
    PUT64(1, SLOT64(0));
    NEXT(2);
}

HANDLER(set) {
    PUT(1, CONSTANT(0));
    NEXT(2);
}

HANDLER(set64) {
    PUT64(2, CONSTANT64(0));
    NEXT(3);
}

HANDLER(set_r) {
    PUT(0, r);
    NEXT(1);
}

HANDLER(set_f) {
    PUT(0, f32_bits(f));
    NEXT(1);
}

HANDLER(move_fr) {
    f = f32_from(r);
    NEXT(0);
}

HANDLER(move_rf) {
    r = f32_bits(f);
    NEXT(0);
}

/* ---- one and two operands --------------------------------------------------------------------- */

/* `cells`: those of the operands. */
#define TO_R(name, cells, before, value)                                                                \
    HANDLER(name##_r) {                                                                                 \
        before;                                                                                         \
        r = (value);                                                                                    \
        NEXT(cells);                                                                                    \
    }
#define TO_F(name, cells, before, value)                                                                \
    HANDLER(name##_r) {                                                                                 \
        before;                                                                                         \
        f = (value);                                                                                    \
        NEXT(cells);                                                                                    \
    }
#define TO_SLOT(name, cells, before, value)                                                             \
    HANDLER(name##_s) {                                                                                 \
        before;                                                                                         \
        PUT(cells, value);                                                                              \
        NEXT((cells) + 1);                                                                              \
    }
#define TO_SLOT_F(name, cells, before, value)                                                           \
    HANDLER(name##_s) {                                                                                 \
        before;                                                                                         \
        PUT(cells, f32_bits(value));                                                                    \
        NEXT((cells) + 1);                                                                              \
    }

#define I32_UNARY_OF(name, cells, operand, value)                                                       \
    TO_R(name, cells, const uint32_t a = (operand), value)                                              \
    TO_SLOT(name, cells, const uint32_t a = (operand), value)
#define I32_UNARY(name, value)                                                                          \
    I32_UNARY_OF(i32_##name##_s, 1, SLOT(0), value) I32_UNARY_OF(i32_##name##_r, 0, r, value)

I32_UNARY(clz, a == 0 ? 32 : (uint32_t)__builtin_clz(a))
I32_UNARY(ctz, a == 0 ? 32 : (uint32_t)__builtin_ctz(a))
I32_UNARY(popcnt, (uint32_t)__builtin_popcount(a))
I32_UNARY(extend8_s, (uint32_t)(int8_t)a)
I32_UNARY(extend16_s, (uint32_t)(int16_t)a)

#define I32_BINARY_OF(name, cells, first, second, check, value)                                         \
    TO_R(name, cells, const uint32_t a = (first); const uint32_t b = (second); check, value)            \
    TO_SLOT(name, cells, const uint32_t a = (first); const uint32_t b = (second); check, value)
#define I32_BINARY4(name, check, value)                                                                 \
    I32_BINARY_OF(i32_##name##_ss, 2, SLOT(0), SLOT(1), check, value)                                   \
    I32_BINARY_OF(i32_##name##_sc, 2, SLOT(0), CONSTANT(1), check, value)                               \
    I32_BINARY_OF(i32_##name##_rs, 1, r, SLOT(0), check, value)                                         \
    I32_BINARY_OF(i32_##name##_rc, 1, r, CONSTANT(0), check, value)
#define I32_BINARY7(name, check, value)                                                                 \
    I32_BINARY4(name, check, value)                                                                     \
    I32_BINARY_OF(i32_##name##_cs, 2, CONSTANT(0), SLOT(1), check, value)                               \
    I32_BINARY_OF(i32_##name##_sr, 1, SLOT(0), r, check, value)                                         \
    I32_BINARY_OF(i32_##name##_cr, 1, CONSTANT(0), r, check, value)

#define NOTHING (void)0
#define NOT_BY_ZERO                                                                                     \
    if (b == 0) {                                                                                       \
        return m3Err_trapDivisionByZero;                                                                \
    }
#define NOT_OVER                                                                                        \
    NOT_BY_ZERO if (a == 0x80000000u && b == 0xffffffffu) {                                             \
        return m3Err_trapIntegerOverflow;                                                               \
    }

I32_BINARY4(add, NOTHING, a + b)
I32_BINARY7(sub, NOTHING, a - b)
I32_BINARY4(mul, NOTHING, a *b)
I32_BINARY7(div_s, NOT_OVER, (uint32_t)((int32_t)a / (int32_t)b))
I32_BINARY7(div_u, NOT_BY_ZERO, a / b)
I32_BINARY7(rem_s, NOT_BY_ZERO, b == 0xffffffffu ? 0 : (uint32_t)((int32_t)a % (int32_t)b))
I32_BINARY7(rem_u, NOT_BY_ZERO, a % b)
I32_BINARY4(and, NOTHING, a &b)
I32_BINARY4(or, NOTHING, a | b)
I32_BINARY4(xor, NOTHING, a ^ b)
I32_BINARY7(shl, NOTHING, a << (b & 31))
I32_BINARY7(shr_s, NOTHING, (uint32_t)((int32_t)a >> (b & 31)))
I32_BINARY7(shr_u, NOTHING, a >> (b & 31))
I32_BINARY7(rotl, NOTHING, a << (b & 31) | a >> (-b & 31))
I32_BINARY7(rotr, NOTHING, a >> (b & 31) | a << (-b & 31))

/* Results of a comparison, and branches on it. */
#define COMPARE_OF(name, cells, before, condition)                                                      \
    TO_R(name, cells, before, (condition) ? 1 : 0)                                                      \
    TO_SLOT(name, cells, before, (condition) ? 1 : 0)                                                   \
    HANDLER(name##_b) {                                                                                 \
        before;                                                                                         \
        if (condition) {                                                                                \
            GO_ON_AT((const cell *)pc[cells]);                                                          \
        }                                                                                               \
        NEXT((cells) + 1);                                                                              \
    }                                                                                                   \
    HANDLER(name##_l) {                                                                                 \
        before;                                                                                         \
        if (condition) {                                                                                \
            BURN_AND_GO_ON_AT((const cell *)pc[cells]);                                                 \
        }                                                                                               \
        NEXT((cells) + 1);                                                                              \
    }
#define COMPARE_MODES(type, name, get_slot, get_constant, in_register, condition)                       \
    COMPARE_OF(name##_ss, 2, const type a = get_slot(0); const type b = get_slot(1), condition)         \
    COMPARE_OF(name##_sc, 2, const type a = get_slot(0); const type b = get_constant(1), condition)     \
    COMPARE_OF(name##_rs, 1, const type a = in_register; const type b = get_slot(0), condition)         \
    COMPARE_OF(name##_rc, 1, const type a = in_register; const type b = get_constant(0), condition)
#define I32_COMPARE(name, condition) COMPARE_MODES(uint32_t, i32_##name, SLOT, CONSTANT, r, condition)
#define I32_COMPARE_S(name, condition)                                                                  \
    COMPARE_MODES(int32_t, i32_##name, (int32_t)SLOT, (int32_t)CONSTANT, (int32_t)r, condition)
#define F32_COMPARE(name, condition) COMPARE_MODES(float, f32_##name, SLOT_F, CONSTANT_F, f, condition)

I32_COMPARE(eq, a == b)
I32_COMPARE(ne, a != b)
I32_COMPARE_S(lt_s, a < b)
I32_COMPARE_S(ge_s, a >= b)
I32_COMPARE(lt_u, a < b)
I32_COMPARE(ge_u, a >= b)
I32_COMPARE_S(gt_s, a > b)
I32_COMPARE_S(le_s, a <= b)
I32_COMPARE(gt_u, a > b)
I32_COMPARE(le_u, a <= b)

F32_COMPARE(eq, a == b)
F32_COMPARE(ne, a != b)
F32_COMPARE(lt, a < b)
F32_COMPARE(nlt, !(a < b))
F32_COMPARE(gt, a > b)
F32_COMPARE(ngt, !(a > b))
F32_COMPARE(le, a <= b)
F32_COMPARE(nle, !(a <= b))
F32_COMPARE(ge, a >= b)
F32_COMPARE(nge, !(a >= b))

/* ---- f32 -------------------------------------------------------------------------------------- */

#define F32_BINARY_OF(name, cells, first, second, value)                                                \
    TO_F(name, cells, const float a = (first); const float b = (second), value)                         \
    TO_SLOT_F(name, cells, const float a = (first); const float b = (second), value)
#define F32_BINARY4(name, value)                                                                        \
    F32_BINARY_OF(f32_##name##_ss, 2, SLOT_F(0), SLOT_F(1), value)                                      \
    F32_BINARY_OF(f32_##name##_sc, 2, SLOT_F(0), CONSTANT_F(1), value)                                  \
    F32_BINARY_OF(f32_##name##_rs, 1, f, SLOT_F(0), value)                                              \
    F32_BINARY_OF(f32_##name##_rc, 1, f, CONSTANT_F(0), value)
#define F32_BINARY7(name, value)                                                                        \
    F32_BINARY4(name, value)                                                                            \
    F32_BINARY_OF(f32_##name##_cs, 2, CONSTANT_F(0), SLOT_F(1), value)                                  \
    F32_BINARY_OF(f32_##name##_sr, 1, SLOT_F(0), f, value)                                              \
    F32_BINARY_OF(f32_##name##_cr, 1, CONSTANT_F(0), f, value)

F32_BINARY4(add, a + b)
F32_BINARY7(sub, a - b)
F32_BINARY4(mul, a *b)
F32_BINARY7(div, a / b)

/* Of bits: no arithmetic touches the payload of a NaN. */
#define F32_BITWISE(name, value)                                                                        \
    TO_F(f32_##name##_s, 1, const uint32_t a = SLOT(0), f32_from(value))                                \
    TO_SLOT(f32_##name##_s, 1, const uint32_t a = SLOT(0), value)                                       \
    TO_F(f32_##name##_r, 0, const uint32_t a = f32_bits(f), f32_from(value))                            \
    TO_SLOT(f32_##name##_r, 0, const uint32_t a = f32_bits(f), value)

F32_BITWISE(abs, a & 0x7fffffffu)
F32_BITWISE(neg, a ^ 0x80000000u)

TO_F(f32_sqrt_s, 1, const float a = SLOT_F(0), machine_f32_sqrt(a))
TO_SLOT_F(f32_sqrt_s, 1, const float a = SLOT_F(0), machine_f32_sqrt(a))
TO_F(f32_sqrt_r, 0, const float a = f, machine_f32_sqrt(a))
TO_SLOT_F(f32_sqrt_r, 0, const float a = f, machine_f32_sqrt(a))

#define F32_CONVERT(name, type)                                                                         \
    TO_F(f32_##name##_s, 1, const type a = (type)SLOT(0), (float)a)                                     \
    TO_SLOT_F(f32_##name##_s, 1, const type a = (type)SLOT(0), (float)a)                                \
    TO_F(f32_##name##_r, 0, const type a = (type)r, (float)a)                                           \
    TO_SLOT_F(f32_##name##_r, 0, const type a = (type)r, (float)a)

F32_CONVERT(convert_i32_s, int32_t)
F32_CONVERT(convert_i32_u, uint32_t)

/* ---- select ----------------------------------------------------------------------------------- */

TO_R(select_s, 3, , SLOT(0) != 0 ? SLOT(1) : SLOT(2))
TO_SLOT(select_s, 3, , SLOT(0) != 0 ? SLOT(1) : SLOT(2))
TO_R(select_r, 2, , r != 0 ? SLOT(0) : SLOT(1))
TO_SLOT(select_r, 2, , r != 0 ? SLOT(0) : SLOT(1))

/* ---- memory ----------------------------------------------------------------------------------- */

#define ADDRESS(operand, n)                                                                             \
    const uint32_t address = (operand);                                                                 \
    if (address > CONSTANT((n) + 1)) {                                                                  \
        return m3Err_trapOutOfBoundsMemoryAccess;                                                       \
    }                                                                                                   \
    uint8_t *const at = (uint8_t *)pc[n] + address

#define LOAD(name, value)                                                                               \
    TO_R(i32_##name##_s, 3, ADDRESS(SLOT(0), 1), value)                                                 \
    TO_SLOT(i32_##name##_s, 3, ADDRESS(SLOT(0), 1), value)                                              \
    TO_R(i32_##name##_r, 2, ADDRESS(r, 0), value)                                                       \
    TO_SLOT(i32_##name##_r, 2, ADDRESS(r, 0), value)                                                    \
    TO_R(i32_##name##_ss, 4, ADDRESS(SLOT(0) + SLOT(1), 2), value)                                      \
    TO_SLOT(i32_##name##_ss, 4, ADDRESS(SLOT(0) + SLOT(1), 2), value)                                   \
    TO_R(i32_##name##_sc, 4, ADDRESS(SLOT(0) + CONSTANT(1), 2), value)                                  \
    TO_SLOT(i32_##name##_sc, 4, ADDRESS(SLOT(0) + CONSTANT(1), 2), value)                               \
    TO_R(abs_##name, 1, const uint8_t *const at = (const uint8_t *)pc[0], value)                        \
    TO_SLOT(abs_##name, 1, const uint8_t *const at = (const uint8_t *)pc[0], value)

LOAD(load, load_u32(at))
LOAD(load8_s, (uint32_t)(int8_t)*at)
LOAD(load8_u, *at)
LOAD(load16_s, (uint32_t)(int16_t)load_u16(at))
LOAD(load16_u, load_u16(at))

TO_F(f32_load_s, 3, ADDRESS(SLOT(0), 1), f32_from(load_u32(at)))
TO_SLOT(f32_load_s, 3, ADDRESS(SLOT(0), 1), load_u32(at))
TO_F(f32_load_r, 2, ADDRESS(r, 0), f32_from(load_u32(at)))
TO_SLOT(f32_load_r, 2, ADDRESS(r, 0), load_u32(at))
TO_F(f32_load_ss, 4, ADDRESS(SLOT(0) + SLOT(1), 2), f32_from(load_u32(at)))
TO_SLOT(f32_load_ss, 4, ADDRESS(SLOT(0) + SLOT(1), 2), load_u32(at))
TO_F(f32_load_sc, 4, ADDRESS(SLOT(0) + CONSTANT(1), 2), f32_from(load_u32(at)))
TO_SLOT(f32_load_sc, 4, ADDRESS(SLOT(0) + CONSTANT(1), 2), load_u32(at))
TO_F(abs_load_f, 1, const uint8_t *const at = (const uint8_t *)pc[0], f32_from(load_u32(at)))
TO_SLOT(abs_load_f, 1, const uint8_t *const at = (const uint8_t *)pc[0], load_u32(at))

/* In the code: the address if it is in a slot, the value if it is not in a register, base, bound. */
#define STORE_OF(name, cells, operand, value, store)                                                    \
    HANDLER(name) {                                                                                     \
        const uint32_t v = (value);                                                                     \
        ADDRESS(operand, (cells)-2);                                                                    \
        store(at, v);                                                                                   \
        NEXT(cells);                                                                                    \
    }
#define ABS_STORE_OF(name, cells, value, store)                                                         \
    HANDLER(name) {                                                                                     \
        const uint32_t v = (value);                                                                     \
        store((uint8_t *)pc[(cells)-1], v);                                                             \
        NEXT(cells);                                                                                    \
    }
#define STORE(name, store)                                                                              \
    STORE_OF(name##_ss, 4, SLOT(0), SLOT(1), store)                                                     \
    STORE_OF(name##_sc, 4, SLOT(0), CONSTANT(1), store)                                                 \
    STORE_OF(name##_sr, 3, SLOT(0), r, store)                                                           \
    STORE_OF(name##_rs, 3, r, SLOT(0), store)                                                           \
    STORE_OF(name##_rc, 3, r, CONSTANT(0), store)                                                       \
    ABS_STORE_OF(abs_##name##_s, 2, SLOT(0), store)                                                     \
    ABS_STORE_OF(abs_##name##_c, 2, CONSTANT(0), store)                                                 \
    ABS_STORE_OF(abs_##name##_r, 1, r, store)

#define STORE_BYTE(at, value) (*(uint8_t *)(at) = (uint8_t)(value))

STORE(store, store_u32)
STORE(store8, STORE_BYTE)
STORE(store16, store_u16)
STORE_OF(store_sf, 3, SLOT(0), f32_bits(f), store_u32)
STORE_OF(store_rf, 2, r, f32_bits(f), store_u32)
ABS_STORE_OF(abs_store_f, 1, f32_bits(f), store_u32)

static inline uint64_t load_u64(const uint8_t *at) {
    return load_u32(at) | (uint64_t)load_u32(at + 4) << 32;
}

static inline void store_u64(uint8_t *at, uint64_t value) {
    store_u32(at, (uint32_t)value);
    store_u32(at + 4, (uint32_t)(value >> 32));
}

HANDLER(load64_s) {
    ADDRESS(SLOT(0), 1);
    PUT64(3, load_u64(at));
    NEXT(4);
}

HANDLER(load64_r) {
    ADDRESS(r, 0);
    PUT64(2, load_u64(at));
    NEXT(3);
}

HANDLER(store64_ss) {
    ADDRESS(SLOT(0), 2);
    store_u64(at, SLOT64(1));
    NEXT(4);
}

HANDLER(store64_rs) {
    ADDRESS(r, 1);
    store_u64(at, SLOT64(0));
    NEXT(3);
}

HANDLER(abs_load64) {
    PUT64(1, load_u64((const uint8_t *)pc[0]));
    NEXT(2);
}

HANDLER(abs_store64) {
    store_u64((uint8_t *)pc[1], SLOT64(0));
    NEXT(2);
}

/* ---- 64 bits ---------------------------------------------------------------------------------- */

HANDLER(unary64) {
    PUT64(2, ((unary64_function)pc[0])(SLOT64(1)));
    NEXT(3);
}

HANDLER(binary64) {
    PUT64(3, ((binary64_function)pc[0])(SLOT64(1), SLOT64(2)));
    NEXT(4);
}

TO_R(compare64, 3, , ((compare64_function)pc[0])(SLOT64(1), SLOT64(2)))
TO_SLOT(compare64, 3, , ((compare64_function)pc[0])(SLOT64(1), SLOT64(2)))

#define I64_BINARY(name, operator)                                                                      \
    HANDLER(i64_##name##_ss) {                                                                          \
        PUT64(2, SLOT64(0) operator SLOT64(1));                                                         \
        NEXT(3);                                                                                        \
    }                                                                                                   \
    HANDLER(i64_##name##_sc) {                                                                          \
        PUT64(3, SLOT64(0) operator CONSTANT64(1));                                                     \
        NEXT(4);                                                                                        \
    }
#define I64_SHIFT(name, value)                                                                          \
    HANDLER(i64_##name##_sc) {                                                                          \
        const uint64_t a = SLOT64(0);                                                                   \
        const uint32_t count = CONSTANT(1);                                                             \
        PUT64(2, value);                                                                                \
        NEXT(3);                                                                                        \
    }

I64_BINARY(add, +)
I64_BINARY(sub, -)
I64_BINARY(and, &)
I64_BINARY(or, |)
I64_BINARY(xor, ^)
I64_BINARY(mul, *)

I64_SHIFT(shl, a << count)
I64_SHIFT(shr_s, (uint64_t)((int64_t)a >> count))
I64_SHIFT(shr_u, a >> count)

HANDLER(i64_extend_s) {
    PUT64(1, (uint64_t)(int64_t)(int32_t)SLOT(0));
    NEXT(2);
}

HANDLER(i64_extend_r) {
    PUT64(0, (uint64_t)(int64_t)(int32_t)r);
    NEXT(1);
}

/* ---- the way in ------------------------------------------------------------------------------- */

trap_text machine_enter(const cell *pc, slot *frame, struct machine *machine) {
    return ((handler)pc[0])(pc + 1, frame, machine, 0, machine->fuel, 0);
}
