"""Keys on this machine: how they are kept, which files are taken, and what a signature shows."""

from __future__ import annotations

import hashlib
import json
import pwd
import stat
import zlib
from dataclasses import replace
from pathlib import Path

import cbor2
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from wasmote.build import build_bundle
from wasmote.cli import main
from wasmote.errors import UsageFault, VerificationRefused
from wasmote.flash_map import FlashMap
from wasmote.keys import area, find_key, new_key, own_and_known_keys, read_key, remember_key
from wasmote.signing import find_signer, sign_bundle
from wasmote.wire.bundle import Bundle, InvalidBundle
from wasmote.wire.cose import Sign1

COUNTER = Path(__file__).parents[1] / "modules" / "counter.toml"
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")  # RFC 8032 7.1


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("WASMOTE_KEYS", raising=False)
    monkeypatch.delenv("WASMOTE_KEY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture(scope="module")
def counter() -> Bundle:
    return build_bundle(COUNTER)


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return done.exit_code, done.output


@pytest.mark.parametrize("home", ["", None])
def test_without_home_the_password_database_says_where_keys_are(monkeypatch, tmp_path, home) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", home) if home is not None else monkeypatch.delenv("HOME")
    entry = pwd.struct_passwd(("me", "x", 1, 1, "", str(tmp_path), "sh"))
    monkeypatch.setattr("pwd.getpwuid", lambda _: entry)
    assert new_key("release").path == tmp_path / ".config/wasmote/keys/release.pem"

    def nobody(_: int) -> pwd.struct_passwd:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    with pytest.raises(UsageFault, match="HOME is not set"):
        new_key("second")
    monkeypatch.setenv("HOME", "here")
    with pytest.raises(UsageFault, match="HOME=here: is no absolute path"):
        new_key("second")


def test_what_is_printed_to_be_typed_is_quoted(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("WASMOTE_KEYS", str(tmp_path / "my keys"))
    path = new_key("release").path
    assert path is not None
    path.chmod(0o644)
    with pytest.raises(UsageFault) as caught:
        find_key("release")
    assert caught.value.hint == f"chmod 600 '{path}'"


def test_a_new_key_is_private_and_found_by_name(config: Path) -> None:
    key = new_key("release")
    path = config / "wasmote" / "keys" / "release.pem"
    assert key.path == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert find_key("release").public == key.public
    assert find_key(str(path)).id == key.id == hashlib.sha256(key.public).digest()[:8]
    with pytest.raises(UsageFault, match="is there already"):
        new_key("release")
    with pytest.raises(UsageFault, match="no name for a key"):
        new_key("../release")


def test_the_forms_of_key_files(tmp_path: Path) -> None:
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    public = private.public_key()
    no = NoEncryption()
    files = {
        "a.pem": private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, no),
        "b": private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, no),
        "c.pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "d.pub": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" somebody@somewhere\n",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.write_bytes(content)
        path.chmod(0o600)
        key = find_key(str(path))
        assert key.public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        assert (key.private is not None) == (name in ("a.pem", "b"))
    assert find_key(key.public.hex()).id == key.id
    (tmp_path / "a.pem").chmod(0o640)
    with pytest.raises(UsageFault, match="others may read") as caught:
        read_key(tmp_path / "a.pem")
    assert caught.value.hint.startswith("chmod 600")


@pytest.mark.parametrize("content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\n"])
def test_what_is_no_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.pem"
    path.write_bytes(content)
    with pytest.raises(UsageFault, match=r"bad\.pem: not a key"):
        find_key(str(path))
    with pytest.raises(UsageFault, match="no such key"):
        find_key("nobody")


def test_a_signed_bundle_is_kept_byte_for_byte(counter: Bundle) -> None:
    key = new_key("ours")
    signed = sign_bundle(counter, key)
    encoded = signed.to_bytes()
    assert encoded[0] == 0xD2
    assert counter.to_bytes()[0] >> 5 == 2
    again = Bundle.from_bytes(encoded)
    assert again == signed
    assert again.to_bytes() == encoded
    found = find_signer(again, own_and_known_keys())
    assert found is not None
    assert found.public == key.public
    assert find_signer(counter, [key]) is None
    assert find_signer(again, [new_key("other")]) is None


def test_a_signature_over_another_manifest(counter: Bundle) -> None:
    key = new_key("ours")
    signed = sign_bundle(counter, key)
    assert signed.envelope is not None
    manifest = replace(counter.manifest, sequence=counter.manifest.sequence + 1)
    envelope = replace(signed.envelope, payload=manifest.to_cbor())
    with pytest.raises(VerificationRefused, match="does not fit"):
        find_signer(replace(signed, manifest=manifest, envelope=envelope), [key])


