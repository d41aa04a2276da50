"""Who passes which case: build/peers/table.json as Markdown.

python tests/peers/table.py --write    makes TABLE.md what the last run found
python tests/peers/table.py            prints it
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOUND = Path(__file__).parents[2] / "build" / "peers" / "table.json"
TABLE = Path(__file__).with_name("TABLE.md")
# ruff: noqa: E501 # a paragraph of TABLE.md is no code
GROUPS = ("CORE", "BLOCK", "OBS", "LINK")
HEAD = """\
# Our CoAP against others

The cases of the CoAP plugtests (TD_COAP_*) with pairs of a client and a server (client → server) of which one is ours.
`n/a`: a side has no way to do it. `theirs`: the other side does not do it, or does it otherwise than the RFC says. The
numbers refer to the reasons below. Written by `table.py` from a run of [`test_peers.py`](test_peers.py), which fails
when something else comes out with the same versions.

"""


def render(found: dict[str, Any]) -> str:
    """Return the table of what was found, as conftest.py writes it."""
    columns: dict[str, str] = found["columns"]
    reasons: list[str] = []
    lines = ["| case | | " + " | ".join(columns.values()) + " |", "|---" * (len(columns) + 2) + "|"]
    for case in sorted(found["cases"], key=order):
        cells = [mark(case["results"][column], reasons) for column in columns]
        lines.append(f"| {case['name']} | {case['title']} | {' | '.join(cells)} |")
    notes = [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    return HEAD + describe(found["versions"]) + "\n\n" + "\n".join([*lines, "", *notes]) + "\n"


def describe(versions: dict[str, str]) -> str:
    """Return one sentence about what was run."""
    return "Run with " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "."


def order(case: dict[str, Any]) -> tuple[int, str]:
    """Return where a case stands in the table."""
    name: str = case["name"]
    return GROUPS.index(name.partition("_")[0]), name


def mark(result: dict[str, str], reasons: list[str]) -> str:
    """Return one cell; a reason that is new is added to `reasons`."""
    if not result["reason"]:
        return result["status"]
    if result["reason"] not in reasons:
        reasons.append(result["reason"])
    return f"{result['status']} [{reasons.index(result['reason']) + 1}]"


def main() -> int:
    """Print or write the table."""
    text = render(json.loads(FOUND.read_text()))
    if "--write" in sys.argv[1:]:
        TABLE.write_text(text)
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
