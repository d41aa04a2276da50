// The cases that make_vectors.c wrote, in the image.
    .section .rodata.cases, "a"
    .balign 8
    .global cases, cases_end
cases:
    .incbin VECTORS
cases_end:
