"""What gen_host_api.py makes from wasm3-port/host_api.toml: the model and one module per output."""
