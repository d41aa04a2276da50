# What the Wasm engine adds to a firmware. Paths are from the repository's root; PYTHON is set.
# Two sets of flags, because the warnings of wasm3's own files are not ours to mend:
#
#   $(ENGINE_SOURCES)  with  $(ENGINE_CFLAGS)           wasm3, fetched and patched
#   $(PORT_SOURCES)    with  the firmware's own flags and $(PORT_CFLAGS), *.S among them
#
# CPU, where it is a Cortex-M, says that the operations are those in assembler.
#
# -O2 -fomit-frame-pointer: an operation ends in a tail call, which GCC makes only so; they come last
# on the command line, so that a debug build does not undo them. -fno-sanitize=undefined: wasm3 puns
# types and calls through void pointers throughout (the address sanitizer stays).

WASM3_SRC := $(shell $(PYTHON) tools/fetch.py)
ifeq ($(WASM3_SRC),)
$(error wasm3's source is not there: see the message of tools/fetch.py above)
endif

ENGINE_SOURCES := $(addprefix $(WASM3_SRC)/,m3_bind.c m3_core.c m3_env.c m3_function.c m3_module.c m3_parse.c)
ENGINE_CFLAGS := -std=gnu11 -O2 -fomit-frame-pointer -fno-strict-aliasing -fno-sanitize=undefined -w \
  -DNDEBUG -include wasm3-port/config/wasm3_config.h -I$(WASM3_SRC) -Iwasm3-port

PORT_SOURCES := $(addprefix wasm3-port/,arena.c engine.c host_thunks.c instruction.c module_check.c runtime_load.c \
  runtime_needs.c runtime_run.c runtime_state.c text.c validate.c validate_code.c validate_names.c \
  validate_operands.c validate_section.c wasm_reader.c)
MACHINE_SOURCES := $(addprefix wasm3-port/machine/,call.c compile.c compile_control.c compile_memory.c \
  compile_numeric.c compile_variable.c constant.c emit.c handlers.c memory.c numeric.c numeric_convert.c \
  numeric_f32.c numeric_f64.c numeric_i64.c operands.c stretch.c \
  $(if $(filter cortex-m3 cortex-m4 cortex-m4f,$(CPU)),thumb2.S,portable.c))
PORT_SOURCES += $(MACHINE_SOURCES)
PORT_CFLAGS := -isystem $(WASM3_SRC) -Iwasm3-port/machine

# A tree without our patches (WASM3_DIR=...) goes behind the same interface, for comparison.
ifeq ($(shell grep -l machine/machine.h $(WASM3_SRC)/m3_env.h),)
include wasm3-port/stock/stock.mk
endif
