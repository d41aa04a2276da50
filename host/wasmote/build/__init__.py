"""From C (or any WebAssembly) to a bundle that a node installs."""
