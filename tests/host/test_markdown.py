"""The documents: their links lead somewhere, and nothing in them is unfinished or of one machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from wasmote.sim import ROOT

NOT_OURS = {"build", ".venv"}  # at the root: what was made or fetched
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|TBD|WIP|coming soon|to be written)\b", re.IGNORECASE)
OF_ONE_MACHINE = re.compile(r"(?<![\w.:/])/(work|home|root|Users|opt|tmp|mnt)/\w")


def _documents() -> list[Path]:
    found = []
    for folder, below, files in os.walk(ROOT):
        at_root = Path(folder) == ROOT
        below[:] = [name for name in below if name[0] != "." and not (at_root and name in NOT_OURS)]
        found += [Path(folder, name) for name in files if name.endswith(".md")]
    return sorted(found)


DOCUMENTS = _documents()
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def _prose(document: Path) -> str:
    return FENCE.sub("", document.read_text(encoding="utf-8"))


def _anchors(document: Path) -> set[str]:
    """What GitHub calls the headings: lower case, spaces as hyphens, no other punctuation."""
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading)).strip().lower().replace(" ", "-")
        for heading in HEADING.findall(_prose(document))
    }


def _broken(document: Path, link: str) -> str | None:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    if not target.is_relative_to(ROOT) or not target.exists():
        return f"{link}: no such file"
    if anchor and anchor not in _anchors(target):
        return f"{link}: no such heading"
    return None


def test_there_are_documents() -> None:
    names = {str(path.relative_to(ROOT)) for path in DOCUMENTS}
    assert {"README.md", "firmware/SPEC.md", "firmware/DESIGN.md", "boards/README.md"} <= names


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    links = [link for link in LINK.findall(CODE.sub("", _prose(document))) if "://" not in link]
    assert [reason for link in links if (reason := _broken(document, link))] == []


@each_document
def test_nothing_is_unfinished(document: Path) -> None:
    assert UNFINISHED.findall(document.read_text(encoding="utf-8")) == []


@each_document
def test_no_path_is_of_one_machine(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert [text[match.start() :][:40] for match in OF_ONE_MACHINE.finditer(text)] == []


def test_a_broken_link_is_seen() -> None:
    spec = ROOT / "firmware" / "SPEC.md"
    assert _broken(spec, "#node") is None
    assert _broken(spec, "../wasm3-port/HOST_API.md") is None
    assert _broken(spec, "DESIGN.md#the-loop") is None
    assert _broken(spec, "#nowhere") == "#nowhere: no such heading"
    assert _broken(spec, "NOWHERE.md") == "NOWHERE.md: no such file"
    assert _broken(spec, "../../outside.md") == "../../outside.md: no such file"
