"""Examples in the help of commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def examples(*lines: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add lines to type to a command's help; click joins lines unless a backspace stands before them."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        shown = "\n".join(f"  {line}" for line in lines)
        command.__doc__ = f"{inspect.cleandoc(command.__doc__ or '')}\n\n\b\nExamples:\n{shown}"
        return command

    return add
