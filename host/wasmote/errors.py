"""Errors a person can act on: what happened, what to do about it, and the exit status for that kind.

A `WasmoteError` is printed by the command line without a traceback; a traceback always means a bug.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from aiocoap import Code


class WasmoteError(Exception):
    """Something failed that a user can understand.

    `message` says what happened and to what; `hint` says what to do about it (may be empty). `exit_code` is
    the status of a command that ends with it: 1 failed, 2 usage or configuration, 3 device not found or no
    permission, 4 busy, 5 time-out, 6 verification refused.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def locate(self, place: object) -> None:
        """Put the place where this was found, a file for instance, before the message."""
        self.message = f"{place}: {self.message}"
        self.args = (self.message,)

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageFault(WasmoteError):
    """What was asked for makes no sense: an option, a file, a configuration."""

    exit_code = 2


class DeviceNotFound(WasmoteError):
    """There is no such port, socket or host."""

    exit_code = 3


class PermissionRefused(WasmoteError):
    """The port exists, but this user may not open it."""

    exit_code = 3


class Busy(WasmoteError):
    """Someone else holds the port, or is uploading to the node."""

    exit_code = 4


class NoAnswer(WasmoteError):
    """The link is open, but nothing answers in time: a silent board."""

    exit_code = 5


class VerificationRefused(WasmoteError):
    """A signature, digest or sequence number was not accepted."""

    exit_code = 6


class LinkDown(WasmoteError):
    """The link to the node broke, or is not there yet; it is being re-established."""


class NothingThere(LinkDown):
    """The host is there, but says that nothing listens at this address (ICMP port unreachable)."""

    exit_code = 3


class CoapError(WasmoteError):
    """The node answered with an error code (RFC 7252 section 5.9).

    `code` is aiocoap's `Code`; `diagnostic` the sentence the node sent along (section 5.5.2), or "".
    """

    def __init__(self, message: str, code: Code, diagnostic: str = "", hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code
        self.diagnostic = diagnostic
