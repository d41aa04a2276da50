"""The gateway's log: structlog, on standard error; lines for people, JSON for programs."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog


def log_to_stderr(level: str) -> None:
    """Log to standard error: readable on a terminal, JSON lines otherwise."""
    log_to(sys.stderr, level, as_json=not sys.stderr.isatty())


def log_to(out: TextIO, level: str, *, as_json: bool) -> None:
    """Log to a text file."""
    renderer = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=out.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(out),
    )


def unexpected(bug: BaseException) -> str:
    """Name what nobody foresaw; of several that came at once the first."""
    while isinstance(bug, BaseExceptionGroup):
        bug = bug.exceptions[0]
    return f"unexpected {type(bug).__name__}: {bug}"
