"""Fetch files of Debian's source packages, pinned by SHA-256, from the mirror that this machine's apt uses.

apt's own downloader does it, so that proxies and mirrors are as they are configured. The release that the
machine runs does not matter: a mirror holds the sources of all of them. Downloads stay in the cache of
tools/fetch.py (WASMOTE_CACHE).
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fetch import FetchError, cache

HELPER = Path("/usr/lib/apt/apt-helper")
LABEL = "Debian"


@dataclass(frozen=True)
class SourceFile:
    """A file of a Debian source package."""

    path: str
    """Below the mirror's root: pool/main/b/binaryen/binaryen_120.orig.tar.gz."""
    sha256: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.path).name


def load_lock(path: Path) -> list[SourceFile]:
    """Read a lock file (TOML, array of tables [[source]])."""
    with path.open("rb") as file:
        return [SourceFile(**entry) for entry in tomllib.load(file)["source"]]


def mirrors() -> list[str]:
    """Return the Debian archives in apt's configuration, without the extra ones (security, backports)."""
    command = ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError as error:
        raise FetchError(f"cannot ask apt for a Debian mirror: {error}") from error
    pairs = [line.split(" ") for line in answer.splitlines()]
    found = [pair[1] for pair in pairs if len(pair) == 2 and pair[0] == LABEL]
    # Without `apt-get update` the label is not known yet.
    found += [pair[-1] for pair in pairs if pair[-1].endswith("/debian/")]
    return list(dict.fromkeys(found))


def pinned_file(source: SourceFile) -> Path:
    """Return the checked file in the cache, downloading it when it is not there."""
    path = cache() / source.name
    if path.exists():
        if hashlib.sha256(path.read_bytes()).hexdigest() == source.sha256:
            return path
        path.unlink()  # a damaged cache mends itself
    path.parent.mkdir(parents=True, exist_ok=True)
    said = "apt's configuration names no Debian mirror"
    with tempfile.TemporaryDirectory(
        dir=path.parent
    ) as folder:  # apt keeps what it refuses under another name
        for mirror in mirrors():
            fresh = Path(folder, source.name)
            said = _download(mirror + source.path, source.sha256, fresh)
            if not said:
                fresh.replace(path)
                return path
    raise FetchError(
        f"cannot fetch {source.name}: {said}\n"
        f"Offline, or no Debian? Put the file into {cache()} yourself (SHA-256 {source.sha256})."
    )


def _download(url: str, sha256: str, target: Path) -> str:
    """Download one file, which apt checks; returns what went wrong, or nothing."""
    if not HELPER.exists():
        return f"{HELPER} is not there"
    command = [str(HELPER), "-o", "APT::Sandbox::User=root", "download-file", url, str(target)]
    answer = subprocess.run([*command, f"SHA256:{sha256}"], capture_output=True, text=True, check=False)
    if answer.returncode == 0 and hashlib.sha256(target.read_bytes()).hexdigest() == sha256:
        return ""
    return answer.stderr.strip() or f"what came from {url} is another file"