def test_the_published_example_of_a_signature() -> None:
    """The Sig_structure and signature of eddsa-sig-01, of the COSE working group's examples."""
    protected, payload = bytes.fromhex("a201270300"), b"This is the content."
    message = Sign1.to_be_signed(protected, payload, b"")
    assert message.hex() == "846a5369676e61747572653145a2012703004054" + payload.hex()
    signature = Ed25519PrivateKey.from_private_bytes(SEED).sign(message)
    assert signature.hex().startswith("7142fd2ff96d56db85bee905a76ba1d0b7321a95c8c4d3607c5781932b7afb87")


def test_envelopes_that_no_node_takes(counter: Bundle) -> None:
    signed = sign_bundle(counter, new_key("ours"))
    item = cbor2.loads(signed.to_bytes())  # the first of the two items
    for bend in (
        lambda parts: parts[:3],
        lambda parts: [parts[0], {4: b"hint"}, *parts[2:]],
        lambda parts: [cbor2.dumps({1: -7, 4: b"12345678"}), *parts[1:]],
        lambda parts: [*parts[:3], parts[3][:-1]],
    ):
        head = cbor2.dumps(cbor2.CBORTag(18, bend(list(item.value))))
        with pytest.raises(InvalidBundle):
            Bundle.from_bytes(head + cbor2.dumps(counter.module))


def test_commands(tmp_path: Path, counter: Bundle) -> None:
    path, signed = tmp_path / "counter.bundle", tmp_path / "signed.bundle"
    path.write_bytes(counter.to_bytes())
    assert "no keys in" in run("keys", "list")[1]
    assert run("sign", path)[0] == 2
    assert run("keys", "new", "release")[0] == 0
    assert "release" in run("keys", "list")[1]
    assert run("sign", path, "--key", "release", "-o", signed)[0] == 0
    assert "signed" in run("inspect", signed)[1]
    assert "(release): the signature fits" in run("inspect", signed)[1]
    assert "only boards in development mode" in run("inspect", path)[1]
    assert json.loads(run("inspect", path, "--json")[1])["signature"] is None
    shown = json.loads(run("inspect", signed, "--json")[1])["signature"]
    assert shown == {"key": find_key("release").id.hex(), "name": "release", "known": True}


def test_inspect_with_the_keys_of_others(tmp_path: Path, config: Path, counter: Bundle) -> None:
    theirs = new_key("theirs")
    assert theirs.path is not None
    path = tmp_path / "counter.bundle"
    path.write_bytes(sign_bundle(counter, theirs).to_bytes())
    theirs.path.unlink()
    assert "is not known here: not checked" in run("inspect", path)[1]
    remember_key(theirs, "colleague")
    assert "(colleague): the signature fits" in run("inspect", path)[1]
    code, said = run("sign", path, "--key", "colleague")
    assert code == 2
    assert "only its public half" in said
    changed = bytearray(path.read_bytes())
    changed[-len(counter.module) - 10] ^= 1  # in the signature
    path.write_bytes(changed)
    assert run("inspect", path)[0] == 6


def test_trust_without_a_board(tmp_path: Path) -> None:
    public = Ed25519PrivateKey.from_private_bytes(SEED).public_key()
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    (tmp_path / "colleague.pub").write_bytes(line)
    assert run("keys", "trust", tmp_path / "colleague.pub")[0] == 0
    assert find_key("colleague").private is None
    assert run("keys", "trust", "colleague", "--remove")[0] == 2


def test_the_area_of_keys_is_what_the_store_reads() -> None:
    """firmware/store/README.md: a record of 64 bytes for each place."""
    written = area([b"a" * 32, b"b" * 32])
    assert len(written) == 2 * 64
    for place, key in enumerate((b"a" * 32, b"b" * 32)):
        record = written[64 * place : 64 * place + 64]
        assert record[:60] == bytes((4, place, 0, 0, 1)) + key + bytes(23)
        assert int.from_bytes(record[60:], "little") == zlib.crc32(record[:60])
    assert area([]) == b""
    with pytest.raises(UsageFault, match="5 keys: a node trusts 4 at most"):
        area([b"k" * 32] * 5)


def test_a_flash_with_keys_is_erased_but_for_them() -> None:
    board = {
        "memory": [{"name": "sram"}, {"name": "flash", "sectors": [{"count": 3, "size": 256}]}],
        "flash": {"keys": [1]},
    }
    flash = FlashMap.of(board).flashed([b"k" * 32])
    assert flash == b"\xff" * 256 + area([b"k" * 32]) + b"\xff" * (256 - 64 + 256)
    assert FlashMap.of(board).flashed([]) == b"\xff" * 768


def test_a_flash_in_use_takes_no_other_keys(tmp_path: Path) -> None:
    flash, path = FlashMap(4096, 1024), tmp_path / "flash"
    flash.make(path, [b"k" * 32])
    made = path.read_bytes()
    flash.make(path, [])
    flash.make(path, [b"k" * 32])
    with pytest.raises(UsageFault, match="is in use, and was not made with these keys"):
        flash.make(path, [b"j" * 32])
    assert path.read_bytes() == made == flash.flashed([b"k" * 32])
