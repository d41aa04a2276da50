# The Wasm engine in the unit tests: wasm3 is fetched, patched and compiled as in a firmware
# (wasm3-port/sources.mk says why), its test modules are assembled from wasm/*.wat by wabt.
PYTHON ?= $(firstword $(wildcard $(abspath $(ROOT))/.venv/bin/python) python3)
ifeq ($(shell cd $(ROOT) && $(PYTHON) tools/fetch.py),)
$(error wasm3's source is not there: see the message of tools/fetch.py above)
endif
WASM3_SRC := $(or $(WASM3_DIR),$(ROOT)/build/wasm3/src)
.DEFAULT_GOAL := all
MODULES := $(OUT)/runtime_modules.h

ENGINE := $(addprefix build/wasm3/src/,m3_bind.c m3_core.c m3_env.c m3_function.c m3_module.c \
  m3_parse.c)
VALIDATOR := firmware/core/utf8.c $(addprefix wasm3-port/,instruction.c text.c validate.c validate_code.c \
  validate_names.c validate_operands.c validate_section.c wasm_reader.c)
RUNTIME := $(ENGINE) $(VALIDATOR) $(addprefix wasm3-port/,arena.c engine.c host_thunks.c module_check.c \
  runtime_load.c runtime_needs.c runtime_run.c runtime_state.c) \
  $(patsubst $(ROOT)/%,%,$(wildcard $(ROOT)/wasm3-port/machine/*.c))

SRC_test_arena := wasm3-port/arena.c
SRC_test_validate := $(VALIDATOR)
SRC_test_validate_code := $(VALIDATOR)
SRC_test_runtime := $(RUNTIME)
SRC_test_runtime_load := $(RUNTIME)
SRC_test_hostile := $(RUNTIME)
SRC_test_runtime_state := $(RUNTIME)
SLOTS := $(RUNTIME) $(FAKE) $(CBOR) $(addprefix tests/c/,manifest_maker.c signer.c) $(INTAKE) \
  firmware/core/sha256.c $(patsubst $(ROOT)/%,%,$(wildcard $(ROOT)/firmware/node/slot*.c)) \
  $(addprefix firmware/node/,clock.c erases.c guest_host.c instance.c log.c manifest.c module_config.c \
  record_ring.c replay.c sampler.c sensor.c state_encode.c state_restore.c stream.c trace.c upkeep.c)
OF_SLOTS := test_slot test_slot_upload test_slot_boot test_slot_probation test_slot_trust test_slot_restart \
  test_slot_flash test_slot_head
OF_TRACES := test_trace test_replay
$(foreach test,$(OF_SLOTS),$(eval SRC_$(test) := $(SLOTS) tests/c/bundle_maker.c))
$(foreach test,$(OF_TRACES),$(eval SRC_$(test) := $(SLOTS)))
CFLAGS_test_validate := -I$(OUT)
CFLAGS_test_runtime := -I$(OUT)
CFLAGS_test_hostile := -I$(OUT)
CFLAGS_test_runtime_state := -I$(OUT)
CFLAGS_test_runtime_load := -I$(OUT) -isystem $(WASM3_SRC)
$(foreach test,$(OF_SLOTS) $(OF_TRACES),$(eval CFLAGS_$(test) := -I$(OUT) -I$(ROOT)))
# Allocations of whoever uses the arena can be made to fail.
LIBS_test_runtime_load := -Wl,--wrap=arena_alloc,--wrap=arena_alloc_most,--wrap=arena_resize
DEPS_test_runtime := $(MODULES)
DEPS_test_hostile := $(MODULES)
DEPS_test_runtime_state := $(MODULES)
$(foreach test,$(OF_TRACES),$(eval DEPS_$(test) := $(MODULES)))
DEPS_test_validate := $(MODULES)
DEPS_test_runtime_load := $(MODULES)

$(OUT)/obj/tests/c/bundle_maker.o: CFLAGS += -I$(OUT)
$(OUT)/obj/tests/c/bundle_maker.o: | $(MODULES)

$(OUT)/obj/wasm3-port/%.o: CFLAGS += -isystem $(WASM3_SRC) -I$(ROOT)/wasm3-port/machine

ENGINE_CFLAGS := -std=gnu11 -O2 -g -MMD -MP -fsanitize=address -fomit-frame-pointer -fno-strict-aliasing -w \
  -DNDEBUG -include $(ROOT)/wasm3-port/config/wasm3_config.h -I$(WASM3_SRC) \
  -I$(ROOT)/wasm3-port
$(OUT)/obj/build/wasm3/src/%.o: $(WASM3_SRC)/%.c wasm3.mk $(ROOT)/wasm3-port/config/wasm3_config.h
	@mkdir -p $(@D)
	@$(CC) $(ENGINE_CFLAGS) -c $< -o $@

$(MODULES): embed_wat.py $(wildcard wasm/*.wat)
	@$(PYTHON) embed_wat.py $@ $(wildcard wasm/*.wat)
