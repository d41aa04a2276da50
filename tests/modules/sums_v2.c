/* A new version that has learnt to trap. */
#define PICKY
#include "sums_v1.c"
