#include "compile_cost.h"

#include "counter.h"
#include "machine.h"

uint32_t compile_instructions;

/* The linker (--wrap) calls this in place of machine_compile. */
enum machine_fault __real_machine_compile(struct M3Module *module, const struct machine_needs *needs);
enum machine_fault __wrap_machine_compile(struct M3Module *module, const struct machine_needs *needs);

enum machine_fault __wrap_machine_compile(struct M3Module *module, const struct machine_needs *needs) {
    const uint32_t start = counter_ticks();
    const enum machine_fault fault = __real_machine_compile(module, needs);
    compile_instructions = counter_since(start);
    return fault;
}
