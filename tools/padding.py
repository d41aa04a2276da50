"""Make a module as large as one wishes, for uploads that are to be measured or disturbed."""

from __future__ import annotations

import dataclasses
import hashlib

from wasmote.build.leb import name, unsigned
from wasmote.wire.bundle import Bundle

CUSTOM_SECTION = b"\x00"
SECTION_NAME = "padding"


def padded(bundle: Bundle, module_bytes: int) -> Bundle:
    """Return the same module with a custom section (Wasm 1.0 section 5.5.3), in all `module_bytes` long.

    Raises ValueError when the module is too large for that.
    """
    head = name(SECTION_NAME)
    room = module_bytes - len(bundle.module) - len(CUSTOM_SECTION) - len(head)
    for size_bytes in range(1, 6):  # of the section's own length, which is written in front of it
        content = head + _noise(room - size_bytes)
        size = unsigned(len(content))
        if room > size_bytes == len(size):
            module = bundle.module + CUSTOM_SECTION + size + content
            digest = hashlib.sha256(module).digest()
            manifest = dataclasses.replace(bundle.manifest, digest=digest, size=len(module))
            return Bundle(manifest, module)
    raise ValueError(f"{len(bundle.module)} bytes of module cannot be padded to {module_bytes}")


def _noise(length: int) -> bytes:
    """Return bytes of every value, the same at every run."""
    return hashlib.shake_128(SECTION_NAME.encode()).digest(max(length, 0))
