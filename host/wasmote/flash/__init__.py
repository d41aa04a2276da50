"""Writes the firmware onto boards that are plugged in.

board.py     what board.toml says of a board's flash, and of the ways to write it
image.py     a file of firmware: Intel HEX or binary
images.py    where the images are: in the package when it came as a wheel, else build/ of the checkout
plan.py      what will be erased and written: checked against the board before anything is touched
runner.py    what every way of flashing has: probe, flash, verify, start
an3155.py, dfu_util.py, pyocd.py, esptool.py    the ways
port.py, tool.py    serial ports and other people's programs, and what goes wrong there
choose.py    which board, by which way, through which port
flashing.py  one board from probing to its /node
over_link.py  the same for a board that runs wasmote, without anybody's hand
"""
