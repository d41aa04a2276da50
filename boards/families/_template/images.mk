# What is made of the linked image: the files that this family's flashing tools take.
images: $(IMAGE).bin $(IMAGE).hex
