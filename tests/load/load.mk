# The program that measures loading, for one core:  make -f tests/load/load.mk CORE=cortex-m4f   (from the
# repository's root). It is compiled as the suite's target is, but with the limits of a board.
PROGRAM := tests/load/target.c
FOLDER := build/load
ROOM :=
include tests/spec/spec.mk
