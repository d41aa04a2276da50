# Flags and sources of the family. The head of firmware/Makefile lists what must be set: for a Cortex-M the
# toolchain's file does most of it; common/riscv has one for RISC-V.
LINKER_SCRIPT := boards/families/_template/template.ld
include boards/common/cortex_m/toolchain.mk
FAMILY_SOURCES := $(wildcard boards/families/_template/*.c) $(CORE_FILES)
