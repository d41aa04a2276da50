# What APP=plugtest adds to the core: the CoAP stack as it is in the node, and time that can be skipped.
APP_SOURCES += $(NET_SOURCES)
LDFLAGS += -Wl,--wrap=hal_now_us,--wrap=hal_idle
