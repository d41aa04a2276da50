# A Linux process, built with the host's compiler.
CC := gcc
FAMILY_SOURCES := $(wildcard boards/families/native/*.c)
TARGET_CFLAGS := -D_GNU_SOURCE # ppoll, pthread_getattr_np
LDLIBS := -lm
