# QEMU takes the ELF file.
