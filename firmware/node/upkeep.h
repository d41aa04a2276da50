/* Flash, made ready while nobody waits for it: a bank that fell free is erased for the next upload, and
 * records get room for the next swap. Not after a boot, or a node that resets itself again and again
 * would wear its flash out. */
#ifndef WASMOTE_UPKEEP_H
#define WASMOTE_UPKEEP_H

/* Records were written; a bank may have fallen free as well. */
void upkeep_of_records(void);
void upkeep_of_banks(void);

#endif
