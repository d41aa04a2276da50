"""Fetch source that a lock file pins, and apply our patches where there are any.

`fetch.py` makes build/wasm3/src (wasm3-port/wasm3.lock), `fetch.py monocypher` build/monocypher/src
(firmware/crypto/monocypher.lock); both print where the tree is.

The file comes from the package index that pip uses (PIP_INDEX_URL, pip's configuration, else PyPI).
`pip download` is of no use here: it would run the package's build back end. Only the standard
library is needed. Environment: WASMOTE_CACHE moves the cache (default .cache), WASM3_DIR names
another wasm3 source tree, which is then taken as it is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import tarfile
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import urldefrag, urljoin

ROOT = Path(__file__).resolve().parent.parent
PORT = ROOT / "wasm3-port"
TIMEOUT_S = 60


class FetchError(Exception):
    """A failure with its remedy; printed without a traceback."""


@dataclass(frozen=True)
class Lock:
    """One pinned source distribution."""

    package: str
    version: str
    file: str
    sha256: str
    directory: str

    @classmethod
    def load(cls, path: Path) -> Lock:
        """Read a lock file (TOML, table [source])."""
        with path.open("rb") as file:
            return cls(**tomllib.load(file)["source"])


@dataclass(frozen=True)
class Tree:
    """A source tree: the lock that pins it, the folder it is made in, and that of our patches, if any."""

    lock: Path
    folder: Path
    patches: Path | None = None


TREES = {
    "wasm3": Tree(PORT / "wasm3.lock", ROOT / "build" / "wasm3", PORT / "patches"),
    "monocypher": Tree(ROOT / "firmware" / "crypto" / "monocypher.lock", ROOT / "build" / "monocypher"),
}


class _Links(HTMLParser):
    """Collects the links of a simple-index page (PEP 503)."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the target of every anchor."""
        self.targets += [value for name, value in attrs if tag == "a" and name == "href" and value]


def index_url() -> str:
    """Return the package index that pip would use: from the environment, its configuration, or built in."""
    if url := os.environ.get("PIP_INDEX_URL"):
        return url
    built_in = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    return _answer("-m", "pip", "config", "get", "global.index-url") or _answer("-c", built_in)


def _answer(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _open(url: str) -> bytes:
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    with urllib.request.urlopen(url, timeout=TIMEOUT_S, context=context) as answer:
        data: bytes = answer.read()
        return data


def find_link(page: str, page_url: str, file: str) -> str:
    """Return the address of a file on a simple-index page."""
    links = _Links()
    links.feed(page)
    for target in links.targets:
        address, _ = urldefrag(urljoin(page_url, target))
        if PurePosixPath(address).name == file:
            return address
    raise FetchError(f"the package index does not list {file}: is the index a full mirror of PyPI?")


def download(lock: Lock) -> bytes:
    """Fetch the file from the index; FetchError says what to do when that fails."""
    page_url = f"{index_url().rstrip('/')}/{lock.package}/"
    try:
        page = _open(page_url).decode("utf-8", "replace")
        return _open(find_link(page, page_url, lock.file))
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        raise FetchError(
            f"cannot fetch {lock.file}: {error}\n"
            f"Offline? Put the file into {cache()} yourself (SHA-256 {lock.sha256}),\n"
            "or set PIP_INDEX_URL to an index that can be reached."
        ) from error


def cache() -> Path:
    """Return the directory that keeps downloads."""
    return Path(os.environ.get("WASMOTE_CACHE") or ROOT / ".cache")


def check(data: bytes, lock: Lock, origin: str) -> None:
    """Refuse bytes that are not those that were pinned."""
    digest = hashlib.sha256(data).hexdigest()
    if digest != lock.sha256:
        raise FetchError(
            f"{origin} is not the pinned {lock.file}\n"
            f"  expected SHA-256 {lock.sha256}\n  found    SHA-256 {digest}\n"
            "Nothing was unpacked. If the file came through a proxy or mirror, look there first."
        )


def pinned_file(lock: Lock) -> Path:
    """Return the checked file in the cache, downloading it when it is not there."""
    path = cache() / lock.file
    if path.exists():
        try:
            check(path.read_bytes(), lock, str(path))
        except FetchError:
            path.unlink()  # a damaged cache mends itself; the download is checked again
        else:
            return path
    data = download(lock)
    check(data, lock, "what the package index sent")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)
    return path


def unpack(archive: Path, directory: str, target: Path) -> None:
    """Unpack the plain files of one directory of a tar archive; nothing else can get out of it."""
    target.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if not member.isfile() or path.parent != PurePosixPath(directory):
                continue
            source = tar.extractfile(member)
            if source is not None:
                (target / path.name).write_bytes(source.read())


def apply_patches(patches: list[Path], target: Path) -> None:
    """Apply the numbered patches; a context that only nearly fits is an error (no fuzz)."""
    if shutil.which("patch") is None:
        raise FetchError("the program `patch` is missing: run tools/setup, or install the package patch")
    for patch in patches:
        command = ["patch", "-p1", "--fuzz=0", "--no-backup-if-mismatch", "--quiet", "-i", str(patch)]
        answer = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise FetchError(f"{patch.name} does not apply:\n{answer.stdout}{answer.stderr}")


def fingerprint(lock_path: Path, patches: list[Path]) -> str:
    """Return a digest of everything that the patched tree depends on."""
    digest = hashlib.sha256(lock_path.read_bytes())
    for patch in patches:
        digest.update(patch.name.encode() + b"\0" + patch.read_bytes())
    return digest.hexdigest()


def prepare(name: str = "wasm3") -> Path:
    """Return the directory of a source tree to build, making it when it is not up to date."""
    if name == "wasm3" and (other := os.environ.get("WASM3_DIR")):
        if not (Path(other) / "wasm3.h").exists():
            raise FetchError(f"WASM3_DIR={other} holds no wasm3.h: name the folder of wasm3's C files")
        return Path(other)
    return make(TREES[name])


def make(tree: Tree) -> Path:
    """Return the directory of the tree, made anew when its lock or a patch changed."""
    output, stamp = tree.folder / "src", tree.folder / "stamp"
    patches = sorted(tree.patches.glob("*.patch")) if tree.patches else []
    wanted = fingerprint(tree.lock, patches)
    if stamp.exists() and stamp.read_text() == wanted and output.exists():
        return output
    lock = Lock.load(tree.lock)
    archive = pinned_file(lock)
    fresh = output.with_name(f"src.{os.getpid()}")  # two builds may come here at the same time
    shutil.rmtree(fresh, ignore_errors=True)
    stamp.unlink(missing_ok=True)
    unpack(archive, lock.directory, fresh)
    apply_patches(patches, fresh)
    shutil.rmtree(output, ignore_errors=True)
    fresh.rename(output)
    stamp.write_text(wanted)
    return output


def main(arguments: list[str]) -> int:
    """Prepare a tree and print where it is (from the root, when it lies below it)."""
    name = arguments[0] if arguments else "wasm3"
    if name not in TREES:
        print(f"fetch: {name} is no source tree: {', '.join(TREES)}", file=sys.stderr)
        return 2
    try:
        path = prepare(name)
        print(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
    except FetchError as error:
        print(f"fetch: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
