# What each target links besides fuzz_NAME.c. Paths are from the repository's root.
FAKE := tests/c/fake_hal.c firmware/core/loop.c
SLIPMUX := firmware/net/slip.c firmware/net/slipmux.c
STACK := $(FAKE) tests/c/coap_client.c $(patsubst $(ROOT)/%,%,$(wildcard $(ROOT)/firmware/net/*.c))

SRC_slip := $(SLIPMUX)
SRC_pdu := firmware/net/coap_pdu.c
SRC_options := $(addprefix firmware/net/,coap_pdu.c coap_options.c coap_route.c coap_handler.c coap_wellknown.c)
SRC_block := $(STACK)
SRC_server := $(STACK)
SRC_bundle := firmware/node/manifest.c firmware/node/module_config.c \
  $(addprefix firmware/core/,cbor.c sha256.c status.c utf8.c)
