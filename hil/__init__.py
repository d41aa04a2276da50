"""Hardware in the loop: rigs of real boards."""
