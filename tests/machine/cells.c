#include "cells.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

const char *const operation_names[OPERATION_COUNT] = {
#define NAME(name) #name,
    OPERATIONS(NAME)
#undef NAME
};

static const struct {
    const char *name, *cells;
} special[] = {
    {"unreachable", ""},
    {"out_of_bounds", ""},
    {"entry", "z"},
    {"leave", "L"},
    {"leave_machine", ""},
    {"call", "frk"},
    {"call_indirect_s", "sirk"},
    {"call_indirect_r", "irk"},
    {"host_call", "h"},
    {"br", "t"},
    {"br_loop", "t"},
    {"br_table_s", "sl"},
    {"br_table_r", "l"},
    {"slow_1", "os"},
    {"slow_2", "oss"},
    {"slow_3", "osss"},
    {"slow_4", "ossss"},
    {"copy", "sd"},
    {"copy64", "sd"},
    {"set", "cd"},
    {"set64", "ccd"},
    {"set_r", "d"},
    {"set_f", "d"},
    {"move_fr", ""},
    {"move_rf", ""},
    {"select_s_r", "sss"},
    {"select_s_s", "sssd"},
    {"select_r_r", "ss"},
    {"select_r_s", "ssd"},
    {"load64_s", "sbmd"},
    {"load64_r", "bmd"},
    {"store64_ss", "ssbm"},
    {"store64_rs", "sbm"},
    {"abs_load64", "pd"},
    {"abs_store64", "sp"},
    {"unary64", "1sd"},
    {"binary64", "2ssd"},
    {"compare64_r", "3ss"},
    {"compare64_s", "3ssd"},
    {"i64_extend_s", "sd"},
    {"i64_extend_r", "d"},
};

static bool starts(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static const char *find_special(const char *name) {
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        if (strcmp(special[i].name, name) == 0) {
            return special[i].cells;
        }
    }
    if (starts(name, "i64_sh")) {
        return "snd";
    }
    return !starts(name, "i64_") ? NULL : strstr(name, "_sc") != NULL ? "sccd" : "ssd";
}

/* Of stores, and of loads and everything else that ends in where the result goes. */
static void cells_of_store(const char *name, char *cells) {
    const bool absolute = starts(name, "abs_");
    for (const char *letter = strrchr(name, '_') + 1; *letter != '\0'; letter++) {
        if (*letter == 's' || *letter == 'c') {
            *cells++ = *letter;
        }
    }
    strcpy(cells, absolute ? "p" : "bm");
}

static void cells_with_result(const char *name, char *cells) {
    const char *result = strrchr(name, '_') + 1, *mode = result - 2;
    while (mode[-1] != '_') {
        mode--;
    }
    if (starts(name, "abs_")) {
        *cells++ = 'p';
        mode = result - 1;
    }
    for (; *mode != '_'; mode++) {
        if (*mode != 'r') {
            *cells++ = *mode;
        }
    }
    strcpy(cells, strstr(name, "_load") != NULL && !starts(name, "abs_") ? "bm" : "");
    strcat(cells, *result == 'r' ? "" : *result == 's' ? "d" : "t");
}

void cells_of(const char *name, char cells[CELLS_OF_OPERATION]) {
    const char *known = find_special(name);
    if (known != NULL) {
        strcpy(cells, known);
    } else if (strstr(name, "store") != NULL) {
        cells_of_store(name, cells);
    } else {
        cells_with_result(name, cells);
    }
}
