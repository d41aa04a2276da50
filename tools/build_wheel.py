"""Build the package's wheel with the boards' images in it, from build/BOARD: build/wheel/wasmote-….whl.

Beside the images lie the board.toml files, the native board as a program for each processor, and
manifest.json with the SHA-256 of each file. `wasmote demo` gets the flood model and its module's bundles. The
same commit gives the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from board_toml import ROOT, board_names, read_board
from wasmote.build import build_bundle
from wasmote.demo.material import RELEASES
from wasmote.flash.images import MANIFEST, NATIVE, PROCESSORS, SUFFIXES

OUT = ROOT / "build/wheel"
NOT_OURS = shutil.ignore_patterns("__pycache__", "*.egg-info")


def flashable() -> list[str]:
    """Return the boards that there are images for."""
    return [name for name in board_names() if read_board(ROOT / "boards" / name / "board.toml").runners]


def built_image(board: str) -> Path:
    """Return the image that `make firmware` left."""
    for suffix in SUFFIXES:
        if (path := ROOT / "build" / board / f"firmware{suffix}").is_file():
            return path
    raise SystemExit(f"there is no image for {board}: make firmware BOARD={board}")


def collect(folder: Path) -> None:
    """Put images, board.toml files and the manifest into a folder."""
    folder.mkdir(parents=True)
    for name in board_names():
        shutil.copyfile(ROOT / "boards" / name / "board.toml", folder / f"{name}.toml")
    for name in flashable():
        image = built_image(name)
        shutil.copyfile(image, folder / f"{name}{image.suffix}")
    for processor in PROCESSORS:
        strip(
            ROOT / "build" / f"{NATIVE}-{processor}" / "firmware.elf",
            folder / f"{NATIVE}-{processor}",
            processor,
        )
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
    (folder / MANIFEST).write_text(json.dumps({"sha256": digests}, indent=2) + "\n", encoding="utf-8")


def strip(program: Path, target: Path, processor: str) -> None:
    """Copy a program without its debug data."""
    if not program.is_file():
        raise SystemExit(f"there is no {program}: make -f firmware/Makefile BOARD=native STATIC={processor}")
    subprocess.run([f"{processor}-linux-gnu-strip", "-o", str(target), str(program)], check=True)


def collect_demo(folder: Path) -> None:
    """Put what `wasmote demo` needs into a folder: the model, its module's bundles, made-up days."""
    flood, source = folder / "models" / "flood", ROOT / "models" / "flood"
    flood.mkdir(parents=True)
    for name in ("__init__.py", "data.py", "generator.py", "model.onnx"):
        shutil.copyfile(source / name, flood / name)
    for project in RELEASES:
        (flood / f"{project}.bundle").write_bytes(build_bundle(source / f"{project}.toml").to_bytes())


def commit_time() -> str:
    """Return when the last commit was made, for the times in the archive (reproducible-builds.org)."""
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def build() -> Path:
    """Build the wheel from a copy of the package."""
    tree = OUT / "tree"
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.copytree(ROOT / "host", tree / "host", ignore=NOT_OURS)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, tree / name)
    collect(tree / "host/wasmote/images")
    collect_demo(tree / "host/wasmote/demo/packaged")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    environment = os.environ | {"SOURCE_DATE_EPOCH": commit_time(), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([*command, "--wheel-dir", str(OUT), str(tree)], check=True, env=environment)
    shutil.rmtree(tree)
    return next(OUT.glob("*.whl"))


def main() -> None:
    """Build, or name the boards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--boards", action="store_true", help="only name the boards that there are images for"
    )
    if parser.parse_args().boards:
        print(" ".join(flashable()))
        return
    wheel = build()
    print(f"{wheel.relative_to(ROOT)}: {wheel.stat().st_size:,} bytes, images for {', '.join(flashable())}")


if __name__ == "__main__":
    main()
