"""A bundle: what is pushed to a node (content format 65001). firmware/SPEC.md, "Bundle and manifest".

A CBOR sequence (RFC 8742) of two byte strings: the encoded manifest, then the module.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import cbor2

from wasmote.errors import VerificationRefused, WasmoteError
from wasmote.wire.manifest import Manifest

BUNDLE_CONTENT_FORMAT = 65001
WASM_MAGIC = b"\0asm\1\0\0\0"


class InvalidBundle(WasmoteError):
    """The bytes are not a bundle: not two CBOR byte strings, cut short, or followed by more."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A module and its manifest, which is checked against the module's size and SHA-256 when this is made."""

    manifest: Manifest
    module: bytes

    def __post_init__(self) -> None:
        if len(self.module) != self.manifest.size:
            raise VerificationRefused(
                f"bundle {self.manifest.name}: the module has {len(self.module)} bytes, "
                f"its manifest says {self.manifest.size}",
                "the file was cut or changed: build it again",
            )
        digest = hashlib.sha256(self.module).digest()
        if digest != self.manifest.digest:
            raise VerificationRefused(
                f"bundle {self.manifest.name}: the module's SHA-256 is {digest.hex()}, "
                f"its manifest says {self.manifest.digest.hex()}",
                "the file was changed: build it again",
            )

    def to_bytes(self) -> bytes:
        """The bundle as it is pushed and stored; equal bundles give equal bytes."""
        return cbor2.dumps(self.manifest.to_cbor()) + cbor2.dumps(self.module)

    @classmethod
    def from_bytes(cls, encoded: bytes) -> Bundle:
        """Take a bundle apart and check it.

        Raises InvalidBundle (not a bundle), InvalidManifest (a bad field) or VerificationRefused (the module
        is not the one that the manifest describes).
        """
        if encoded.startswith(WASM_MAGIC):
            raise InvalidBundle(
                "this is a bare Wasm module, not a bundle",
                "a bundle is made by `wasmote build SOURCE`, which adds the manifest",
            )
        stream = io.BytesIO(encoded)
        manifest = _byte_string(stream, "the manifest (first item)")
        module = _byte_string(stream, "the module (second item)")
        if stream.tell() != len(encoded):
            raise InvalidBundle(f"bundle: {len(encoded) - stream.tell()} bytes follow the module")
        return cls(Manifest.from_cbor(manifest), module)


def _byte_string(stream: io.BytesIO, what: str) -> bytes:
    try:
        item = cbor2.load(stream, allow_indefinite=False)
    except (cbor2.CBORError, ValueError) as fault:
        raise InvalidBundle(f"bundle: {what}: {fault}", "the file was cut or is not a bundle") from fault
    if not isinstance(item, bytes):
        raise InvalidBundle(f"bundle: {what}: is no CBOR byte string", "the file is not a bundle")
    return item
