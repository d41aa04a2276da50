"""The package as users install it: a fresh wheel in a fresh environment, run away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import build_wheel


def install(folder: Path) -> Path:
    """Install a fresh wheel into a fresh environment in `folder`; other packages are borrowed.

    Returns the command `wasmote`.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", f"--python={folder / 'bin/python'}", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", str(build_wheel.build())], check=True)
    libraries = next(folder.glob("lib/python*/site-packages"))
    (libraries / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "wasmote"


def elsewhere(**others: str) -> dict[str, str]:
    """The environment of somebody who has no checkout, and these variables besides."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | others


def run(wasmote: Path, *arguments: str, cwd: Path = Path("/"), env: Mapping[str, str] | None = None) -> str:
    """Run the installed command, away from the checkout; return what it printed."""
    done = subprocess.run(
        [str(wasmote), *arguments],
        cwd=cwd,
        env=env or elsewhere(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
