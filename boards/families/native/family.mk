# A Linux process, built with the host's compiler; STATIC=x86_64 or aarch64 is what the wheel carries.
CC := $(if $(STATIC),$(STATIC)-linux-gnu-)gcc
LDFLAGS := $(if $(STATIC),-static)
FAMILY_SOURCES := $(wildcard boards/families/native/*.c)
TARGET_CFLAGS := -D_GNU_SOURCE # ppoll, pthread_getattr_np
LDLIBS := -lm
