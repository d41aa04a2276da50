# How an image without an operating system is made, whatever the core. After CROSS, TARGET_CFLAGS,
# CORE_LDFLAGS (the C library's) and LINKER_SCRIPT.
CC := $(CROSS)gcc
OBJCOPY := $(CROSS)objcopy
NM := $(CROSS)nm
LDLIBS := -lm
LINK_INPUTS := $(LINKER_SCRIPT) $(B)/memory.ld
LDFLAGS := -nostartfiles $(CORE_LDFLAGS) -Wl,--fatal-warnings -Wl,--no-warn-rwx-segments -T $(LINKER_SCRIPT)
# GNU ld takes the regions from whichever script comes with them, in any order.
IMAGE_LDFLAGS := -T $(B)/memory.ld
ifneq ($(SANITIZE),)
$(error SANITIZE=1 is for BOARD=native)
endif
# There is no heap: what allocates must not have been linked.
CHECK_IMAGE = if $(NM) $@ | grep -wE 'malloc|calloc|realloc|free|_sbrk'; then \
  echo "$@: the symbols above mean a heap; find the caller in $(IMAGE).map" >&2; exit 1; fi

%.bin: %.elf
	$(QUIET)$(OBJCOPY) -O binary $< $@

%.hex: %.elf
	$(QUIET)$(OBJCOPY) -O ihex $< $@
