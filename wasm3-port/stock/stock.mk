# Another wasm3 in place of ours, behind the same runtime.h; sources.mk includes this when WASM3_DIR names a tree
# without our patches. To make one, 0.5.0 with nothing changed but its page size:
#
#   export WASM3_DIR=$(.venv/bin/python wasm3-port/stock/tree.py)
#
# For comparison only. Such a wasm3 does not bound a module's time, recursion and native stack, and modules
# can make it write outside its memory. So no build takes it by chance: FOR_COMPARISON=1 has to be said.
# Firmware with it is build/BOARD-comparison; remove that before another tree is taken. 0.5.0 and 0.9.0 were tried.
ifneq ($(FOR_COMPARISON),1)
$(error WASM3_DIR names a wasm3 that does not hold modules to their bounds: it is for comparison only, never \
  for modules that are not trusted. Say FOR_COMPARISON=1 to build it all the same)
endif

# Only such files as this version has.
ENGINE_SOURCES := $(wildcard $(addprefix $(WASM3_SRC)/,m3_bind.c m3_code.c m3_compile.c m3_core.c m3_emit.c \
  m3_env.c m3_exec.c m3_function.c m3_info.c m3_module.c m3_parse.c m3_validate.c))
ENGINE_CFLAGS += -Dcalloc=stock_calloc -Drealloc=stock_realloc -Dfree=stock_free

PORT_SOURCES := $(filter-out wasm3-port/engine.c wasm3-port/runtime_needs.c wasm3-port/machine/%,$(PORT_SOURCES)) \
  wasm3-port/stock/engine.c
PORT_CFLAGS := -isystem $(WASM3_SRC) -Iwasm3-port/machine -DFOR_COMPARISON
