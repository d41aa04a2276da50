/* The modules of bench.def, in the image. */
#define STRING_(text) #text
#define STRING(text) STRING_(text)
#define MODULE(name, class, file, type)                                                                             \
    .global wasm_##name;                                                                                \
    .global wasm_end_##name;                                                                            \
    wasm_##name: .incbin STRING(name.wasm);                                                             \
    wasm_end_##name:;
#define KERNEL(module, name)

    .section .rodata
#include "bench.def"

#if defined(__linux__)
    .section .note.GNU-stack, "", %progbits
#endif
