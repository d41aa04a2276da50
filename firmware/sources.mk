# The board-independent firmware. Paths are from the repository's root.
CORE_SOURCES := $(wildcard firmware/core/*.c)
NET_SOURCES := $(wildcard firmware/net/*.c)
NODE_SOURCES := $(wildcard firmware/node/*.c)
ifneq ($(BOARD_NET),true)
NET_SOURCES := $(filter-out firmware/net/udp_link.c,$(NET_SOURCES))
endif
