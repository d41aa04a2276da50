# The same commands as tools/demo and tools/test, for those who have make.
BOARD ?= native

.PHONY: demo test test-full bench fuzz lint firmware images test-images wheel-images wheel clean
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

# The firmware of every board, and what the tests run besides; `make -j` builds several at a time.
BOARDS := $(patsubst boards/%/board.toml,%,$(wildcard boards/*/board.toml)) # _template too
CHECKED := netduino2 netduinoplus2 qemu-rv32 esp32c3-devkitm
build = +@$(MAKE) --no-print-directory -s -f firmware/Makefile
images: $(BOARDS:%=image-%)
test-images: wheel-images asan-firmware asan-check asan-plugtest $(CHECKED:%=check-image-%)
wheel-images: images native-x86_64 native-aarch64
native-x86_64 native-aarch64: native-%: image-native
	$(build) BOARD=native STATIC=$*
image-native: # the first: it fetches and prepares the sources that all share
	$(build) BOARD=native
$(filter-out image-native,$(BOARDS:%=image-%)): image-%: image-native
	$(build) BOARD=$*
asan-firmware: image-native
	$(build) BOARD=native SANITIZE=1
asan-check asan-plugtest: asan-%: asan-firmware # one after the other: they share objects
	$(build) BOARD=native SANITIZE=1 APP=$*
asan-plugtest: asan-check
$(CHECKED:%=check-image-%): check-image-%: image-%
	$(build) BOARD=$* APP=check

wheel: # the package with the images of all boards in it
	tools/wheel
clean:
	rm -rf build
