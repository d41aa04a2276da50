images: $(IMAGE).bin $(IMAGE).hex
