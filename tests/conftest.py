"""Which tests stay together when several processes share the work (`pytest -n`, pytest-xdist).

A file stays together, so that what its fixtures make is made once; those whose fixtures build the same
programs with make do too, since two makes in one folder get in each other's way. End-to-end tests only share
a board's image, which is there before: theirs go by file and board.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# By folder or file: what is built in one place.
SAME_BUILD = {
    "spec": "build/spec",
    "hostile": "build/spec",
    "fuzz": "build/spec",
    "kernels": "build/kernels",
    "host/test_other_wasm3.py": "build/kernels",
    "e2e/test_flash.py": "build/wheel",
    "e2e/test_wheel.py": "build/wheel",
}
WHOLE = {"test_record_replay.py"}  # of e2e: its fixtures are the file's


def group_of(item: pytest.Item) -> str:
    """Name the tests that run in one process, one after the other."""
    path = item.path.relative_to(TESTS)
    for place in (str(path), path.parts[0]):
        if place in SAME_BUILD:
            return SAME_BUILD[place]
    callspec = getattr(item, "callspec", None)
    if path.parts[0] == "e2e" and path.name not in WHOLE and callspec and "place" in callspec.params:
        return f"{path} {callspec.params['place']}"
    return str(path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its group; without -n that changes nothing."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
