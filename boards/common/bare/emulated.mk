# The image for the emulator: the same objects but those that board.toml [emulator] replaces, at its
# addresses. The build says so.
EMULATOR_OBJECT := $(O)/boards/emulators/$(EMULATOR_FILE).o
REPLACED_OBJECTS := $(EMULATOR_REPLACES:%=$(O)/%.o)
EMULATED_OBJECTS := $(filter-out $(REPLACED_OBJECTS),$(OBJECTS)) $(EMULATOR_OBJECT)

$(IMAGE)-qemu.elf: $(EMULATED_OBJECTS) $(ENGINE_OBJECTS) $(LINKER_SCRIPT) $(B)/memory-emulated.ld
	$(QUIET)$(CC) $(TARGET_CFLAGS) $(EMULATED_OBJECTS) $(ENGINE_OBJECTS) -T $(B)/memory-emulated.ld \
	  $(LDFLAGS) -Wl,--gc-sections -Wl,-Map=$(IMAGE)-qemu.map $(LDLIBS) -o $@
	@echo "$@ differs from $(IMAGE).elf by:"
	@echo "  objects   $(EMULATOR_REPLACES) -> boards/emulators/$(EMULATOR_FILE)"
	@diff $(B)/memory.ld $(B)/memory-emulated.ld | sed -n 's/^[<>]  */  regions   /p'

-include $(EMULATOR_OBJECT:.o=.d)
