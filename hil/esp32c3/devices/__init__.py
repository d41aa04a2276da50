"""The peripherals: names and bits of the ESP32-C3 Technical Reference Manual.

Only what our firmware and esptool use is there; a register that is not named in a device holds what was
written to it.
"""
