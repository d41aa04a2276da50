# The board-independent firmware. Paths are from the repository's root.
CORE_SOURCES := $(wildcard firmware/core/*.c)
NET_SOURCES := $(wildcard firmware/net/*.c)
NODE_SOURCES := $(wildcard firmware/node/*.c firmware/store/*.c)
ifneq ($(BOARD_NET),true)
NET_SOURCES := $(filter-out firmware/net/udp_link.c,$(NET_SOURCES))
endif

# Signatures: ours, and Monocypher, which is fetched. PYTHON is set. The linker drops what nobody calls of it.
MONOCYPHER_SRC := $(shell $(PYTHON) tools/fetch.py monocypher)
ifeq ($(MONOCYPHER_SRC),)
$(error Monocypher's source is not there: see the message of tools/fetch.py above)
endif
CRYPTO_SOURCES := $(wildcard firmware/crypto/*.c) $(MONOCYPHER_SRC)/monocypher.c
CRYPTO_CFLAGS := -isystem $(MONOCYPHER_SRC)
