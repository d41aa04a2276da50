# The same commands as tools/demo and tools/test, for those who have make.
BOARD ?= native

.PHONY: demo test bench fuzz lint firmware clean
demo:
	tools/demo
test:
	tools/test
lint:
	tools/lint
bench:
	tools/bench
fuzz: # TARGET=block SECONDS=600
	+@$(MAKE) --no-print-directory -C tests/fuzz fuzz
firmware:
	+@$(MAKE) --no-print-directory -f firmware/Makefile BOARD=$(BOARD)
clean:
	rm -rf build
