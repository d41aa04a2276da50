/* The operations in Thumb-2, for Cortex-M3 and for Cortex-M4F with its single-precision FPU. portable.c
 * says in C what each of them does.
 *
 * While the machine runs, these registers are its state:
 *
 *     r4  code       the cell that follows what has been fetched
 *     r5  frame      operands in slots are [frame, distance in bytes]
 *     r6  value      the integer register
 *     r7  fuel       below zero: look at the clock
 *     r9  stack_end  machine->stack_end
 *     r11 machine
 *     s16 float      the float register; r8, if there is no FPU
 *
 * r0-r3, r10, r12, lr and s0-s3 are free in every handler; r10 survives C calls, as the state does.
 *
 * A handler fetches its operands and the address of the next one with a single LDM: `fetch 2` puts two
 * operands into r0 and r1 and the address into r2; `go_on 2` jumps there. The address takes the
 * register behind the last operand: r0-r3, r12, lr. Handlers that call C, or go on elsewhere, fetch with
 * `take 2`, which leaves the address alone, and end in `jump`.
 *
 * To add an operation: its name in operations.h, its meaning in portable.c, and here
 *
 *     .macro minimum d, a, b
 *         cmp \a, \b
 *         ite lt
 *         movlt \d, \a
 *         movge \d, \b
 *     .endm
 *     i32_binary4 i32_min, minimum
 *
 * or, when one instruction does it, the last line alone: i32_binary4 i32_add, adds. What is between the
 * operands and the result may use r12 and lr, and must not write to a and b unless d is the same. */
#if !defined(__ARM_ARCH_7M__) && !defined(__ARM_ARCH_7EM__)
#error "thumb2.S is for Armv7-M; other cores take portable.c"
#endif

    .syntax unified
    .thumb
    .section .text.machine_handlers, "ax", %progbits

code      .req r4
frame     .req r5
value     .req r6
fuel      .req r7
stack_end .req r9
machine   .req r11
#ifdef __ARM_FP
float     .req s16
#else
float     .req r8
#endif

    .equ MACHINE_STACK_END, 0 @ struct machine
    .equ MACHINE_FUEL, 4

/* ---- from one handler to the next ---------------------------------------------------------------- */

.macro operation name
    .balign 2
    .global op_\name
    .thumb_func
    .type op_\name, %function
op_\name:
.endm

.macro fetch operands
    .if (\operands) == 1
    ldmia code!, {r0, r1}
    .elseif (\operands) == 2
    ldmia code!, {r0, r1, r2}
    .elseif (\operands) == 3
    ldmia code!, {r0, r1, r2, r3}
    .elseif (\operands) == 4
    ldmia code!, {r0, r1, r2, r3, r12}
    .elseif (\operands) == 5
    ldmia code!, {r0, r1, r2, r3, r12, lr}
    .endif
.endm

.macro go_on operands
    .if (\operands) == 0
    jump
    .elseif (\operands) == 1
    bx r1
    .elseif (\operands) == 2
    bx r2
    .elseif (\operands) == 3
    bx r3
    .elseif (\operands) == 4
    bx r12
    .elseif (\operands) == 5
    bx lr
    .endif
.endm

.macro take operands
    .if (\operands) == 1
    ldr r0, [code], #4
    .elseif (\operands) == 2
    ldmia code!, {r0, r1}
    .elseif (\operands) == 3
    ldmia code!, {r0, r1, r2}
    .elseif (\operands) == 4
    ldmia code!, {r0, r1, r2, r3}
    .endif
.endm

.macro jump
    ldr pc, [code], #4
.endm

@ One unit of fuel for every call and every turn of a loop.
.macro burn_and_jump
#ifndef MACHINE_NO_FUEL /* only to measure what it costs: tests/kernels */
    subs fuel, #1
    bmi refuel
#endif
    jump
.endm

@ These registers hold distances of slots: now what is in the slots.
.macro slots registers:vararg
    .irp at, \registers
    .ifnb \at
    ldr \at, [frame, \at]
    .endif
    .endr
.endm

