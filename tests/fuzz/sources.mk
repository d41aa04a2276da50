# What each target links besides fuzz_NAME.c. Paths are from the repository's root.
FAKE := tests/c/fake_hal.c firmware/core/loop.c
SLIPMUX := firmware/net/slip.c firmware/net/slipmux.c
STACK := $(FAKE) tests/c/coap_client.c $(patsubst $(ROOT)/%,%,$(wildcard $(ROOT)/firmware/net/*.c))

SRC_slip := $(SLIPMUX)
SRC_pdu := firmware/net/coap_pdu.c
SRC_options := $(addprefix firmware/net/,coap_pdu.c coap_options.c coap_route.c coap_handler.c coap_wellknown.c)
SRC_block := $(STACK) firmware/core/sha256.c
SRC_server := $(STACK) firmware/core/sha256.c
# Monocypher, fetched: what checks signatures.
ifeq ($(shell cd $(ROOT) && $(PYTHON) tools/fetch.py monocypher),)
$(error Monocypher's source is not there: see the message of tools/fetch.py above)
endif
MONOCYPHER_SRC := $(ROOT)/build/monocypher/src
SIGNATURES := build/monocypher/src/monocypher.c $(addprefix firmware/crypto/,cose.c ed25519.c sha512.c)
$(OUT)/obj/firmware/crypto/%.o: CFLAGS += -isystem $(MONOCYPHER_SRC)

SRC_bundle := $(SIGNATURES) firmware/node/manifest.c firmware/node/module_config.c \
  $(addprefix firmware/core/,cbor.c sha256.c utf8.c)
