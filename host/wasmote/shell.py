"""Commands that are printed for somebody to type: quoted, so that a shell takes each word as it is."""

from __future__ import annotations

import shlex


def command(*words: object) -> str:
    """Return a command line; paths, links and names may hold blanks, # and the like."""
    return shlex.join(str(word) for word in words)
