"""A bundle: what is pushed to a node (content format 65001). firmware/SPEC.md, "Bundle and manifest".

A CBOR sequence (RFC 8742): the encoded manifest, as a byte string or signed as a COSE_Sign1, then the module.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from wasmote.errors import UsageFault, VerificationRefused, WasmoteError
from wasmote.limits import MODULE_HEAD_MAX
from wasmote.shell import command
from wasmote.wire.codec import PayloadFault, binary, decode_next, encode
from wasmote.wire.cose import FIRST_BYTE, Sign1
from wasmote.wire.manifest import Manifest

BUNDLE_CONTENT_FORMAT = 65001
HINT = "the file was cut or changed, or is something else: `wasmote build` makes bundles"
_PROJECT_SUFFIXES = (".toml", ".c", ".cpp", ".rs", ".ts", ".zig")
WASM_MAGIC = b"\0asm\1\0\0\0"


class InvalidBundle(UsageFault):
    """The bytes are not a bundle: not a manifest and a module, cut short, or followed by more."""


class HeadTooLong(UsageFault):
    """What stands in front of the module is more than a node keeps until it has judged it."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A module and its manifest, which is checked against the module's size and SHA-256 when this is made.

    `envelope` is the manifest as it was signed; None in an unsigned bundle. Whether its key signed it, and
    who that is, `wasmote.signing` tells. `manifest_bytes` are those that it came with: others than we make
    where it holds what this version does not know; None of a bundle that was made here.
    """

    manifest: Manifest
    module: bytes
    envelope: Sign1 | None = None
    manifest_bytes: bytes | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.module) != self.manifest.size:
            raise VerificationRefused(
                f"bundle {self.manifest.name}: the module has {len(self.module)} bytes, "
                f"its manifest says {self.manifest.size}",
                "the file was cut or changed: build it again",
            )
        if self.head_bytes > MODULE_HEAD_MAX:
            raise HeadTooLong(
                f"bundle {self.manifest.name}: its manifest and signature take {self.head_bytes} bytes, "
                f"and a node keeps {MODULE_HEAD_MAX}",
                "shorten the names of fields, channels and parameters",
            )
        digest = hashlib.sha256(self.module).digest()
        if digest != self.manifest.digest:
            raise VerificationRefused(
                f"bundle {self.manifest.name}: the module's SHA-256 is {digest.hex()}, "
                f"its manifest says {self.manifest.digest.hex()}",
                "the file was changed: build it again",
            )

    @property
    def signer(self) -> bytes | None:
        """The id of the key that its signature names."""
        return None if self.envelope is None else self.envelope.key_id

    def to_bytes(self) -> bytes:
        """The bundle as it is pushed and stored; equal bundles give equal bytes."""
        head = self.encoded_manifest if self.envelope is None else self.envelope.to_item()
        return encode(head) + encode(self.module)

    @property
    def head_bytes(self) -> int:
        """How many bytes stand in front of the module's: a node judges them before it stores any."""
        return len(self.to_bytes()) - len(self.module)

    @property
    def encoded_manifest(self) -> bytes:
        """The manifest as it is pushed, and signed."""
        return self.manifest.to_cbor() if self.manifest_bytes is None else self.manifest_bytes

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a bundle file. Raises UsageFault, or what `from_bytes` raises; all of them name the file."""
        if path.suffix in _PROJECT_SUFFIXES:
            raise InvalidBundle(
                f"{path} is no bundle: that is a project",
                f"`{command('wasmote', 'run', path)}`, or `wasmote build` makes a bundle of it first",
            )
        try:
            return cls.from_bytes(path.read_bytes())
        except OSError as fault:
            raise UsageFault(
                f"{path}: cannot be read: {fault.strerror}", "`wasmote build` makes bundles"
            ) from fault
        except WasmoteError as fault:
            fault.locate(path)
            raise

    @classmethod
    def from_bytes(cls, encoded: bytes) -> Self:
        """Take a bundle apart and check it.

        Raises InvalidBundle (not a bundle), InvalidManifest (a bad field) or VerificationRefused (the module
        is not the one that the manifest describes).
        """
        if encoded.startswith(WASM_MAGIC):
            raise InvalidBundle(
                "not a bundle but a bare Wasm module",
                "a bundle is made by `wasmote build SOURCE`, which adds the manifest",
            )
        signed = encoded[:1] == bytes([FIRST_BYTE])
        envelope, at = _envelope(encoded) if signed else (None, 0)
        if envelope is None:
            manifest, at = _byte_string(encoded, 0, "its first item, the manifest")
        else:
            manifest = envelope.payload
        module, end = _byte_string(encoded, at, "its second item, the module")
        if rest := len(encoded) - end:
            raise InvalidBundle(f"not a bundle: {rest} bytes follow the module", HINT)
        return cls(Manifest.from_cbor(manifest), module, envelope, manifest)


def _envelope(encoded: bytes) -> tuple[Sign1, int]:
    where = "its first item, the signed manifest"
    try:
        item, end = decode_next(encoded, 0, where)
        return Sign1.from_item(item, where), end
    except PayloadFault as fault:
        raise InvalidBundle(f"not a bundle: {fault.message}", HINT) from fault


def _byte_string(encoded: bytes, at: int, where: str) -> tuple[bytes, int]:
    try:
        item, end = decode_next(encoded, at, where)
        return binary(item, where), end
    except PayloadFault as fault:
        raise InvalidBundle(f"not a bundle: {fault.message}", HINT) from fault
