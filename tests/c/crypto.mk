# Signatures in the unit tests: Monocypher is fetched and compiled as in a firmware (firmware/crypto).
PYTHON ?= $(firstword $(wildcard $(abspath $(ROOT))/.venv/bin/python) python3)
ifeq ($(shell cd $(ROOT) && $(PYTHON) tools/fetch.py monocypher),)
$(error Monocypher's source is not there: see the message of tools/fetch.py above)
endif
SIGNATURES := build/monocypher/src/monocypher.c $(addprefix firmware/crypto/,cose.c ed25519.c sha512.c)
SIGNER := tests/c/signer.c $(SIGNATURES)
# Whether a bundle may be installed.
INTAKE := $(SIGNATURES) $(addprefix firmware/node/,counters.c intake.c trust.c)

$(OUT)/obj/firmware/crypto/%.o $(OUT)/obj/tests/c/signer.o: CFLAGS += -isystem $(ROOT)/build/monocypher/src

SRC_test_sha512 := firmware/crypto/sha512.c
SRC_test_ed25519 := $(SIGNER) $(CBOR)
SRC_test_cose := $(SIGNER) $(CBOR)
SRC_test_trust := tests/c/signer.c $(CBOR) firmware/core/sha256.c $(SIGNATURES) \
  $(addprefix firmware/node/,counters.c trust.c)
SRC_test_intake := $(addprefix tests/c/,manifest_maker.c signer.c) $(INTAKE) $(CBOR) firmware/core/sha256.c \
  firmware/node/manifest.c
CFLAGS_test_ed25519 := -isystem $(ROOT)/build/monocypher/src
