# The suite's target for one core:  make -f tests/spec/spec.mk CORE=cortex-m4f   (from the repository's
# root). Compiled as a board's firmware is, into build/spec/CORE/target.elf. Machines with more memory than
# a board: a module of the suite has up to 1 MiB.
# SANITIZE=1, native only: AddressSanitizer and UndefinedBehaviorSanitizer, in build/spec/native-asan.
# tests/load/load.mk makes another program of the same parts.
CORE ?= native
PROGRAM ?= tests/spec/target.c
FOLDER ?= build/spec
PYTHON ?= $(firstword $(wildcard .venv/bin/python) python3)
B := $(FOLDER)/$(CORE)$(if $(SANITIZE),-asan)
O := $(B)/obj

.DELETE_ON_ERROR:
.PHONY: target
target: $(B)/target.elf

CPU := $(CORE)
include wasm3-port/sources.mk

ifeq ($(CORE),native)
CC := gcc
START :=
ifneq ($(SANITIZE),)
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
else ifeq ($(CORE),rv32imc)
include boards/common/riscv/toolchain.mk
LINK_INPUTS :=
LINK := --oslib=semihost --crt0=semihost -Wl,--defsym=__flash=0x80000000 -Wl,--defsym=__flash_size=4M \
  -Wl,--defsym=__ram=0x80400000 -Wl,--defsym=__ram_size=8M -Wl,--defsym=__stack_size=1M
else
include boards/common/cortex_m/toolchain.mk
START := tests/bare/mps2.c
LINK_INPUTS := tests/bare/mps2.ld
LINK := --specs=rdimon.specs -nostartfiles -T $(LINK_INPUTS) -Wl,--no-warn-rwx-segments
endif

OUR_SOURCES := $(PROGRAM) $(START) wasm3-port/runtime_bare.c firmware/core/utf8.c $(PORT_SOURCES)
OUR_OBJECTS := $(OUR_SOURCES:%=$(O)/%.o)
ENGINE_OBJECTS := $(ENGINE_SOURCES:%=$(O)/%.o)

# Some modules of the suite are larger in one way or other than config/limits.h has room for.
ROOM ?= -DWASM_PARAMS_MAX=128 -DWASM_LOCALS_MAX=2048 -DWASM_BR_TABLE_MAX=32768

# As in firmware/Makefile.
COMMON_CFLAGS := -std=c11 $(TARGET_CFLAGS) $(if $(SANITIZE),-O1,-Os) -g $(SANITIZERS) -MMD -MP \
  -ffunction-sections -fdata-sections -fno-common -ffp-contract=off $(ROOM)
RULES := tests/spec/spec.mk wasm3-port/sources.mk $(wildcard boards/common/*/toolchain.mk)

$(B)/target.elf: $(OUR_OBJECTS) $(ENGINE_OBJECTS) $(LINK_INPUTS)
	@$(CC) $(TARGET_CFLAGS) $(SANITIZERS) $(OUR_OBJECTS) $(ENGINE_OBJECTS) $(LINK) -Wl,--gc-sections -lm -o $@

$(ENGINE_OBJECTS): $(O)/%.o: % $(RULES)
	@mkdir -p $(@D)
	@$(CC) $(COMMON_CFLAGS) $(ENGINE_CFLAGS) -c $< -o $@

$(O)/%.c.o: %.c $(RULES)
	@mkdir -p $(@D)
	@$(CC) $(COMMON_CFLAGS) -Wall -Wextra -Wshadow -Werror -Ifirmware -Iwasm3-port $(PORT_CFLAGS) -c $< -o $@

$(O)/%.S.o: %.S $(RULES)
	@mkdir -p $(@D)
	@$(CC) $(TARGET_CFLAGS) -g -c $< -o $@

-include $(shell find $(O) -name '*.d' 2>/dev/null)
