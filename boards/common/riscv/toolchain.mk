# Compiler, C library (picolibc) and flags for board.toml's `cpu`, and what every RISC-V links.
CROSS := riscv64-unknown-elf-
# Instructions that read and write CSRs are an extension of its own, zicsr. Only the assembler is told: with
# it in the compiler's -march GCC 12 finds no libraries of 32 bits and takes those of 64. And the compiler may
# not repeat its own in the assembly.
CPU_CFLAGS_rv32imc := -march=rv32imc -mabi=ilp32 -mno-riscv-attribute -Wa,-march=rv32imc_zicsr
CPU_CFLAGS := $(CPU_CFLAGS_$(CPU))
ifeq ($(CPU_CFLAGS),)
$(error boards/$(BOARD)/board.toml: no flags for cpu '$(CPU)' in boards/common/riscv/toolchain.mk)
endif
TARGET_CFLAGS := $(CPU_CFLAGS) --specs=picolibc.specs -DPICOLIBC_INTEGER_PRINTF_SCANF
CORE_FILES := $(wildcard boards/common/riscv/*.c boards/common/bare/*.c)
include boards/common/bare/image.mk
