# STM32F4 (Cortex-M4 with a single-precision FPU) and STM32F205 (Cortex-M3): the same peripherals at the same
# addresses. What differs is in a folder of the series, and the chip's name in board.toml says which it is.
SERIES_STM32F205 := f2
SERIES_STM32F405 := f4
SERIES_STM32F407 := f4
SERIES_STM32F411 := f411
SERIES_STM32F446 := f446
SERIES := $(SERIES_$(shell echo '$(CHIP)' | cut -c 1-9))
ifeq ($(SERIES),)
$(error boards/$(BOARD)/board.toml: no series for chip '$(CHIP)' in boards/families/stm32f4/family.mk)
endif
FAMILY_CFLAGS := -Iboards/families/stm32f4/$(SERIES)
LINKER_SCRIPT := boards/common/stm32/stm32.ld
include boards/common/cortex_m/toolchain.mk
FAMILY_SOURCES := $(wildcard boards/families/stm32f4/*.c boards/common/stm32/*.c) $(CORE_FILES)
