"""The gateway's log: structlog, on standard error; lines for people, JSON for programs."""

from __future__ import annotations

import atexit
import logging
import sys
from collections.abc import Callable
from typing import Any, TextIO

import structlog

from wasmote.gateway.outlet import Outlet


def log_to_stderr(level: str) -> Outlet:
    """Log to standard error: readable on a terminal, JSON lines otherwise. Returns what counts lost lines."""
    outlet = Outlet.of("log", sys.stderr, _tell_lost_lines)
    atexit.register(outlet.close)
    colors = sys.stderr is not None and sys.stderr.isatty()
    _configure(structlog.WriteLoggerFactory(outlet), level, as_json=not colors, colors=colors)  # type: ignore[arg-type]
    logging.basicConfig(format="%(name)s: %(message)s", stream=outlet, force=True)  # of the libraries
    return outlet


def log_to(out: TextIO, level: str, *, as_json: bool) -> None:
    """Log to a text file."""
    _configure(structlog.PrintLoggerFactory(out), level, as_json=as_json, colors=out.isatty())


def _configure(factory: Callable[..., Any], level: str, *, as_json: bool, colors: bool) -> None:
    renderer = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=colors)
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
        logger_factory=factory,
    )


def _tell_lost_lines(fault: str, lost: int) -> None:
    if not fault:  # else there is nowhere to tell it
        structlog.get_logger().warning("log lines were lost", lost=lost)


def unexpected(bug: BaseException) -> str:
    """Name what nobody foresaw; of several that came at once the first."""
    while isinstance(bug, BaseExceptionGroup):
        bug = bug.exceptions[0]
    return f"unexpected {type(bug).__name__}: {bug}"
