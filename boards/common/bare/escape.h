/* The boot escape: whether a line says, while the board starts, that it is to start without modules.
 * Each takes a function that tells whether the line is at its active level now, and waits while it is.
 */
#ifndef WASMOTE_BARE_ESCAPE_H
#define WASMOTE_BARE_ESCAPE_H

#include <stdbool.h>

#define ESCAPE_HOLD_US 20000u /* longer than contacts bounce, and than a byte is sent */
#define ESCAPE_BREAK_END_US 3000000u

/* True: it has been active without a pause for ESCAPE_HOLD_US. */
bool escape_button(bool (*is_active)(void));

/* A break on the link's receive line. It has to end, within ESCAPE_BREAK_END_US: the line of an adapter
 * without power is low for ever, and a node that is alone shall start its modules. */
bool escape_break(bool (*is_active)(void));

#endif
