"""The host's ends of the board's serial ports. Each has one peer at a time; nothing here waits."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import tty
from pathlib import Path
from typing import Protocol


class Port(Protocol):
    """A byte stream to the host."""

    url: str

    def read(self, limit: int) -> bytes:
        """Return up to limit bytes that have come, b"" when there are none."""
        ...

    def write(self, data: bytes) -> int | None:
        """Return how many bytes the host took; None while nobody is there."""
        ...

    def fileno(self) -> int:
        """What becomes readable when the host does something."""
        ...


class PtyPort:
    """A pseudo-terminal. Its slave stays open here, so that it outlives its peers."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.url = f"serial://{os.ttyname(self._slave)}"

    def read(self, limit: int) -> bytes:
        """Return what the slave's side wrote."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self._master, limit)
        return b""

    def write(self, data: bytes) -> int | None:
        """Put bytes where the slave's side reads them; a pty does not tell whether anybody does."""
        with contextlib.suppress(BlockingIOError):
            return os.write(self._master, data)
        return 0

    def fileno(self) -> int:
        """The master."""
        return self._master


class SocketPort:
    """A listening socket; the next peer waits until the one before has gone."""

    def __init__(self, listener: socket.socket, url: str) -> None:
        self._listener, self.url = listener, url
        self._peer: socket.socket | None = None
        listener.setblocking(False)
        listener.listen(4)

    def read(self, limit: int) -> bytes:
        """Return what the peer wrote; lets the next peer in when it has gone."""
        if limit == 0 or (self._peer is None and not self._accept()):
            return b""
        assert self._peer is not None
        try:
            data = self._peer.recv(limit)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._hang_up()
        return data

    def write(self, data: bytes) -> int | None:
        """Send to the peer."""
        if self._peer is None:
            return None
        try:
            return self._peer.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._hang_up()
            return None

    def fileno(self) -> int:
        """The peer's socket, or what one will connect to."""
        return (self._peer or self._listener).fileno()

    def connected(self, peer: socket.socket) -> None:
        """Begin with a new peer."""

    def disconnected(self) -> None:
        """End with the peer."""

    def _accept(self) -> bool:
        try:
            self._peer, _ = self._listener.accept()
        except BlockingIOError:
            return False
        self._peer.setblocking(False)
        if self._peer.family == socket.AF_INET:
            self._peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connected(self._peer)
        return True

    def _hang_up(self) -> None:
        assert self._peer is not None
        self._peer.close()
        self._peer = None
        self.disconnected()


def listening(where: str) -> tuple[socket.socket, str]:
    """Return a listening socket for unix:PATH or tcp:PORT (0: any) and its URL."""
    kind, _, rest = where.partition(":")
    if kind == "unix":
        Path(rest).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(rest)
        return listener, f"unix:{rest}"
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(rest)))
    return listener, f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def open_port(where: str) -> Port:
    """Open a port: pty, unix:PATH or tcp:PORT."""
    return PtyPort() if where == "pty" else SocketPort(*listening(where))


def wait_for(reads: list[Port], writes: list[Port], timeout_s: float | None) -> None:
    """Sleep until the host sends to one of these, or takes from one of those, or the time is over."""
    select.select(reads, writes, [], None if timeout_s is None else max(timeout_s, 0.0))
