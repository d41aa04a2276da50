"""Change what your boards compute without reflashing them: the host side of wasmote."""
