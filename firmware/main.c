#include "core/loop.h"
#include "hal.h"
#include "node/node.h"

int main(void) {
    hal_init();
    node_start();
    for (;;)
        loop_run_once();
}
