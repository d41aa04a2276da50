# What is made of the linked image: binaries, and the image for the emulator.
images: $(IMAGE).bin $(IMAGE).hex $(IMAGE)-qemu.elf
include boards/common/bare/emulated.mk
