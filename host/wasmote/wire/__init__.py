"""What travels between host and node, as frozen dataclasses that mirror the rules of firmware/SPEC.md."""
