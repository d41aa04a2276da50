/* A module on wasm3 as it was released: load it, compile all of it, call its `run`. One line says how it
 * went.
 *
 * Usage: stock FILE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "m3_env.h"
#include "wasm3.h"

static uint8_t wasm[1 << 20];

static uint8_t *exact; /* so that a read behind its end is seen */
static IM3Environment environment;
static IM3Runtime runtime;

static int end(const char *doing, M3Result result) {
    printf("%s%s\n", doing, result != m3Err_none ? result : "returns");
    fflush(stdout);
    m3_FreeRuntime(runtime);
    m3_FreeEnvironment(environment);
    free(exact);
    return 0;
}

int main(int argc, char **argv) {
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    IM3Module module;
    IM3Function run;
    if (file == NULL) {
        return 2;
    }
    const size_t len = fread(wasm, 1, sizeof wasm, file);
    environment = m3_NewEnvironment();
    runtime = m3_NewRuntime(environment, 8192, NULL);
    exact = memcpy(malloc(len), wasm, len);
    M3Result result = m3_ParseModule(environment, &module, exact, (uint32_t)len);
    if (result != m3Err_none) {
        return end("refused: ", result);
    }
    result = m3_LoadModule(runtime, module);
    if (result != m3Err_none) {
        m3_FreeModule(module);
        return end("refused: ", result);
    }
    result = m3_CompileModule(module);
    if (result != m3Err_none) {
        return end("refused: ", result);
    }
    result = m3_FindFunction(&run, runtime, "run");
    if (result == m3Err_none) {
        result = m3_CallV(run);
    }
    return end("", result);
}
