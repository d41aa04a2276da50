/* Flash, made ready while nobody waits for it: a bank that fell free is erased for the next upload, and
 * records get room for the next swap. Not after a boot, or a node that resets itself again and again
 * would wear its flash out. */
#ifndef WASMOTE_UPKEEP_H
#define WASMOTE_UPKEEP_H

#include <stdbool.h>

/* Whether no reading waits. An STM32 takes readings while it erases, and hands none on: the queue is
 * long enough for one erase, and two that follow each other would overflow it. */
bool upkeep_may_erase(void);

/* Records were written, or an upload has ended; a bank may have fallen free as well. What is to be
 * erased is, when it has been quiet for a second. */
void upkeep_of_records(void);
void upkeep_of_banks(void);

#endif
