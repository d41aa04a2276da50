"""A new module, in a folder of its own: an alarm that builds and runs as it is."""

from __future__ import annotations

from pathlib import Path

from wasmote.errors import UsageFault
from wasmote.wire.manifest import InvalidManifest, check_name

TEMPLATES = Path(__file__).with_name("templates")
LANGUAGES = {"c": ".c", "rust": ".rs", "zig": ".zig", "as": ".ts"}


def create(folder: Path, language: str) -> tuple[Path, Path]:
    """Write source and project file of a module that is called as its new folder; return both.

    Raises UsageFault for a name that no module may have and for a folder that cannot be made, above all one
    that is there already.
    """
    name = folder.name
    try:
        check_name(name, "name")
    except InvalidManifest as fault:
        raise UsageFault(
            fault.message.removeprefix("manifest: "), "the folder is called as the module"
        ) from None
    source, project = folder / f"{name}{LANGUAGES[language]}", folder / f"{name}.toml"
    program = (TEMPLATES / f"module{source.suffix}").read_text(encoding="utf-8")
    text = (TEMPLATES / "module.toml").read_text(encoding="utf-8")
    try:
        folder.mkdir(parents=True)
        source.write_text(program, encoding="utf-8")
        project.write_text(text.replace("@NAME@", name).replace("@SOURCE@", source.name), encoding="utf-8")
    except FileExistsError:
        raise UsageFault(f"{folder} is there already", "take another name, or remove it first") from None
    except OSError as fault:
        raise UsageFault(f"{folder}: cannot be made: {fault.strerror}") from fault
    return source, project
