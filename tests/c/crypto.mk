# Signatures in the unit tests: Monocypher is fetched and compiled as in a firmware (firmware/crypto).
PYTHON ?= $(firstword $(wildcard $(abspath $(ROOT))/.venv/bin/python) python3)
ifeq ($(shell cd $(ROOT) && $(PYTHON) tools/fetch.py monocypher),)
$(error Monocypher's source is not there: see the message of tools/fetch.py above)
endif
SIGNATURES := build/monocypher/src/monocypher.c $(addprefix firmware/crypto/,cose.c ed25519.c sha512.c)
SIGNER := tests/c/signer.c $(SIGNATURES)
# Whom a node believes and what it counted, over flash in memory.
TRUST := $(STORE) tests/powercut/nor.c $(FAKE) $(SIGNATURES) $(addprefix firmware/node/,counters.c trust.c)
# Whether a bundle may be installed.
INTAKE := $(TRUST) firmware/node/intake.c

$(OUT)/obj/firmware/crypto/%.o $(OUT)/obj/tests/c/signer.o: CFLAGS += -isystem $(ROOT)/build/monocypher/src

SRC_test_sha512 := firmware/crypto/sha512.c
SRC_test_ed25519 := $(SIGNER) $(CBOR)
SRC_test_cose := $(SIGNER) $(CBOR)
SRC_test_trust := $(addprefix tests/c/,signer.c signed_message.c) $(CBOR) $(TRUST)
CFLAGS_test_trust := -I$(ROOT)
SRC_test_restart := $(addprefix tests/c/,signer.c signed_message.c) $(CBOR) $(TRUST) $(LINKS) firmware/node/restart.c
CFLAGS_test_restart := -I$(ROOT)
SRC_test_intake := $(addprefix tests/c/,manifest_maker.c signer.c) $(INTAKE) $(CBOR) firmware/node/manifest.c
CFLAGS_test_intake := -I$(ROOT)
CFLAGS_test_ed25519 := -isystem $(ROOT)/build/monocypher/src
