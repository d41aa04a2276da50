/* trap_text enter_checked(pc, frame, machine, enter): calls enter(pc, frame, machine) with marked
 * registers, and counts in registers_changed those that the ABI says are kept and were not. */
    .syntax unified
    .thumb
    .text

.macro each_kept do
    .irp n, 4, 5, 6, 7, 8, 9, 10, 11
    \do \n, r\n
    .endr
.endm

.macro mark n, register
    movw \register, #0x1000 + \n
.endm

.macro check n, register
    movw r2, #0x1000 + \n
    cmp r2, \register
    it ne
    addne r1, #1
.endm

.macro each_kept_float do
#ifdef __ARM_FP
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \do \n
    .endr
#endif
.endm

.macro mark_float n
    movw r12, #0x2000 + \n
    vmov s\n, r12
.endm

.macro check_float n
    movw r2, #0x2000 + \n
    vmov r3, s\n
    cmp r2, r3
    it ne
    addne r1, #1
.endm

    .global enter_checked
    .thumb_func
    .type enter_checked, %function
enter_checked:
    push {r3-r11, lr}
#ifdef __ARM_FP
    vpush {s16-s31}
#endif
    each_kept mark
    each_kept_float mark_float
    blx r3
    movs r1, #0
    each_kept check
    each_kept_float check_float
    movw r2, #:lower16:registers_changed
    movt r2, #:upper16:registers_changed
    str r1, [r2]
#ifdef __ARM_FP
    vpop {s16-s31}
#endif
    pop {r3-r11, pc}

    .comm registers_changed, 4, 4
