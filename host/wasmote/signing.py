"""Signs bundles, changes of a node's keys and orders to it, and checks signatures: Ed25519 in COSE_Sign1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from wasmote.errors import VerificationRefused
from wasmote.wire.codec import encode
from wasmote.wire.cose import BUNDLE_AAD, KEYS_AAD, NODE_AAD, Sign1

if TYPE_CHECKING:
    from wasmote.keys import Key
    from wasmote.wire.bundle import Bundle
    from wasmote.wire.keys import KeyChange
    from wasmote.wire.node import NodeOrder


def sign(payload: bytes, key: Key, external_aad: bytes) -> Sign1:
    """Sign a payload. Raises `UsageFault` where only the public half of the key is there."""
    protected = Sign1.header(key.id)
    signature = key.sign(Sign1.to_be_signed(protected, payload, external_aad))
    return Sign1(protected, key.id, payload, signature)


def sign_bundle(bundle: Bundle, key: Key) -> Bundle:
    """Return the bundle with a signature, in place of the one it may have had."""
    return replace(bundle, envelope=sign(bundle.encoded_manifest, key, BUNDLE_AAD))


def sign_change(change: KeyChange, key: Key) -> bytes:
    """Return a signed change of a node's keys, as it is posted."""
    return encode(sign(change.to_cbor(), key, KEYS_AAD).to_item())


def sign_order(order: NodeOrder, key: Key) -> bytes:
    """Return a signed order to a node, as it is posted."""
    return encode(sign(order.to_cbor(), key, NODE_AAD).to_item())


def find_signer(bundle: Bundle, keys: Iterable[Key]) -> Key | None:
    """Return which of these keys signed the bundle; None when it names none of them.

    Raises `VerificationRefused` when it names one, and the signature is not of that key over this manifest.
    """
    if bundle.envelope is None:
        return None
    for key in keys:
        if key.id == bundle.envelope.key_id:
            if not key.verifies(bundle.envelope.signature, bundle.envelope.signed_bytes(BUNDLE_AAD)):
                raise VerificationRefused(
                    f"the signature does not fit: the bundle was changed since it was signed with {key.name}",
                    "build and sign it again",
                )
            return key
    return None
