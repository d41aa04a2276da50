"""What travels between host and node, as frozen dataclasses: one file for each group of rules in firmware/SPEC.md."""
