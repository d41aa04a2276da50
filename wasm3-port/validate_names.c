/* No two exports of the same name (core specification 3.4.10). They are sorted in place: names that a
 * module has chosen make a hash or a comparison of each with each take as long as they like. */
#include <string.h>

#include "validator.h"

static struct wasm_name name_at(const struct validator *v, uint32_t offset) {
    struct wasm_reader in = wasm_reader_over(v->wasm + offset, v->len - offset);
    return wasm_name(&in);
}

static int compare_names(const struct validator *v, uint32_t a, uint32_t b) {
    const struct wasm_name first = name_at(v, a), second = name_at(v, b);
    if (first.len != second.len) {
        return first.len < second.len ? -1 : 1;
    }
    return memcmp(first.bytes, second.bytes, first.len);
}

/* By name, and equal ones as they stand in the module. */
static bool is_before(const struct validator *v, uint32_t a, uint32_t b) {
    const int order = compare_names(v, a, b);
    return order < 0 || (order == 0 && a < b);
}

/* Heapsort: lets what is at `at` sink to where none below it comes after it. */
static void sink(const struct validator *v, uint32_t *heap, uint32_t at, uint32_t count) {
    const uint32_t sinking = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_before(v, heap[child], heap[child + 1])) {
            child++;
        }
        if (!is_before(v, sinking, heap[child])) {
            break;
        }
        heap[at] = heap[child];
    }
    heap[at] = sinking;
}

static void sort(const struct validator *v, uint32_t *offsets, uint32_t count) {
    for (uint32_t at = count / 2; at-- > 0;) {
        sink(v, offsets, at, count);
    }
    for (uint32_t end = count; end-- > 1;) {
        const uint32_t last = offsets[0];
        offsets[0] = offsets[end];
        offsets[end] = last;
        sink(v, offsets, 0, end);
    }
}

void validate_names_differ(struct validator *v, uint32_t count) {
    const uint32_t *exports = v->scratch->exports;
    uint32_t repeated = UINT32_MAX; /* the first in the module that has been there before */
    sort(v, v->scratch->exports, count);
    for (uint32_t i = 1; i < count; i++) {
        if (exports[i] < repeated && compare_names(v, exports[i - 1], exports[i]) == 0) {
            repeated = exports[i];
        }
    }
    if (repeated != UINT32_MAX) {
        v->item = v->wasm + repeated;
        (void)validator_refuse(v, WM_EINVAL, "two exports of the same name");
    }
}
