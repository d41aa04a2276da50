"""Link URLs: an emulator's UART, a serial port and a host on the network are told apart only here."""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass

from wasmote.errors import UsageFault

DEFAULT_BAUD = 115200
COAP_PORT = 5683  # RFC 7252 section 12.6

_FORMS = (
    "serial:///dev/ttyACM0?baud=115200, serial:id=SERIAL, tcp://HOST:PORT, unix:/PATH or coap://HOST[:PORT]"
)


def _label(text: str) -> str:
    """Make a DNS label (RFC 1035 section 2.3.1) of a path or an address."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[-63:].strip("-") or "node"


@dataclass(frozen=True, slots=True)
class SerialLink:
    """A serial port, slipmux on it."""

    path: str
    baud: int = DEFAULT_BAUD

    @property
    def name(self) -> str:
        """A DNS label that stands for this port."""
        return _label(self.path.removeprefix("/dev/"))

    def __str__(self) -> str:
        return f"serial://{_quoted(self.path)}" + _baud_suffix(self.baud)


@dataclass(frozen=True, slots=True)
class UsbSerialLink:
    """The serial port of the USB device with this serial number, whatever its path is at the moment."""

    serial_number: str
    baud: int = DEFAULT_BAUD

    @property
    def name(self) -> str:
        """A DNS label that stands for this device."""
        return _label(self.serial_number)

    def __str__(self) -> str:
        return f"serial:id={_quoted(self.serial_number)}" + _baud_suffix(self.baud)


@dataclass(frozen=True, slots=True)
class TcpLink:
    """A byte stream over TCP, slipmux on it: an emulator's UART, a serial device server."""

    host: str
    port: int

    @property
    def name(self) -> str:
        """A DNS label that stands for this address."""
        return _label(f"{self.host}-{self.port}")

    def __str__(self) -> str:
        return f"tcp://{_bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixLink:
    """A byte stream over a Unix socket, slipmux on it."""

    path: str

    @property
    def name(self) -> str:
        """A DNS label that stands for this socket."""
        return _label(self.path)

    def __str__(self) -> str:
        return f"unix:{_quoted(self.path)}"


@dataclass(frozen=True, slots=True)
class CoapLink:
    """A node on the network: CoAP over UDP."""

    host: str
    port: int = COAP_PORT

    @property
    def name(self) -> str:
        """The authority part of its CoAP URIs."""
        return _bracketed(self.host) + (f":{self.port}" if self.port != COAP_PORT else "")

    def __str__(self) -> str:
        return f"coap://{self.name}"


StreamLink = SerialLink | UsbSerialLink | TcpLink | UnixLink
Link = StreamLink | CoapLink


def parse_link(text: str) -> Link:
    """Parse a link URL; a path below /dev is a serial port. Raises `UsageFault`.

    There are no fragments: a # is a part of the path, and only ? and % have to be written %3F and %25.
    """
    if text.startswith("/dev/"):
        return SerialLink(text)
    plain = urllib.parse.unquote(text)
    if not plain.isprintable() or text != text.strip():  # urlsplit would leave them out, and open() not take
        raise _fault(text, "blanks around it or control characters in it")
    try:
        parts = urllib.parse.urlsplit(text, allow_fragments=False)
        host = parts.hostname
    except ValueError as fault:
        raise _fault(text, "what stands in [brackets] is no address") from fault
    port = _port(text, parts)
    if host is not None and not _is_host(host):
        raise _fault(text, "this is no name of a host: its parts have 1 to 63 characters")
    match parts.scheme:
        case "serial":
            return _serial(text, parts)
        case "tcp":
            _refuse_rest(text, parts)
            if not host or port is None:
                raise _fault(text, "host and port are needed")
            return TcpLink(host, port)
        case "unix":
            path = urllib.parse.unquote(parts.path)
            if parts.netloc or not path.startswith("/"):
                raise _fault(text, "an absolute path is needed")
            if "?" in text:
                raise _fault(text, "a ? in a path is written %3F")
            return UnixLink(path)
        case "coap":
            _refuse_rest(text, parts)
            if not host:
                raise _fault(text, "a host is needed")
            return CoapLink(host, COAP_PORT if port is None else port)
    raise _fault(text, "unknown kind of link")


def _is_host(host: str) -> bool:
    try:
        host.encode("idna")  # RFC 3490, as the resolver does
    except UnicodeError:
        return False
    return len(host) <= 253


def _port(text: str, parts: urllib.parse.SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0  # no number, or a larger one
    if port == 0:
        written = parts.netloc.rpartition(":")[2]
        raise _fault(text, f"{written!r} is no port: a number from 1 to 65535")
    return port


def _serial(text: str, parts: urllib.parse.SplitResult) -> SerialLink | UsbSerialLink:
    path = urllib.parse.unquote(parts.path)
    baud = _baud(text, parts.query)
    if not parts.netloc and path.startswith("id=") and path != "id=":
        return UsbSerialLink(path.removeprefix("id="), baud)
    if parts.netloc or not path.startswith("/") or path == "/":
        raise _fault(text, "an absolute path after serial:// is needed, or serial:id= and a serial number")
    return SerialLink(path, baud)


def _baud(text: str, query: str) -> int:
    options = urllib.parse.parse_qs(query, keep_blank_values=True)
    baud = options.pop("baud", [str(DEFAULT_BAUD)])[-1]
    if options:
        raise _fault(text, f"unknown option {next(iter(options))!r}; there is only baud")
    if not baud.isascii() or not baud.isdigit() or not 0 < int(baud) <= 20_000_000:
        raise _fault(text, f"baud={baud} is no speed")
    return int(baud)


def _baud_suffix(baud: int) -> str:
    return f"?baud={baud}" if baud != DEFAULT_BAUD else ""


def _quoted(path: str) -> str:
    return urllib.parse.quote(path, safe="/:#@!$&'()*+,;=~")


def _refuse_rest(text: str, parts: urllib.parse.SplitResult) -> None:
    if parts.path.strip("/") or "?" in text or parts.username:
        raise _fault(text, "nothing may follow the address")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _fault(text: str, problem: str) -> UsageFault:
    return UsageFault(f"link {text!r}: {problem}", f"a link is {_FORMS}")
