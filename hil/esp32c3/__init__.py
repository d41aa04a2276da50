"""An emulated ESP32-C3 that runs the image that ships, unmodified, and is flashed by the real esptool.

boards/README.md says what it shows and what it cannot. From the outside in:

    __main__.py  options, and how the board is reached, as JSON
    machine.py   power, reset, and the loop: run the core, serve ports and timers, sleep
    ports.py     the host's ends of USB and UART: pty, TCP, Unix socket; rfc2217.py: TCP with DTR and RTS
    loader.py    the ROM's serial loader
    rom.py       the ROM's functions
    core.py      the core: Unicorn, memories, interrupts and faults
    bus.py       peripherals by address; devices/ has one file for each
    flash.py     NOR flash in a file
"""