@ Calls C, which may look at the fuel or change it, and ends the run when it returns a trap.
.macro call_with_fuel function:vararg
    str fuel, [machine, #MACHINE_FUEL]
    \function
    cmp r0, #0
    bne leave_run
    ldr fuel, [machine, #MACHINE_FUEL]
.endm

/* ---- in and out ---------------------------------------------------------------------------------- */

@ trap_text machine_enter(const cell *pc, slot *frame, struct machine *machine): the state goes where C
@ keeps what survives calls. Two words on the stack are for machine_table_call.
    .global machine_enter
    .thumb_func
    .type machine_enter, %function
machine_enter:
#ifdef __ARM_FP
    push {r4-r11, lr}
    vpush {s16}
    sub sp, #8
    vmov float, r3 @ any number
#else
    push {r3-r11, lr}
    sub sp, #8
#endif
    mov code, r0
    mov frame, r1
    mov machine, r2
    ldr stack_end, [machine, #MACHINE_STACK_END]
    ldr fuel, [machine, #MACHINE_FUEL]
    jump

operation leave_machine
    movs r0, #0
@ Ends the run with the trap in r0.
leave_run:
    add sp, #8
#ifdef __ARM_FP
    vpop {s16}
    pop {r4-r11, pc}
#else
    pop {r3-r11, pc}
#endif

@ Ends the run with one of wasm3's sentences.
.macro trap label, sentence
\label:
    movw r0, #:lower16:\sentence
    movt r0, #:upper16:\sentence
    ldr r0, [r0]
    b leave_run
.endm

    trap divided_by_zero, m3Err_trapDivisionByZero
    trap overflow, m3Err_trapIntegerOverflow
    trap stack_overflow, m3Err_trapStackOverflow
operation unreachable
    trap reached, m3Err_trapUnreachable

refuel:
    mov r0, machine
    bl machine_refuel
    cmp r0, #0
    bne leave_run
    ldr fuel, [machine, #MACHINE_FUEL]
    jump

/* ---- control ------------------------------------------------------------------------------------- */

operation entry
    take 3
    sub r3, stack_end, frame
    cmp r3, r0
    blo stack_overflow
    cbz r2, 2f
    adds r1, frame
    movs r0, #0
    movs r3, #0
    lsrs r2, #1 @ carry: an odd one
    it cs
    strcs r0, [r1], #4
    beq 2f
1:  stmia r1!, {r0, r3}
    subs r2, #1
    bne 1b
2:  burn_and_jump

operation leave
    ldr r0, [code]
back_to_caller:
    add r0, frame
    ldm r0, {code, frame} @ struct frame_link
    jump

operation call
    take 3
    add r2, frame
    stmia r2!, {code, frame}
    add frame, r1
    ldr code, [r0]
    jump

@ r0 is the index, then type, frame, link; what a return goes back to is behind them.
call_indirect:
    add r2, frame
    add r3, frame
    stmia r3!, {code, frame}
    mov r10, r2
    mov r2, machine
    mov r3, sp @ why not
    bl machine_table_call
    cbz r0, 1f
    mov code, r0
    mov frame, r10
    jump
1:  ldr r0, [sp]
    b leave_run

operation call_indirect_s
    take 4
    slots r0
    b call_indirect

operation call_indirect_r
    take 3
    mov r3, r2
    mov r2, r1
    mov r1, r0
    mov r0, value
    b call_indirect

operation host_call
    mov r0, code
    mov r1, frame
    mov r2, machine
    call_with_fuel bl machine_call_host
    ldr r0, [code]
    b back_to_caller

operation br
    ldr code, [code]
    jump

operation br_loop
    ldr code, [code]
    burn_and_jump

operation br_table_s
    take 2
    slots r0
    cmp r0, r1
    it hs
    movhs r0, r1
    ldr code, [code, r0, lsl #2]
    jump

operation br_table_r
    take 1
    cmp value, r0
    it lo
    movlo r0, value
    ldr code, [code, r0, lsl #2]
    jump

/* ---- of any type --------------------------------------------------------------------------------- */

.macro slow cells
operation slow_\cells
    ldr r3, [code], #4
    mov r0, frame
    mov r1, code
    mov r2, machine
    add code, #4 * \cells
    call_with_fuel blx r3
    jump
.endm

    slow 1
    slow 2
    slow 3
    slow 4

operation copy
    fetch 2
    slots r0
    str r0, [frame, r1]
    go_on 2

operation copy64
    fetch 2
    add r0, frame
    add r1, frame
    ldm r0, {r0, r3}
    strd r0, r3, [r1]
    go_on 2

operation set
    fetch 2
    str r0, [frame, r1]
    go_on 2

operation set64
    fetch 3
    add r2, frame
    stmia r2!, {r0, r1}
    go_on 3

operation set_r
    fetch 1
    str value, [frame, r0]
    go_on 1

operation set_f
    fetch 1
#ifdef __ARM_FP
    add r0, frame
    vstr float, [r0]
#else
    str float, [frame, r0]
#endif
    go_on 1

.macro move to, from
#ifdef __ARM_FP
    vmov \to, \from
#else
    mov \to, \from
#endif
.endm

operation move_fr
    move float, value
    jump

operation move_rf
    move value, float
    jump

operation select_s_r
    fetch 3
    slots r0
    cbnz r0, 1f
    mov r1, r2
1:  ldr value, [frame, r1]
    go_on 3

operation select_s_s
    fetch 4
    slots r0
    cbnz r0, 1f
    mov r1, r2
1:  slots r1
    str r1, [frame, r3]
    go_on 4

operation select_r_r
    fetch 2
    cbnz value, 1f
    mov r0, r1
1:  ldr value, [frame, r0]
    go_on 2

operation select_r_s
    fetch 3
    cbnz value, 1f
    mov r0, r1
1:  slots r0
    str r0, [frame, r2]
    go_on 3

/* ---- i32 ----------------------------------------------------------------------------------------- */

@ do d, a, b: an instruction or a macro. cells: of the operands, in r0 and r1; in: those of them in
@ slots. Behind them, in register r<cells>, is the slot of the result, or where a branch goes.
.macro i32_binary name, do, cells, a, b, in:vararg
operation \name\()_r
    fetch \cells
    slots \in
    \do value, \a, \b
    go_on \cells
operation \name\()_s
    fetch \cells+1
    slots \in
    \do r0, \a, \b
    str r0, [frame, r\cells]
    go_on \cells+1
.endm

.macro i32_binary4 name, do
    i32_binary \name\()_ss, \do, 2, r0, r1, r0, r1
    i32_binary \name\()_sc, \do, 2, r0, r1, r0
    i32_binary \name\()_rs, \do, 1, value, r0, r0
    i32_binary \name\()_rc, \do, 1, value, r0
.endm

.macro i32_binary7 name, do
    i32_binary4 \name, \do
    i32_binary \name\()_cs, \do, 2, r0, r1, r1
    i32_binary \name\()_sr, \do, 1, r0, value, r0
    i32_binary \name\()_cr, \do, 1, r0, value
.endm

.macro shift_left d, a, b
    and r12, \b, #31
    lsl \d, \a, r12
.endm

.macro shift_right_signed d, a, b
    and r12, \b, #31
    asr \d, \a, r12
.endm

.macro shift_right d, a, b
    and r12, \b, #31
    lsr \d, \a, r12
.endm

.macro rotate_left d, a, b
    rsb r12, \b, #0
    ror \d, \a, r12
.endm

.macro not_by_zero b
    cbnz \b, 1f
    b divided_by_zero
1:
.endm

.macro divide d, a, b
    not_by_zero \b
    udiv \d, \a, \b
.endm

.macro divide_signed d, a, b
    not_by_zero \b
    cmn \b, #1
    bne 1f
    cmp \a, #0x80000000
    beq overflow
1:  sdiv \d, \a, \b
.endm

.macro remainder d, a, b
    not_by_zero \b
    udiv r12, \a, \b
    mls \d, r12, \b, \a
.endm

@ 0x80000000 by -1: the quotient wraps around, and nothing remains.
.macro remainder_signed d, a, b
    not_by_zero \b
    sdiv r12, \a, \b
    mls \d, r12, \b, \a
.endm

    i32_binary4 i32_add, adds
    i32_binary7 i32_sub, subs
    i32_binary4 i32_mul, mul
    i32_binary4 i32_and, ands
    i32_binary4 i32_or, orrs
    i32_binary4 i32_xor, eors
    i32_binary7 i32_shl, shift_left
    i32_binary7 i32_shr_s, shift_right_signed
    i32_binary7 i32_shr_u, shift_right
    i32_binary7 i32_rotl, rotate_left
    i32_binary7 i32_rotr, rors
    i32_binary7 i32_div_s, divide_signed
    i32_binary7 i32_div_u, divide
    i32_binary7 i32_rem_s, remainder_signed
    i32_binary7 i32_rem_u, remainder

.macro i32_unary name, do
operation \name\()_s_r
    fetch 1
    slots r0
    \do value, r0
    go_on 1
operation \name\()_s_s
    fetch 2
    slots r0
    \do r0, r0
    str r0, [frame, r1]
    go_on 2
operation \name\()_r_r
    \do value, value
    jump
operation \name\()_r_s
    fetch 1
    \do r12, value
    str r12, [frame, r0]
    go_on 1
.endm

.macro trailing_zeros d, a
    rbit \d, \a
    clz \d, \d
.endm

@ Sums of neighbouring bits, then of pairs, and so on.
.macro count_ones d, a
    lsr r12, \a, #1
    and r12, #0x55555555
    sub r12, \a, r12
    and lr, r12, #0x33333333
    lsr r12, #2
    and r12, #0x33333333
    add r12, lr
    add r12, r12, r12, lsr #4
    and r12, #0x0f0f0f0f
    add r12, r12, r12, lsl #8
    add r12, r12, r12, lsl #16
    lsr \d, r12, #24
.endm

    i32_unary i32_clz, clz
    i32_unary i32_ctz, trailing_zeros
    i32_unary i32_popcnt, count_ones
    i32_unary i32_extend8_s, sxtb
    i32_unary i32_extend16_s, sxth

/* ---- comparisons --------------------------------------------------------------------------------- */

@ prepare, test: set the flags; yes: the condition if so, no: if not. The rest is as with i32_binary.
.macro compare name, prepare, test, cells, a, b, yes, no, in:vararg
operation \name\()_r
    fetch \cells
    slots \in
    \prepare
    \test \a, \b
    ite \yes
    mov\yes value, #1
    mov\no value, #0
    go_on \cells
operation \name\()_s
    fetch \cells+1
    slots \in
    \prepare
    \test \a, \b
    ite \yes
    mov\yes r0, #1
    mov\no r0, #0
    str r0, [frame, r\cells]
    go_on \cells+1
operation \name\()_b
    fetch \cells+1
    slots \in
    \prepare
    \test \a, \b
    b\no 1f
    mov code, r\cells
    jump
1:  go_on \cells+1
operation \name\()_l
    fetch \cells+1
    slots \in
    \prepare
    \test \a, \b
    b\no 1f
    mov code, r\cells
    burn_and_jump
1:  go_on \cells+1
.endm

.macro i32_compare name, yes, no
    compare \name\()_ss, , cmp, 2, r0, r1, \yes, \no, r0, r1
    compare \name\()_sc, , cmp, 2, r0, r1, \yes, \no, r0
    compare \name\()_rs, , cmp, 1, value, r0, \yes, \no, r0
    compare \name\()_rc, , cmp, 1, value, r0, \yes, \no
.endm

    i32_compare i32_eq, eq, ne
    i32_compare i32_ne, ne, eq
    i32_compare i32_lt_s, lt, ge
    i32_compare i32_ge_s, ge, lt
    i32_compare i32_lt_u, lo, hs
    i32_compare i32_ge_u, hs, lo
    i32_compare i32_gt_s, gt, le
    i32_compare i32_le_s, le, gt
    i32_compare i32_gt_u, hi, ls
    i32_compare i32_le_u, ls, hi

/* ---- f32 with an FPU ----------------------------------------------------------------------------- */

@ Operands come to s0 and s1 with `prepare`; the float register is one of its own.
#ifdef __ARM_FP

.macro f32_binary name, do, prepare, cells, a, b, in:vararg
operation \name\()_r
    fetch \cells
    slots \in
    \prepare
    \do float, \a, \b
    go_on \cells
operation \name\()_s
    fetch \cells+1
    slots \in
    \prepare
    \do s0, \a, \b
    vmov r0, s0
    str r0, [frame, r\cells]
    go_on \cells+1
.endm

.macro f32_binary4 name, do
    f32_binary \name\()_ss, \do, "vmov s0, s1, r0, r1", 2, s0, s1, r0, r1
    f32_binary \name\()_sc, \do, "vmov s0, s1, r0, r1", 2, s0, s1, r0
    f32_binary \name\()_rs, \do, "vmov s1, r0", 1, float, s1, r0
    f32_binary \name\()_rc, \do, "vmov s1, r0", 1, float, s1
.endm

.macro f32_binary7 name, do
    f32_binary4 \name, \do
    f32_binary \name\()_cs, \do, "vmov s0, s1, r0, r1", 2, s0, s1, r1
    f32_binary \name\()_sr, \do, "vmov s0, r0", 1, s0, float, r0
    f32_binary \name\()_cr, \do, "vmov s0, r0", 1, s0, float
.endm

    f32_binary4 f32_add, vadd.f32
    f32_binary7 f32_sub, vsub.f32
    f32_binary4 f32_mul, vmul.f32
    f32_binary7 f32_div, vdiv.f32

@ prepare, a: how an operand in a register gets where.
.macro f32_unary name, do, a, prepare
operation \name\()_s_r
    fetch 1
    slots r0
    vmov s0, r0
    \do float, s0
    go_on 1
operation \name\()_s_s
    fetch 2
    slots r0
    vmov s0, r0
    \do s0, s0
    vmov r0, s0
    str r0, [frame, r1]
    go_on 2
operation \name\()_r_r
    \prepare
    \do float, \a
    jump
operation \name\()_r_s
    fetch 1
    \prepare
    \do s0, \a
    vmov r12, s0
    str r12, [frame, r0]
    go_on 1
.endm

    f32_unary f32_abs, vabs.f32, float
    f32_unary f32_neg, vneg.f32, float
    f32_unary f32_sqrt, vsqrt.f32, float
    f32_unary f32_convert_i32_s, vcvt.f32.s32, s0, "vmov s0, value"
    f32_unary f32_convert_i32_u, vcvt.f32.u32, s0, "vmov s0, value"

.macro f32_test a, b
    vcmp.f32 \a, \b
    vmrs APSR_nzcv, fpscr
.endm

.macro f32_compare name, yes, no
    compare \name\()_ss, "vmov s0, s1, r0, r1", f32_test, 2, s0, s1, \yes, \no, r0, r1
    compare \name\()_sc, "vmov s0, s1, r0, r1", f32_test, 2, s0, s1, \yes, \no, r0
    compare \name\()_rs, "vmov s1, r0", f32_test, 1, float, s1, \yes, \no, r0
    compare \name\()_rc, "vmov s1, r0", f32_test, 1, float, s1, \yes, \no
.endm

@ Of two that are not ordered, eq, mi, gt, ls and ge are not true.
    f32_compare f32_eq, eq, ne
    f32_compare f32_ne, ne, eq
    f32_compare f32_lt, mi, pl
    f32_compare f32_nlt, pl, mi
    f32_compare f32_gt, gt, le
    f32_compare f32_ngt, le, gt
    f32_compare f32_le, ls, hi
    f32_compare f32_nle, hi, ls
    f32_compare f32_ge, ge, lt
    f32_compare f32_nge, lt, ge

/* ---- f32 without: functions of the compiler's library -------------------------------------------- */

@ Operands go to r0 and r1 with `prepare`. Names and registers are those of the Run-time ABI for the Arm
@ Architecture, section 5.1.2.
#else

.macro f32_binary name, do, prepare, cells, in:vararg
operation \name\()_r
    take \cells
    slots \in
    \prepare
    bl \do
    mov float, r0
    jump
operation \name\()_s
    take \cells+1
    slots \in
    mov r10, r\cells
    \prepare
    bl \do
    str r0, [frame, r10]
    jump
.endm

.macro register_first
    mov r1, r0
    mov r0, float
.endm

.macro f32_binary4 name, do
    f32_binary \name\()_ss, \do, , 2, r0, r1
    f32_binary \name\()_sc, \do, , 2, r0
    f32_binary \name\()_rs, \do, register_first, 1, r0
    f32_binary \name\()_rc, \do, register_first, 1
.endm

.macro f32_binary7 name, do
    f32_binary4 \name, \do
    f32_binary \name\()_cs, \do, , 2, r1
    f32_binary \name\()_sr, \do, "mov r1, float", 1, r0
    f32_binary \name\()_cr, \do, "mov r1, float", 1
.endm

    f32_binary4 f32_add, __aeabi_fadd
    f32_binary7 f32_sub, __aeabi_fsub
    f32_binary4 f32_mul, __aeabi_fmul
    f32_binary7 f32_div, __aeabi_fdiv

@ do: from r0 to r0; a: the register that an operand may be in.
.macro f32_unary name, do, a
operation \name\()_s_r
    take 1
    slots r0
    \do
    mov float, r0
    jump
operation \name\()_s_s
    take 2
    slots r0
    mov r10, r1
    \do
    str r0, [frame, r10]
    jump
operation \name\()_r_r
    mov r0, \a
    \do
    mov float, r0
    jump
operation \name\()_r_s
    take 1
    mov r10, r0
    mov r0, \a
    \do
    str r0, [frame, r10]
    jump
.endm

    f32_unary f32_abs, "bic r0, #0x80000000", float
    f32_unary f32_neg, "eor r0, #0x80000000", float
    f32_unary f32_sqrt, "bl machine_f32_sqrt", float
    f32_unary f32_convert_i32_s, "bl __aeabi_i2f", value
    f32_unary f32_convert_i32_u, "bl __aeabi_ui2f", value

.macro f32_compare_mode name, test, yes, no, prepare, cells, in:vararg
operation \name\()_r
    take \cells
    slots \in
    \prepare
    bl \test
    ite \yes
    mov\yes value, #1
    mov\no value, #0
    jump
operation \name\()_s
    take \cells+1
    slots \in
    mov r10, r\cells
    \prepare
    bl \test
    ite \yes
    mov\yes r0, #1
    mov\no r0, #0
    str r0, [frame, r10]
    jump
operation \name\()_b
    take \cells+1
    slots \in
    mov r10, r\cells
    \prepare
    bl \test
    it \yes
    mov\yes code, r10
    jump
operation \name\()_l
    take \cells+1
    slots \in
    mov r10, r\cells
    \prepare
    bl \test
    b\no 1f
    mov code, r10
    burn_and_jump
1:  jump
.endm

.macro f32_compare name, test, yes, no
    f32_compare_mode \name\()_ss, \test, \yes, \no, , 2, r0, r1
    f32_compare_mode \name\()_sc, \test, \yes, \no, , 2, r0
    f32_compare_mode \name\()_rs, \test, \yes, \no, register_first, 1, r0
    f32_compare_mode \name\()_rc, \test, \yes, \no, register_first, 1
.endm

@ C is clear if the first (cfrcmple: the second) is less; Z is set if they are equal.
    f32_compare f32_eq, __aeabi_cfcmpeq, eq, ne
    f32_compare f32_ne, __aeabi_cfcmpeq, ne, eq
    f32_compare f32_lt, __aeabi_cfcmple, lo, hs
    f32_compare f32_nlt, __aeabi_cfcmple, hs, lo
    f32_compare f32_gt, __aeabi_cfrcmple, lo, hs
    f32_compare f32_ngt, __aeabi_cfrcmple, hs, lo
    f32_compare f32_le, __aeabi_cfcmple, ls, hi
    f32_compare f32_nle, __aeabi_cfcmple, hi, ls
    f32_compare f32_ge, __aeabi_cfrcmple, ls, hi
    f32_compare f32_nge, __aeabi_cfrcmple, hi, ls

#endif

/* ---- memory -------------------------------------------------------------------------------------- */

@ Addresses need no alignment: LDR, LDRH, STR and STRH take any, LDM, STM, LDRD and VLDR do not.
.macro in_bounds address, bound
    cmp \address, \bound
    bhi out_of_bounds
.endm

@ The address is a sum; `slot` names the register whose operand is in a slot beside the first.
.macro load_sum name, mode, do, slot
operation i32_\name\()_\mode\()_r
    fetch 4
    slots r0, \slot
    add r0, r1
    in_bounds r0, r3
    \do value, [r0, r2]
    go_on 4
operation i32_\name\()_\mode\()_s
    fetch 5
    slots r0, \slot
    add r0, r1
    in_bounds r0, r3
    \do r0, [r0, r2]
    str r0, [frame, r12]
    go_on 5
.endm

.macro load name, do
operation i32_\name\()_s_r
    fetch 3
    slots r0
    in_bounds r0, r2
    \do value, [r0, r1]
    go_on 3
operation i32_\name\()_s_s
    fetch 4
    slots r0
    in_bounds r0, r2
    \do r0, [r0, r1]
    str r0, [frame, r3]
    go_on 4
operation i32_\name\()_r_r
    fetch 2
    in_bounds value, r1
    \do value, [value, r0]
    go_on 2
operation i32_\name\()_r_s
    fetch 3
    in_bounds value, r1
    \do r0, [value, r0]
    str r0, [frame, r2]
    go_on 3
    load_sum \name, ss, \do, r1
    load_sum \name, sc, \do
operation abs_\name\()_r
    fetch 1
    \do value, [r0]
    go_on 1
operation abs_\name\()_s
    fetch 2
    \do r0, [r0]
    str r0, [frame, r1]
    go_on 2
.endm

    load load, ldr
    load load8_s, ldrsb
    load load8_u, ldrb
    load load16_s, ldrsh

operation out_of_bounds
    trap out_of_bounds, m3Err_trapOutOfBoundsMemoryAccess

    load load16_u, ldrh

operation f32_load_s_r
    fetch 3
    slots r0
    in_bounds r0, r2
    ldr r0, [r0, r1]
    move float, r0
    go_on 3
operation f32_load_s_s
    b op_i32_load_s_s
operation f32_load_r_r
    fetch 2
    in_bounds value, r1
    ldr r0, [value, r0]
    move float, r0
    go_on 2
operation f32_load_r_s
    b op_i32_load_r_s
operation f32_load_ss_r
    fetch 4
    slots r0, r1
    add r0, r1
    in_bounds r0, r3
    ldr r0, [r0, r2]
    move float, r0
    go_on 4
operation f32_load_ss_s
    b op_i32_load_ss_s
operation f32_load_sc_r
    fetch 4
    slots r0
    add r0, r1
    in_bounds r0, r3
    ldr r0, [r0, r2]
    move float, r0
    go_on 4
operation f32_load_sc_s
    b op_i32_load_sc_s
operation abs_load_f_r
    fetch 1
    ldr r0, [r0]
    move float, r0
    go_on 1
operation abs_load_f_s
    b op_abs_load_s

.macro store name, do
operation \name\()_ss
    fetch 4
    slots r0
    in_bounds r0, r3
    slots r1
    \do r1, [r0, r2]
    go_on 4
operation \name\()_sc
    fetch 4
    slots r0
    in_bounds r0, r3
    \do r1, [r0, r2]
    go_on 4
operation \name\()_sr
    fetch 3
    slots r0
    in_bounds r0, r2
    \do value, [r0, r1]
    go_on 3
operation \name\()_rs
    fetch 3
    in_bounds value, r2
    slots r0
    \do r0, [value, r1]
    go_on 3
operation \name\()_rc
    fetch 3
    in_bounds value, r2
    \do r0, [value, r1]
    go_on 3
operation abs_\name\()_s
    fetch 2
    slots r0
    \do r0, [r1]
    go_on 2
operation abs_\name\()_c
    fetch 2
    \do r0, [r1]
    go_on 2
operation abs_\name\()_r
    fetch 1
    \do value, [r0]
    go_on 1
.endm

    store store, str
    store store8, strb
    store store16, strh

.macro store_float at:vararg
#ifdef __ARM_FP
    vmov lr, float
    str lr, \at
#else
    str float, \at
#endif
.endm

operation store_sf
    fetch 3
    slots r0
    in_bounds r0, r2
    store_float [r0, r1]
    go_on 3

operation store_rf
    fetch 2
    in_bounds value, r1
    store_float [value, r0]
    go_on 2

operation abs_store_f
    fetch 1
    store_float [r0]
    go_on 1

/* ---- 64 bits ------------------------------------------------------------------------------------- */

@ r0: address in memory; r3: distance of the result's slot.
load64:
    ldr r1, [r0, #4]
    ldr r0, [r0]
    add r3, frame
    stmia r3!, {r0, r1}
    jump

operation load64_s
    take 4
    slots r0
    in_bounds r0, r2
    add r0, r1
    b load64

operation load64_r
    take 3
    in_bounds value, r1
    add r0, value
    mov r3, r2
    b load64

operation abs_load64
    take 2
    mov r3, r1
    b load64

@ r0: address in memory; r1: distance of the value's slot.
store64:
    add r1, frame
    ldm r1, {r2, r3}
    str r2, [r0]
    str r3, [r0, #4]
    jump

operation store64_ss
    take 4
    slots r0
    in_bounds r0, r3
    add r0, r2
    b store64

operation store64_rs
    take 3
    in_bounds value, r2
    mov r3, r0
    add r0, value, r1
    mov r1, r3
    b store64

operation abs_store64
    take 2
    mov r3, r0
    mov r0, r1
    mov r1, r3
    b store64

@ Functions take and return 64-bit integers in r0 and r1, r2 and r3, whatever the ABI does with floats.
operation unary64
    take 3
    mov r12, r0
    add r10, frame, r2
    add r1, frame
    ldm r1, {r0, r1}
    blx r12
    strd r0, r1, [r10]
    jump

@ r1, r2: distances of the operands' slots.
.macro two64
    add r0, frame, r1
    add r2, frame
    ldm r0, {r0, r1}
    ldm r2, {r2, r3}
.endm

operation binary64
    take 4
    mov r12, r0
    add r10, frame, r3
    two64
    blx r12
    strd r0, r1, [r10]
    jump

operation compare64_r
    take 3
    mov r12, r0
    two64
    blx r12
    mov value, r0
    jump

operation compare64_s
    take 4
    mov r12, r0
    mov r10, r3
    two64
    blx r12
    str r0, [frame, r10]
    jump

@ do: r0 and r1 with r2 and r3, to r0 and r1.
.macro i64_binary name, do
operation \name\()_ss
    take 3
    add r10, frame, r2
    add r2, frame, r1
    add r0, frame
    ldm r0, {r0, r1}
    ldm r2, {r2, r3}
    \do
    strd r0, r1, [r10]
    jump
operation \name\()_sc
    take 4
    add r10, frame, r3
    mov r3, r2
    mov r2, r1
    add r0, frame
    ldm r0, {r0, r1}
    \do
    strd r0, r1, [r10]
    jump
.endm

.macro i64_each low, high
    \low r0, r2
    \high r1, r3
.endm

.macro i64_multiply
    mul r1, r2
    mla r1, r0, r3, r1
    umull r0, r12, r0, r2
    add r1, r12
.endm

    i64_binary i64_add, "i64_each adds, adc"
    i64_binary i64_sub, "i64_each subs, sbc"
    i64_binary i64_and, "i64_each ands, ands"
    i64_binary i64_or, "i64_each orrs, orrs"
    i64_binary i64_xor, "i64_each eors, eors"
    i64_binary i64_mul, i64_multiply

@ function: of the run-time ABI, r0 and r1 shifted by r2.
.macro i64_shift name, function
operation \name\()_sc
    take 3
    add r10, frame, r2
    mov r2, r1
    add r0, frame
    ldm r0, {r0, r1}
    bl \function
    strd r0, r1, [r10]
    jump
.endm

    i64_shift i64_shl, __aeabi_llsl
    i64_shift i64_shr_s, __aeabi_lasr
    i64_shift i64_shr_u, __aeabi_llsr

operation i64_extend_s
    fetch 2
    slots r0
    asrs r3, r0, #31
    add r1, frame
    strd r0, r3, [r1]
    go_on 2

operation i64_extend_r
    fetch 1
    asrs r2, value, #31
    add r0, frame
    strd value, r2, [r0]
    go_on 1
