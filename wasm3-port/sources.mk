# What the Wasm engine adds to a firmware. The including makefile sets ROOT and runs tools/fetch.py
# before anything here is compiled (WASM3_SRC is its output). Two sets of flags: the warnings of
# wasm3's own files are not ours to mend.
#
#   $(WASM3_SOURCES)  with  $(WASM3_CFLAGS)      tail calls need -O2: never below, also in debug builds
#   $(PORT_SOURCES)   with  the firmware's flags and $(PORT_CFLAGS)

PORT      := $(ROOT)/wasm3-port
WASM3_SRC ?= $(or $(WASM3_DIR),$(ROOT)/build/wasm3/src)

WASM3_SOURCES := $(addprefix $(WASM3_SRC)/, \
    m3_bind.c m3_code.c m3_compile.c m3_core.c m3_emit.c m3_env.c m3_exec.c m3_function.c \
    m3_module.c m3_parse.c)
WASM3_CFLAGS := -std=gnu11 -O2 -fomit-frame-pointer -fno-strict-aliasing -fno-builtin-malloc -DNDEBUG \
    -ffunction-sections -fdata-sections -include $(PORT)/config/wasm3_config.h -I$(WASM3_SRC) -w

PORT_SOURCES := $(addprefix $(PORT)/, \
    arena.c engine.c host_thunks.c module_check.c runtime_load.c runtime_run.c text.c wasm_reader.c)
PORT_CFLAGS  := -I$(PORT) -I$(ROOT)/firmware -isystem $(WASM3_SRC)
