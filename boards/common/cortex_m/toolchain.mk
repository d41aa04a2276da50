# Compiler, C library and flags for board.toml's `cpu`, and what every Cortex-M links.
CROSS := arm-none-eabi-
CPU_CFLAGS_cortex-m3 := -mcpu=cortex-m3 -mfloat-abi=soft
CPU_CFLAGS_cortex-m4 := -mcpu=cortex-m4 -mfloat-abi=soft
CPU_CFLAGS_cortex-m4f := -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
CPU_CFLAGS := $(CPU_CFLAGS_$(CPU))
ifeq ($(CPU_CFLAGS),)
$(error boards/$(BOARD)/board.toml: no flags for cpu '$(CPU)' in boards/common/cortex_m/toolchain.mk)
endif
TARGET_CFLAGS := $(CPU_CFLAGS) -mthumb
CORE_LDFLAGS := --specs=nano.specs
CORE_FILES := $(wildcard boards/common/cortex_m/*.c boards/common/bare/*.c)
include boards/common/bare/image.mk
