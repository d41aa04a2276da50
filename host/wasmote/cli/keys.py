"""`wasmote keys` and `wasmote sign`: who may put modules onto boards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from wasmote.cli.common import (
    HelpfulGroup,
    json_option,
    note,
    print_columns,
    print_json,
    run_async,
    say,
    trace_option,
)
from wasmote.cli.examples import examples
from wasmote.errors import UsageFault

if TYPE_CHECKING:
    from wasmote.keys import Key
    from wasmote.node import Node
    from wasmote.wire.keys import KeyChange, TrustedKeys

key_option = click.option(
    "--key",
    metavar="KEY",
    envvar="WASMOTE_KEY",
    help="Sign with this key: a name of `wasmote keys list`, or a file. Default: the environment variable "
    "WASMOTE_KEY.",
)


@click.group(cls=HelpfulGroup)
@examples(
    "wasmote keys new release",
    "wasmote keys list",
    "wasmote keys trust release --link serial:///dev/ttyACM0",
)
def keys() -> None:
    """Make keys, list them, and have boards trust them."""


@keys.command("new")
@click.argument("name")
@json_option
@examples("wasmote keys new release")
def new(name: str, as_json: bool) -> None:
    """Make the key NAME. It stays on this machine, readable by you only: keep a copy in a safe place."""
    from wasmote.keys import new_key

    key = new_key(name)
    if as_json:
        print_json(_summary(key))
    else:
        say(f"{key.path}: key {key.id.hex()}, public half {key.public.hex()}")


@keys.command("list")
@json_option
@examples("wasmote keys list", "wasmote keys list --json")
def list_keys(as_json: bool) -> None:
    """List your keys, and those of others that you know."""
    from wasmote.keys import folder, own_and_known_keys

    found = list(own_and_known_keys())
    if as_json:
        for key in found:
            print_json(_summary(key))
    elif found:
        rows = [(key.name, key.id.hex(), "signs" if key.private else "known", str(key.path)) for key in found]
        print_columns([("name", "id", "is", "file"), *rows], head=True)
    else:
        note(f"no keys in {folder()}: `wasmote keys new NAME` makes one")


def _summary(key: Key) -> dict[str, object]:
    return {
        "name": key.name,
        "id": key.id.hex(),
        "public": key.public.hex(),
        "signs": key.private is not None,
        "file": key.path and str(key.path),
    }


@keys.command("trust")
@click.argument("key_text", metavar="KEY")
@click.option("--name", help="How to call the key here. Default: as its file is called.")
@click.option("--place", type=click.IntRange(0, 3), help="Place on the node. Default: the first free one.")
@click.option("--remove", is_flag=True, help="Have the node trust KEY no longer.")
@key_option
@click.option(
    "--link", metavar="URL", envvar="WASMOTE_LINK", help="The board that is to trust KEY. Default: none."
)
@trace_option
@run_async
@examples(
    "wasmote keys trust release --link serial:///dev/ttyACM0",
    "wasmote keys trust new --key release --link coap://127.0.0.1:5683",
    "wasmote keys trust release --remove --key new --link coap://127.0.0.1:5683",
    "wasmote keys trust colleague.pub",
)
async def trust(
    key_text: str, name: str | None, place: int | None, remove: bool, key: str | None, link: str | None
) -> None:
    """Have a board trust KEY; without a board, know KEY here, so that `wasmote inspect` names it.

    KEY is a name of `wasmote keys list`, a file (PEM or OpenSSH) or 64 hexadecimal digits. The first key ends
    a board's development mode: from then on it takes only what its keys signed. Every later change is signed
    with a key that it trusts: --key.
    """
    from wasmote.keys import find_key, remember_key

    subject = find_key(key_text)
    if link is not None:
        await _change(link, subject, place, remove, find_key(key) if key else None)
    elif remove:
        raise UsageFault("--remove: from which board?", "--link URL")
    else:
        kept = remember_key(subject, name or subject.name)
        say(f"{kept.path}: key {kept.id.hex()} is known as {kept.name}")


async def _change(link: str, subject: Key, place: int | None, remove: bool, signer: Key | None) -> None:
    from wasmote.node import Node

    async with await Node.connect(link) as node:
        trusted = await node.trusted_keys()
        where = _place(trusted, subject, place, remove)
        await _post(node, _next_change(trusted, where, None if remove else subject.public), trusted, signer)
        trusts = (await node.info()).key_ids
        left = [one for one in await node.modules() if one.name and one.signer not in trusts]
    verb = "trusts no longer" if remove else "trusts"
    say(f"{link}: {verb} key {subject.id.hex()} ({subject.name}), place {where}")
    for module in left:
        say(
            f"slot {module.slot}: no key that the board trusts has signed {module.name} {module.version}, "
            "which will not start after a reset: push it with --key"
        )


def _next_change(trusted: TrustedKeys, place: int, key: bytes | None) -> KeyChange:
    from wasmote.wire.keys import KeyChange

    return KeyChange(trusted.sequence + 1, place, key)


def _place(trusted: TrustedKeys, subject: Key, place: int | None, remove: bool) -> int:
    if subject.public in trusted.places:
        if remove:
            return trusted.places.index(subject.public)
        raise UsageFault(f"the board trusts key {subject.id.hex()} already")
    if remove:
        raise UsageFault(f"the board does not trust key {subject.id.hex()}")
    if place is not None:
        return place
    if None not in trusted.places:
        raise UsageFault("the board has no place free for another key", "replace one with --place")
    return trusted.places.index(None)


async def _post(node: Node, change: KeyChange, trusted: TrustedKeys, signer: Key | None) -> None:
    from wasmote.signing import sign_change

    if any(trusted.places) and signer is None:
        ids = ", ".join(_ids(trusted))
        raise UsageFault(
            "the change has to be signed, and no key was named", f"--key with one the board trusts: {ids}"
        )
    await node.change_keys(sign_change(change, signer) if any(trusted.places) and signer else change)


def _ids(trusted: TrustedKeys) -> list[str]:
    from wasmote.keys import Key

    return [Key("", public).id.hex() for public in trusted.places if public]


@click.command("sign")
@click.argument("bundle", type=click.Path(path_type=Path))
@key_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Where to write. Default: BUNDLE."
)
@examples(
    "wasmote sign build/flood.bundle --key release",
    "wasmote sign build/flood.bundle --key release -o flood-signed.bundle",
)
def sign(bundle: Path, key: str | None, output: Path | None) -> None:
    """Sign BUNDLE, so that boards which trust the key take it."""
    from wasmote.keys import LIST_HINT, find_key
    from wasmote.signing import sign_bundle
    from wasmote.wire.bundle import Bundle

    if key is None:
        raise UsageFault("sign with which key? None was given", f"--key KEY; {LIST_HINT}")
    signer = find_key(key)
    signed = sign_bundle(Bundle.from_file(bundle), signer)
    path = output or bundle
    try:
        path.write_bytes(signed.to_bytes())
    except OSError as fault:
        raise UsageFault(f"{path}: cannot be written: {fault.strerror}") from fault
    say(f"{path}: signed with key {signer.id.hex()} ({signer.name})")
