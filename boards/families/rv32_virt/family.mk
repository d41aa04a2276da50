# QEMU's machine `virt`: no chip, but the core, and with it all of common/riscv. There is no image for a board
# from which the emulated one would differ: what QEMU lacks is in the emulator's file, and linked always.
LINKER_SCRIPT := boards/families/rv32_virt/rv32_virt.ld
include boards/common/riscv/toolchain.mk
FAMILY_SOURCES := $(wildcard boards/families/rv32_virt/*.c) boards/emulators/$(EMULATOR_FILE) $(CORE_FILES)
