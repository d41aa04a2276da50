"""Which tests stay together when several processes share the work (`pytest -n`, pytest-xdist).

A file stays together, so that what its fixtures make is made once; those whose fixtures build the same
programs with make do too, since two makes in one folder get in each other's way. End-to-end tests only share
a board's image, which is there before: theirs go by file and board.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

BOARDS = sorted(path.parent.name for path in Path(__file__).parents[1].glob("boards/[!_]*/board.toml"))
# By folder or file: what is built in one place.
SAME_BUILD = {
    "tests/spec": "build/spec",
    "tests/hostile": "build/spec",
    "tests/fuzz": "build/spec",
    "tests/load": "build/load",
    "tests/kernels": "build/kernels",
    "tests/host/test_other_wasm3.py": "build/kernels",
    "tests/e2e/test_flash.py": "build/wheel",
    "tests/e2e/test_wheel.py": "build/wheel",
}
END_TO_END = PurePosixPath("tests/e2e")
WHOLE = {"test_record_replay.py"}  # of these: its fixtures are the file's


def group_of(nodeid: str) -> str:
    """Name the tests that run in one process, one after the other."""
    path = PurePosixPath(nodeid.partition("::")[0])
    for place in (path, path.parent):
        if str(place) in SAME_BUILD:
            return SAME_BUILD[str(place)]
    parameters = nodeid.rpartition("[")[2]
    if path.parent == END_TO_END and path.name not in WHOLE:
        return f"{path} {next((board for board in BOARDS if board in parameters), '')}"
    return str(path)


class Sharing(LoadScopeScheduling):
    """Shares groups out."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Share by groups, whatever --dist says."""
    return Sharing(config, log)
