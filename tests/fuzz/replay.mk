# The same inputs on a 32-bit Arm: sizes, alignment and the compiler are those of a board, and undefined
# behaviour traps. QEMU's mps2-an386, because the fake board's queues are larger than a real one's RAM.
MUTANTS ?= 300
MUTANTS_program := $(if $(filter 300,$(MUTANTS)),20) # each runs up to six functions
ARM := $(OUT)/arm
ARM_CC := arm-none-eabi-gcc
ARM_CFLAGS := -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard -std=c11 -Os -g -MMD -MP \
  -ffunction-sections -fdata-sections -ffp-contract=off
ARM_OUR_CFLAGS := $(ARM_CFLAGS) -fsanitize=undefined -fsanitize-undefined-trap-on-error \
  -Wall -Wextra -Wshadow -Werror $(INCLUDES)
ARM_LDFLAGS := --specs=rdimon.specs -nostartfiles -T $(ROOT)/tests/bare/mps2.ld -Wl,--gc-sections -Wl,--no-warn-rwx-segments
QEMU := qemu-system-arm -M mps2-an386 -display none -monitor none -serial none -semihosting-config
arm_object = $(ARM)/obj/$(patsubst %.S,%.o,$(1:.c=.o))
# The engine's operations are those of a Cortex-M.
arm_sources = $(1:%/portable.c=%/thumb2.S)

define arm_program
$(ARM)/$(1).elf: $(foreach source,tests/fuzz/fuzz_$(1).c tests/fuzz/replay.c tests/bare/mps2.c $(call arm_sources,$(SRC_$(1))), \
  $(call arm_object,$(source))) $(ROOT)/tests/bare/mps2.ld
	@$(ARM_CC) $(ARM_CFLAGS) $$(filter %.o,$$^) $(ARM_LDFLAGS) -lm -o $$@
endef
$(foreach target,$(TARGETS),$(eval $(call arm_program,$(target))))

$(call arm_object,tests/fuzz/fuzz_node.c): $(OUT)/seeds/bundles.h
$(ARM)/obj/tests/fuzz/%.o: ARM_OUR_CFLAGS += -I$(OUT)/seeds
$(ARM)/obj/firmware/crypto/%.o: ARM_OUR_CFLAGS += -isystem $(MONOCYPHER_SRC)
$(ARM)/obj/wasm3-port/%.o: ARM_OUR_CFLAGS += -isystem $(WASM3_SRC) -I$(ROOT)/wasm3-port/machine
$(ARM)/obj/build/wasm3/src/%.o: $(WASM3_SRC)/%.c Makefile engine.mk replay.mk
	@mkdir -p $(@D)
	@$(ARM_CC) $(ARM_CFLAGS) -std=gnu11 -O2 -fomit-frame-pointer -fno-strict-aliasing -w -DNDEBUG \
	  -include $(ROOT)/wasm3-port/config/wasm3_config.h -I$(WASM3_SRC) -I$(ROOT)/wasm3-port -c $< -o $@
$(ARM)/obj/%.o: $(ROOT)/%.c Makefile replay.mk
	@mkdir -p $(@D)
	@$(ARM_CC) $(ARM_OUR_CFLAGS) -c $< -o $@

$(ARM)/obj/%.o: $(ROOT)/%.S Makefile replay.mk
	@mkdir -p $(@D)
	@$(ARM_CC) $(ARM_CFLAGS) -c $< -o $@

# Seeds, regressions, and whatever `fuzz` has learnt.
.PHONY: replay $(TARGET:%=replay-%)
replay: $(TARGET:%=replay-%)
$(TARGET:%=replay-%): replay-%: $(ARM)/%.elf | seeds
	@$(PYTHON) seeds.py --pack $(ARM)/$*.pack $(call known,$*) $(wildcard $(OUT)/corpus/$*); \
	  said="$$(timeout $(REPLAY_TIMEOUT) $(QEMU) enable=on,target=native,arg=replay,arg=$(ARM)/$*.pack,arg=$(or $(MUTANTS_$*),$(MUTANTS)) \
	    -kernel $(ARM)/$*.elf 2>&1)" \
	  && echo "ok      replay $*: $$said" || { echo "$$said"; echo "FAILED  replay $*"; exit 1; }

REPLAY_TIMEOUT ?= 600
-include $(shell find $(ARM)/obj -name '*.d' 2>/dev/null)
