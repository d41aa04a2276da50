"""The Ed25519 keys of this user: a folder with a PEM file for each own key and a .pub for each known one.

The folder is $WASMOTE_KEYS, else wasmote/keys in $XDG_CONFIG_HOME or ~/.config. Private keys are PKCS #8
(RFC 8410), readable by their owner only; public ones are OpenSSH lines. Either form of OpenSSH can be read.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wasmote.errors import UsageFault
from wasmote.shell import command
from wasmote.wire.cose import KEY_ID_BYTES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HEX = re.compile(r"[0-9a-fA-F]{64}")
PLACES = 4  # keys that a node trusts at most
_RECORD_OF_KEY = 4  # firmware/store/README.md
LIST_HINT = "`wasmote keys list` names the keys that are here, `wasmote keys new NAME` makes one"


@dataclass(frozen=True)
class Key:
    """A key: its public half, and where it is ours the private one. `path` is where it was read."""

    name: str
    public: bytes
    private: Ed25519PrivateKey | None = None
    path: Path | None = None

    @property
    def id(self) -> bytes:
        """What names it in signatures: the first eight bytes of its SHA-256."""
        return hashlib.sha256(self.public).digest()[:KEY_ID_BYTES]

    def sign(self, message: bytes) -> bytes:
        """Sign; raises `UsageFault` when only the public half is here."""
        if self.private is None:
            raise UsageFault(
                f"key {self.name} cannot sign: only its public half is here", "name a private key with --key"
            )
        return self.private.sign(message)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made the signature."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


def folder() -> Path:
    """Return where this user's keys are."""
    if named := os.environ.get("WASMOTE_KEYS"):
        return Path(named)
    config = os.environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else _home() / ".config") / "wasmote" / "keys"


def _home() -> Path:
    """Return this user's folder: HOME, else what the password database says. Raises `UsageFault`."""
    try:
        home = Path(os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError as fault:
        raise UsageFault(
            "where are this user's keys? HOME is not set, and the user has no entry in the password database",
            "set WASMOTE_KEYS to a folder for them",
        ) from fault
    if not home.is_absolute():
        raise UsageFault(
            f"HOME={home}: is no absolute path", "set HOME, or WASMOTE_KEYS to a folder for keys"
        )
    return home


def new_key(name: str) -> Key:
    """Make a key and keep it. Raises `UsageFault` when there is one of this name."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = Ed25519PrivateKey.generate()
    content = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = _create(name, ".pem", content, 0o600)
    return _own(name, private, path)


def remember_key(key: Key, name: str) -> Key:
    """Keep the public half of a key, so that its signatures are known. Raises `UsageFault` as `new_key`."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = Ed25519PublicKey.from_public_bytes(key.public)
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    path = _create(name, ".pub", line + f" {name}\n".encode(), 0o644)
    return Key(name, key.public, None, path)


def own_and_known_keys() -> Iterator[Key]:
    """Yield every key of the folder, in the order of their names."""
    for path in sorted(folder().glob("*")):
        if path.suffix in (".pem", ".pub"):
            yield read_key(path)


def find_key(text: str) -> Key:
    """Return the key of this name, in this file, or with this public half in hexadecimal (64 digits)."""
    if _HEX.fullmatch(text):
        return Key(text[:16], bytes.fromhex(text))
    for suffix in (".pem", ".pub"):
        if _NAME.fullmatch(text) and (path := folder() / (text + suffix)).exists():
            return read_key(path)
    if Path(text).is_file():
        return read_key(Path(text))
    raise UsageFault(f"{text}: there is no such key", LIST_HINT)


def read_key(path: Path) -> Key:
    """Read a key file: PEM or OpenSSH, private or public. Raises `UsageFault`, which names the file."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    try:
        key = _load(path.read_bytes())
    except OSError as fault:
        raise UsageFault(f"{path}: cannot be read: {fault.strerror}") from fault
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        hint = "an Ed25519 key is needed, without a passphrase, in PEM or OpenSSH form"
        raise UsageFault(f"{path}: not a key that can be used: {fault}", hint) from fault
    if isinstance(key, Ed25519PrivateKey):
        _require_private(path)
        return _own(path.stem, key, path)
    if isinstance(key, Ed25519PublicKey):
        return Key(path.stem, key.public_bytes_raw(), None, path)
    raise UsageFault(f"{path}: not an Ed25519 key", "`wasmote keys new NAME` makes one")


def area(trusted: Sequence[bytes]) -> bytes:
    """Return what the area of keys begins with on a board that is flashed with these public keys.

    A record for each, in the format of firmware/store/README.md; what follows in that sector is erased.
    Raises `UsageFault` for more keys than a node has places.
    """
    if len(trusted) > PLACES:
        raise UsageFault(f"{len(trusted)} keys: a node trusts {PLACES} at most", "leave some of them out")
    return b"".join(_record(place, public) for place, public in enumerate(trusted))


def _record(place: int, public: bytes) -> bytes:
    record = struct.pack("<BBHB32s23x", _RECORD_OF_KEY, place, 0, 1, public)
    return record + struct.pack("<I", zlib.crc32(record))


def _load(content: bytes) -> object:
    from cryptography.hazmat.primitives import serialization

    if b"BEGIN OPENSSH PRIVATE KEY" in content:
        return serialization.load_ssh_private_key(content, None)
    if b"PRIVATE KEY" in content:
        return serialization.load_pem_private_key(content, None)
    if b"BEGIN PUBLIC KEY" in content:
        return serialization.load_pem_public_key(content)
    return serialization.load_ssh_public_key(content)


def _require_private(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        raise UsageFault(f"{path}: others may read this private key", command("chmod", 600, path))


def _own(name: str, private: Ed25519PrivateKey, path: Path) -> Key:
    return Key(name, private.public_key().public_bytes_raw(), private, path)


def _create(name: str, suffix: str, content: bytes, mode: int) -> Path:
    if not _NAME.fullmatch(name) or _HEX.fullmatch(name):
        raise UsageFault(
            f"{name!r} is no name for a key", "use letters, digits, '-', '_' and '.', at most 64"
        )
    where = folder()
    path = where / (name + suffix)
    for other in (".pem", ".pub"):
        if (where / (name + other)).exists():
            raise UsageFault(f"{where / (name + other)} is there already", "choose another name")
    try:
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    except OSError as fault:
        raise UsageFault(f"{path}: cannot be written: {fault.strerror}") from fault
    return path
