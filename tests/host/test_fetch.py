"""tools/fetch.py: only the pinned bytes are unpacked, and a failure says what to do."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import sys
import tarfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE = "demo-1.tar.gz"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def fetch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wasmote_fetch", ROOT / "tools" / "fetch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def archive(members: dict[str, str | None]) -> bytes:
    """A tar.gz of files; None stands for a symbolic link to /etc/passwd."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            if text is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(member)
            else:
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package index over HTTP with one file, which pip's variables point to."""
    folder = tmp_path / "index"
    (folder / "demo").mkdir(parents=True)
    (folder / "demo" / "index.html").write_text(f'<a href="../files/{FILE}#sha256=00">{FILE}</a>')
    (folder / "files").mkdir()
    (folder / "files" / FILE).write_bytes(archive({"demo-1/c/a.h": "one\n", "demo-1/setup.py": "no"}))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("WASMOTE_CACHE", str(tmp_path / "cache"))
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def lock_for(fetch: ModuleType, data: bytes) -> object:
    digest = hashlib.sha256(data).hexdigest()
    return fetch.Lock(package="demo", version="1", file=FILE, sha256=digest, directory="demo-1/c")


def test_the_pinned_file_is_fetched_once(fetch: ModuleType, index: Path) -> None:
    file = index / "files" / FILE
    lock = lock_for(fetch, file.read_bytes())
    path = fetch.pinned_file(lock)
    file.unlink()  # from now on only the cache can serve
    assert fetch.pinned_file(lock) == path


def test_other_bytes_are_refused_and_not_kept(fetch: ModuleType, index: Path) -> None:
    lock = lock_for(fetch, b"what was pinned")
    with pytest.raises(fetch.FetchError, match=r"is not the pinned demo-1\.tar\.gz"):
        fetch.pinned_file(lock)
    assert not (fetch.cache() / FILE).exists()


def test_a_damaged_cache_mends_itself(fetch: ModuleType, index: Path) -> None:
    lock = lock_for(fetch, (index / "files" / FILE).read_bytes())
    path = fetch.pinned_file(lock)
    path.write_bytes(b"damaged")
    assert fetch.pinned_file(lock).read_bytes() == (index / "files" / FILE).read_bytes()


def test_an_index_without_the_file_is_named(fetch: ModuleType, index: Path) -> None:
    (index / "demo" / "index.html").write_text("<a href='demo-2.tar.gz'>demo-2.tar.gz</a>")
    with pytest.raises(fetch.FetchError, match=r"does not list demo-1\.tar\.gz"):
        fetch.pinned_file(lock_for(fetch, b""))


def test_offline_says_where_to_put_the_file(
    fetch: ModuleType, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1")
    with pytest.raises(fetch.FetchError, match="Offline"):
        fetch.pinned_file(lock_for(fetch, b""))


def test_nothing_gets_out_of_the_archive(fetch: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / FILE
    members = {
        "demo-1/c/good.h": "good",
        "demo-1/c/../../../evil.h": "evil",
        "/demo-1/c/absolute.h": "evil",
        "demo-1/c/link.h": None,
        "demo-1/c/deeper/other.h": "not asked for",
    }
    path.write_bytes(archive(members))
    fetch.unpack(path, "demo-1/c", tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["good.h"]
    assert not list(tmp_path.parent.rglob("evil.h"))


def test_a_patch_that_does_not_fit_is_named(fetch: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text("two\n")
    patch = tmp_path / "0001-one.patch"
    patch.write_text("--- a/a.h\n+++ b/a.h\n@@ -1 +1 @@\n-one\n+three\n")
    with pytest.raises(fetch.FetchError, match=r"0001-one\.patch does not apply"):
        fetch.apply_patches([patch], tmp_path)


def test_another_source_tree_must_be_one(
    fetch: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASM3_DIR", str(tmp_path))
    with pytest.raises(fetch.FetchError, match=r"holds no wasm3\.h"):
        fetch.prepare()
    (tmp_path / "wasm3.h").write_text("")
    assert fetch.prepare() == tmp_path
