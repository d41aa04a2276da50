"""tools/debian_source.py: only the pinned bytes get into the cache, by way of apt."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import debian_source
from debian_source import SourceFile, pinned_file
from fetch import FetchError

CONTENT = b"the source package\n"
PATH = "pool/main/d/demo/demo_1.orig.tar.gz"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror on this machine; apt copies from it."""
    root = tmp_path / "mirror"
    (root / PATH).parent.mkdir(parents=True)
    (root / PATH).write_bytes(CONTENT)
    monkeypatch.setenv("WASMOTE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(debian_source, "mirrors", lambda: [f"copy:{tmp_path}/empty/", f"copy:{root}/"])
    return root


def source(content: bytes = CONTENT) -> SourceFile:
    return SourceFile(PATH, hashlib.sha256(content).hexdigest())


def test_takes_the_file_from_the_first_mirror_that_has_it(mirror: Path) -> None:
    path = pinned_file(source())
    assert path.read_bytes() == CONTENT
    assert path.name == "demo_1.orig.tar.gz"
    (mirror / PATH).unlink()
    assert pinned_file(source()) == path  # from the cache


def test_refuses_other_bytes_and_keeps_none(mirror: Path, tmp_path: Path) -> None:
    (mirror / PATH).write_bytes(b"something else\n")
    with pytest.raises(FetchError, match=r"demo_1\.orig\.tar\.gz"):
        pinned_file(source())
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_damaged_cache_mends_itself(mirror: Path) -> None:
    path = pinned_file(source())
    path.write_bytes(b"damaged")
    assert pinned_file(source()).read_bytes() == CONTENT


def test_without_a_mirror_says_where_to_put_the_file(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(debian_source, "mirrors", list)
    with pytest.raises(FetchError, match=f"no Debian mirror[^$]*{tmp_path}/cache"):
        pinned_file(source())


def test_reads_apts_configuration() -> None:
    assert all(mirror.endswith("/") for mirror in debian_source.mirrors())
