# The executable is the image.
