# Compiler, flags and sources of the family. The head of firmware/Makefile lists what it must set.
CROSS := arm-none-eabi-
CC := $(CROSS)gcc
OBJCOPY := $(CROSS)objcopy
NM := $(CROSS)nm
TARGET_CFLAGS := -mcpu=cortex-m4 -mthumb
FAMILY_SOURCES := $(wildcard boards/families/_template/*.c boards/common/cortex_m/*.c)
LDLIBS := -lm
LINKER_SCRIPT := boards/families/_template/template.ld
LINK_INPUTS := $(LINKER_SCRIPT) $(B)/memory.ld
LDFLAGS := -nostartfiles --specs=nano.specs -Wl,--fatal-warnings -Wl,--no-warn-rwx-segments \
  -T $(LINKER_SCRIPT)
IMAGE_LDFLAGS := -T $(B)/memory.ld
ifneq ($(SANITIZE),)
$(error SANITIZE=1 is for BOARD=native)
endif
# There is no heap: what allocates must not have been linked.
CHECK_IMAGE = if $(NM) $@ | grep -wE 'malloc|calloc|realloc|free|_sbrk'; then \
  echo "$@: the symbols above mean a heap; find the caller in $(IMAGE).map" >&2; exit 1; fi
