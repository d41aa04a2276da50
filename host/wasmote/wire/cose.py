"""COSE_Sign1 (RFC 9052 section 4.2) with EdDSA, as firmware/SPEC.md uses it. Bytes only: no cryptography."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from cbor2 import CBORTag

from wasmote.wire.codec import PayloadFault, array, binary, decode, encode, mapping

TAG_SIGN1 = 18
FIRST_BYTE = 0xD2  # the tag: tells a signed item from a bare one
KEY_ID_BYTES = 8
SIGNATURE_BYTES = 64
BUNDLE_AAD = b""
KEYS_AAD = b"wasmote keys"  # external_aad: what signs a change of keys signs no bundle
NODE_AAD = b"wasmote node"  # ... and an order to a node neither

_ALGORITHM, _KEY_ID = 1, 4
_EDDSA = -8


@dataclass(frozen=True, slots=True)
class Sign1:
    """A signed payload. `protected` is the encoded header that the signature covers."""

    protected: bytes
    key_id: bytes
    payload: bytes
    signature: bytes

    @staticmethod
    def header(key_id: bytes) -> bytes:
        """The protected header of what we sign: {alg: EdDSA, kid}."""
        return encode({_ALGORITHM: _EDDSA, _KEY_ID: key_id})

    @staticmethod
    def to_be_signed(protected: bytes, payload: bytes, external_aad: bytes) -> bytes:
        """The Sig_structure of section 4.4."""
        return encode(["Signature1", protected, external_aad, payload])

    def signed_bytes(self, external_aad: bytes) -> bytes:
        """What the signature is made over."""
        return self.to_be_signed(self.protected, self.payload, external_aad)

    def to_item(self) -> CBORTag:
        """Return what cbor2 encodes."""
        return CBORTag(TAG_SIGN1, [self.protected, {}, self.payload, self.signature])

    @classmethod
    def from_item(cls, item: object, where: str) -> Self:
        """Read a decoded message; raises `PayloadFault` for all that a node would not take."""
        if not isinstance(item, CBORTag) or item.tag != TAG_SIGN1:
            raise PayloadFault(where, "not a COSE_Sign1")
        parts = array(item.value, where)
        if len(parts) != 4:
            raise PayloadFault(where, f"a COSE_Sign1 has 4 parts, not {len(parts)}")
        protected = binary(parts[0], f"{where}: protected header")
        header = dict(mapping(decode(protected, f"{where}: protected header", strict=True), where))
        if (
            header.get(_ALGORITHM) != _EDDSA
            or mapping(parts[1], where)
            or set(header) != {_ALGORITHM, _KEY_ID}
        ):
            raise PayloadFault(
                where, "expected EdDSA and a key id in the protected header, and no other header"
            )
        key_id = binary(header[_KEY_ID], f"{where}: key id")
        payload = binary(parts[2], f"{where}: payload")
        return cls(protected, key_id, payload, binary(parts[3], f"{where}: signature", SIGNATURE_BYTES))
