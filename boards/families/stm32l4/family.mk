# STM32L475 (Cortex-M4 with a single-precision FPU) and those of its line, STM32L476 and L486.
FAMILY_CFLAGS :=
LINKER_SCRIPT := boards/common/stm32/stm32.ld
include boards/common/cortex_m/toolchain.mk
FAMILY_SOURCES := $(wildcard boards/families/stm32l4/*.c boards/common/stm32/*.c) $(CORE_FILES)
