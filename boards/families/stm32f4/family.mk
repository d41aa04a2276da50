# STM32F405/407 (Cortex-M4 with a single-precision FPU) and STM32F205 (Cortex-M3): the same peripherals at
# the same addresses. What differs is in f2/ and f4/, and the chip's name in board.toml says which it is.
SERIES := $(if $(filter STM32F2%,$(CHIP)),f2,f4)
FAMILY_CFLAGS := -Iboards/families/stm32f4/$(SERIES)
LINKER_SCRIPT := boards/families/stm32f4/stm32f4.ld
include boards/common/cortex_m/toolchain.mk
FAMILY_SOURCES := $(wildcard boards/families/stm32f4/*.c) $(CORE_FILES)
