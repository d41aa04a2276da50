"""COSE_Sign1 (RFC 9052 section 4.2) with EdDSA, as firmware/SPEC.md uses it. Bytes only: no cryptography."""

from __future__ import annotations

from collections.abc import Mapping
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

_ALGORITHM, _CONTENT_TYPE, _KEY_ID = 1, 3, 4
_EDDSA = -8


@dataclass(frozen=True, slots=True)
class Sign1:
    """A signed payload. `protected` is the encoded header that the signature covers.

    `names_key_outside`: the key id is in the other header, which it does not cover.
    """

    protected: bytes
    key_id: bytes
    payload: bytes
    signature: bytes
    names_key_outside: bool = False

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
        outside = {_KEY_ID: self.key_id} if self.names_key_outside else {}
        return CBORTag(TAG_SIGN1, [self.protected, outside, self.payload, self.signature])

    @classmethod
    def from_item(cls, item: object, where: str) -> Self:
        """Read a decoded message; raises `PayloadFault` for all that a node would not take."""
        if not isinstance(item, CBORTag) or item.tag != TAG_SIGN1:
            raise PayloadFault(where, "not a COSE_Sign1")
        parts = array(item.value, where)
        if len(parts) != 4:
            raise PayloadFault(where, f"a COSE_Sign1 has 4 parts, not {len(parts)}")
        protected = binary(parts[0], f"{where}: protected header")
        header = mapping(decode(protected, f"{where}: protected header"), where)
        key_id = _key_id(header, mapping(parts[1], where), where)
        payload = binary(parts[2], f"{where}: payload")
        signature = binary(parts[3], f"{where}: signature", SIGNATURE_BYTES)
        return cls(protected, key_id, payload, signature, _KEY_ID not in header)


def _key_id(protected: Mapping[object, object], unprotected: Mapping[object, object], where: str) -> bytes:
    """The key id, which is in one of the two headers; refuses what a node does not understand in them."""
    known = {*protected} <= {_ALGORITHM, _CONTENT_TYPE, _KEY_ID} and {*unprotected} <= {_KEY_ID}
    content_type = protected.get(_CONTENT_TYPE, "")
    named = isinstance(content_type, str) or (isinstance(content_type, int) and content_type >= 0)
    if protected.get(_ALGORITHM) != _EDDSA or not known or not named or isinstance(content_type, bool):
        raise PayloadFault(where, "expected EdDSA, a key id, and no header that is not known")
    if (_KEY_ID in protected) is (_KEY_ID in unprotected):
        raise PayloadFault(where, "expected one key id")
    found = protected[_KEY_ID] if _KEY_ID in protected else unprotected[_KEY_ID]
    return binary(found, f"{where}: key id", KEY_ID_BYTES)
