# ESP32-C3, started by its ROM straight from flash ("direct boot"), without ESP-IDF. Functions in ROM that we call
# are in rom.h, with their addresses.
LINKER_SCRIPT := boards/families/esp32c3/esp32c3.ld
include boards/common/riscv/toolchain.mk
# A table of jumps would lie in flash, and some code runs while flash cannot be read. memset() is part of that code,
# so start-up, which copies it to RAM, must not be made to call it.
FAMILY_CFLAGS := -fno-jump-tables -fno-tree-loop-distribute-patterns
FAMILY_SOURCES := $(wildcard boards/families/esp32c3/*.c) \
  $(filter-out boards/common/riscv/protect.c,$(CORE_FILES))
