"""Traces of links as pcapng files, which Wireshark reads and dissects as CoAP.

Slipmux has no link type of its own there. So each message is written as what it would be on a network: a UDP
datagram over IPv4 (LINKTYPE_RAW), between made-up addresses of TEST-NET-1 (RFC 5737) that tell who sent it;
diagnostics as syslog messages (RFC 3164). Every link is an interface of the capture, named by its URL.

Format: draft-ietf-opsawg-pcapng, little endian.
"""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Callable
from pathlib import Path

from wasmote.errors import UsageFault
from wasmote.output import Output, OutputFault

COAP_PORT = 5683
SYSLOG_PORT = 514
HOST_PORT = 61616
HOST_ADDRESS = bytes((192, 0, 2, 1))
FIRST_NODE_ADDRESS = 2  # of 192.0.2.x: the nodes are counted from here
NODES_MAX = 253

_SECTION_HEADER, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6  # block types
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_LINKTYPE_RAW = 101  # begins with an IP header
_OPTION_END, _OPTION_IF_NAME, _OPTION_FLAGS = 0, 2, 2
_INBOUND, _OUTBOUND = 1, 2  # of the flags
_IP_HEADER_BYTES, _UDP_HEADER_BYTES, _PROTOCOL_UDP, _HOP_LIMIT = 20, 8, 17, 64
_SYSLOG_USER_INFO = b"<14>"  # facility 1, severity 6

_log = logging.getLogger("wasmote.trace")

Clock = Callable[[], int]


class TraceFile:
    """One capture file. `clock` gives ns since 1970."""

    def __init__(self, path: Path, clock: Clock = time.time_ns) -> None:
        """Begin a new file. Raises `UsageFault`."""
        try:
            self._file = Output(str(path), str(path))  # unbuffered: complete packets, even if we are killed
        except OSError as fault:
            raise UsageFault(f"{path}: the trace cannot be written: {fault.strerror}") from fault
        self._clock = clock
        self._ended = False
        self._taps: dict[str, Tap] = {}
        self._write(_SECTION_HEADER, struct.pack("<IHHq", _BYTE_ORDER_MAGIC, 1, 0, -1))

    def tap(self, link: str) -> Tap:
        """Return where to report what passes on this link: one for each, however often it is opened."""
        if link not in self._taps:
            number = len(self._taps)
            head = struct.pack("<HHI", _LINKTYPE_RAW, 0, 0)
            self._write(_INTERFACE, head + _option(_OPTION_IF_NAME, link.encode()) + _option(_OPTION_END))
            self._taps[link] = Tap(self, number)
        return self._taps[link]

    def packet(self, interface: int, flags: int, packet: bytes) -> None:
        """Write one packet that passed now; `flags` are those of pcapng."""
        at_us = self._clock() // 1000
        head = struct.pack("<IIIII", interface, at_us >> 32, at_us & 0xFFFFFFFF, len(packet), len(packet))
        options = _option(_OPTION_FLAGS, struct.pack("<I", flags)) + _option(_OPTION_END)
        self._write(_PACKET, head + _padded(packet) + options)

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def _write(self, kind: int, body: bytes) -> None:
        """Write a block. Raises `OutputFault` once: a trace that has missed something is no trace."""
        if self._ended:
            return
        length = len(body) + 12
        try:
            self._file.write(struct.pack("<II", kind, length) + body + struct.pack("<I", length))
        except OutputFault as fault:
            self._ended = True
            _log.error("%s; the trace ends here", fault)
            raise


class Tap:
    """Reports what passes on one link."""

    def __init__(self, trace: TraceFile, number: int) -> None:
        self._trace = trace
        self._number = number
        self._node = HOST_ADDRESS[:3] + bytes([FIRST_NODE_ADDRESS + number % NODES_MAX])

    def sent(self, message: bytes) -> None:
        """Note a CoAP message to the node."""
        packet = udp_packet((HOST_ADDRESS, HOST_PORT), (self._node, COAP_PORT), message)
        self._trace.packet(self._number, _OUTBOUND, packet)

    def received(self, message: bytes) -> None:
        """Note a CoAP message from the node."""
        packet = udp_packet((self._node, COAP_PORT), (HOST_ADDRESS, HOST_PORT), message)
        self._trace.packet(self._number, _INBOUND, packet)

    def diagnostic(self, text: str) -> None:
        """Note diagnostics of the node."""
        words = _SYSLOG_USER_INFO + text.encode()
        packet = udp_packet((self._node, SYSLOG_PORT), (HOST_ADDRESS, SYSLOG_PORT), words)
        self._trace.packet(self._number, _INBOUND, packet)


def udp_packet(source: tuple[bytes, int], destination: tuple[bytes, int], payload: bytes) -> bytes:
    """Return an IPv4 packet (RFC 791) with a UDP datagram (RFC 768), whose checksum is left out."""
    udp_bytes = _UDP_HEADER_BYTES + len(payload)
    head = struct.pack(
        ">BBHHHBBH4s4s",
        *(0x45, 0, _IP_HEADER_BYTES + udp_bytes, 0, 0, _HOP_LIMIT, _PROTOCOL_UDP, 0),
        *(source[0], destination[0]),
    )
    head = head[:10] + internet_checksum(head).to_bytes(2, "big") + head[12:]
    return head + struct.pack(">HHHH", source[1], destination[1], udp_bytes, 0) + payload


def internet_checksum(header: bytes) -> int:
    """Return the checksum of an IP header (RFC 1071) of even length whose own checksum is 0."""
    total: int = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def _option(code: int, value: bytes = b"") -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


_active: TraceFile | None = None


def start(path: Path) -> None:
    """Trace every link that is opened from now on into this file. Raises `UsageFault`."""
    global _active
    stop()
    _active = TraceFile(path)


def stop() -> None:
    """End the trace, if there is one."""
    global _active
    if _active is not None:
        _active.close()
        _active = None


def tap(link: str) -> Tap | None:
    """Return where to report what passes on this link; None when nothing is traced."""
    return _active.tap(link) if _active is not None else None
