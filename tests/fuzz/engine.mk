# The Wasm engine for the targets that run modules: fetched, patched and compiled as in a firmware
# (wasm3-port/sources.mk says why), with clang.
ifeq ($(shell cd $(ROOT) && $(PYTHON) tools/fetch.py),)
$(error wasm3's source is not there: see the message of tools/fetch.py above)
endif

WASM3_SRC := $(or $(WASM3_DIR),$(ROOT)/build/wasm3/src)
ENGINE := $(addprefix build/wasm3/src/,m3_bind.c m3_core.c m3_env.c m3_function.c m3_module.c \
  m3_parse.c)
VALIDATOR := firmware/core/utf8.c $(addprefix wasm3-port/,instruction.c text.c validate.c validate_code.c \
  validate_names.c validate_operands.c validate_section.c wasm_reader.c)
PORT := $(VALIDATOR) $(addprefix wasm3-port/,arena.c engine.c host_thunks.c module_check.c runtime_load.c \
  runtime_needs.c runtime_run.c runtime_state.c) $(patsubst $(ROOT)/%,%,$(wildcard $(ROOT)/wasm3-port/machine/*.c))
SRC_validate := $(VALIDATOR)
SRC_loader := $(ENGINE) $(PORT)
SRC_program := $(patsubst $(ROOT)/%,%,$(wildcard $(ROOT)/tests/fuzz/program/*.c)) wasm3-port/runtime_bare.c \
  $(ENGINE) $(PORT)
SRC_node := $(STACK) $(SIGNATURES) $(ENGINE) $(PORT) $(patsubst $(ROOT)/%,%,$(wildcard $(ROOT)/firmware/node/*.c)) \
  $(patsubst $(ROOT)/%,%,$(wildcard $(ROOT)/firmware/store/*.c)) tests/powercut/nor.c \
  $(addprefix firmware/core/,cbor.c crc32.c sha256.c utf8.c)

# Twice a board's: code and tables take twice the room on a 64-bit host.
$(OUT)/obj/firmware/node/%.o: CFLAGS += -DMODULE_ARENA_BYTES=131072
$(OUT)/obj/firmware/node/%.o $(OUT)/obj/tests/fuzz/%.o: CFLAGS += -I$(OUT)/seeds
$(call object,tests/fuzz/fuzz_node.c): $(OUT)/seeds/bundles.h

$(OUT)/obj/wasm3-port/%.o: CFLAGS += -isystem $(WASM3_SRC) -I$(ROOT)/wasm3-port/machine

ENGINE_CFLAGS := -std=gnu11 -O2 -g -MMD -MP -fsanitize=fuzzer-no-link,address -fomit-frame-pointer \
  -fno-strict-aliasing -w -DNDEBUG -include $(ROOT)/wasm3-port/config/wasm3_config.h -I$(WASM3_SRC) \
  -I$(ROOT)/wasm3-port
$(OUT)/obj/build/wasm3/src/%.o: $(WASM3_SRC)/%.c $(ROOT)/wasm3-port/config/wasm3_config.h Makefile engine.mk
	@mkdir -p $(@D)
	@$(CC) $(ENGINE_CFLAGS) -c $< -o $@
