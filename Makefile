# The same commands as tools/demo and tools/test, for those who have make.
BOARD ?= native

.PHONY: demo test test-full bench fuzz lint firmware wheel clean
demo:
	tools/demo
test:
	tools/test
test-full: # all of what `make test` runs a part of
	tools/test --full
lint:
	tools/lint
bench:
	tools/bench
fuzz: # TARGET=block SECONDS=600
	+@$(MAKE) --no-print-directory -C tests/fuzz fuzz
firmware:
	+@$(MAKE) --no-print-directory -f firmware/Makefile BOARD=$(BOARD)
wheel: # the package with the images of all boards in it
	tools/wheel
clean:
	rm -rf build
