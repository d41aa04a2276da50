#include "next_start.h"

/* Two words that belong together tell a note from what RAM holds at power-on. */
#define NOTE_MAGIC 0x4E585421u /* "NXT!" */
static struct { uint32_t magic, how; } note __attribute__((section(".noinit")));

void next_start_note(enum hal_start how) {
    note.how = (uint32_t)how;
    note.magic = NOTE_MAGIC ^ note.how;
}

enum hal_start next_start(void) {
    bool is_noted = note.magic == (NOTE_MAGIC ^ note.how) && note.how <= HAL_START_LOADER;
    return is_noted ? (enum hal_start)note.how : HAL_START_USUAL;
}

void next_start_forget(void) {
    note.magic = 0;
}
