#include "handlers.h"

const handler machine_handlers[OPERATION_COUNT] = {
#define ROW(name) [OP_##name] = op_##name,
    OPERATIONS(ROW)
#undef ROW
};
