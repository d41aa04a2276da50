"""The boot loader in an STM32's ROM, emulated: ST's AN3155 on a pseudo-terminal.

`python -m hil.stm32_rom netduinoplus2` prints the terminal that `wasmote flash --port` takes, as does
stm32loader. When the loader is told to start the program (GO), QEMU runs what is in the flash, on the same
terminal.

What it cannot show: the baud rate and the parity, which a pseudo-terminal has not; the time that erasing
takes; which pins a chip's loader listens on; and what silicon does that AN3155 does not say, for it is made
from that document, RM0090 and RM0033.
"""
