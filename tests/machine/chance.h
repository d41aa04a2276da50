/* What is by chance, and the same from the same seed. */
#ifndef CHANCE_H
#define CHANCE_H

#include <stdint.h>

extern uint32_t seed;

uint32_t random_word(void);
uint32_t below(uint32_t limit);
/* Mostly at some edge: of a type, of linear memory. */
uint32_t random_operand(void);

#endif
