/* A value of 2, 3 or 4 asks for a way to go on for ever; any other is echoed. */
#include <wasmote.h>

WASMOTE_BUFFER(64)

static volatile uint32_t turns;
static uint8_t filled[4096];

/* A br_table picks where to go on; nothing is called. */
static void jump_by_table(void) {
    for (;;) {
        switch (turns & 7) {
        case 0:
            turns = turns + 3;
            break;
        case 1:
            turns = turns ^ 5;
            break;
        case 2:
            turns = turns * 7;
            break;
        case 3:
            turns = turns - 3;
            break;
        case 4:
            turns = turns << 1;
            break;
        case 5:
            turns = ~turns;
            break;
        default:
            turns = turns + 1;
            break;
        }
    }
}

static void ask_the_host(void) {
    for (;;) {
        turns = turns + (uint32_t)wasmote_now_ms();
    }
}

__attribute__((target("bulk-memory"))) static void fill(void) {
    for (;;) {
        __builtin_memset(filled, (int)turns, sizeof filled);
        turns = turns + filled[turns & 4095];
    }
}

void on_sample(int32_t input, int64_t time_ms, const float *values, uint32_t count) {
    (void)input, (void)time_ms, (void)count;
    if (values[0] == 2.0f) {
        jump_by_table();
    } else if (values[0] == 3.0f) {
        ask_the_host();
    } else if (values[0] == 4.0f) {
        fill();
    }
    wasmote_emit_f32(0, values, 1);
}
