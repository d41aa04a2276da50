# Signatures in the unit tests: Monocypher is fetched and compiled as in a firmware (firmware/crypto).
ifeq ($(shell cd $(ROOT) && $(PYTHON) tools/fetch.py monocypher),)
$(error Monocypher's source is not there: see the message of tools/fetch.py above)
endif
SIGNATURES := build/monocypher/src/monocypher.c $(addprefix firmware/crypto/,cose.c ed25519.c sha512.c)
SIGNER := tests/c/signer.c $(SIGNATURES)
$(OUT)/obj/firmware/crypto/%.o $(OUT)/obj/tests/c/signer.o: CFLAGS += -isystem $(ROOT)/build/monocypher/src

SRC_test_sha512 := firmware/crypto/sha512.c
SRC_test_ed25519 := $(SIGNER) $(CBOR)
SRC_test_cose := $(SIGNER) $(CBOR)
CFLAGS_test_ed25519 := -isystem $(ROOT)/build/monocypher/src
