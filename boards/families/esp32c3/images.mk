# What esptool writes at offset 0 of flash. The emulator (hil/esp32c3) runs just this file.
images: $(IMAGE).bin
