"""Traces: read back by a small pcapng reader written here, and by tshark where it is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiocoap import Code
from aiocoap.message import Message

from fake_line import FakeServer, fake_udp
from fake_node import FakeNode
from wasmote.errors import UsageFault
from wasmote.link import trace
from wasmote.link.trace import TraceFile, internet_checksum
from wasmote.node import Node

AT_NS = 1_700_000_000_123_456_789


@dataclass
class Capture:
    """What a pcapng file holds."""

    interfaces: list[str] = field(default_factory=list)
    packets: list[tuple[int, int, int, bytes]] = field(default_factory=list)  # interface, us, flags, packet

    def payloads(self, port: int = 5683) -> list[tuple[int, int, bytes]]:
        """(interface, flags, payload) of the UDP datagrams with this port, their headers checked."""
        found = []
        for interface, _, flags, packet in self.packets:
            assert packet[0] == 0x45
            assert packet[9] == 17
            assert internet_checksum(packet[:20]) == 0
            assert struct.unpack_from(">H", packet, 2) == (len(packet),)
            source, destination, length = struct.unpack_from(">HHH", packet, 20)
            assert length == len(packet) - 20
            sent = flags == 2
            if (destination if sent else source) == port:
                assert packet[12:16] == bytes((192, 0, 2, 1 if sent else 2 + interface))
                assert packet[16:20] == bytes((192, 0, 2, 2 + interface if sent else 1))
                found.append((interface, flags, packet[28:]))
        return found


def options(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at < len(data):
        code, length = struct.unpack_from("<HH", data, at)
        found[code] = data[at + 4 : at + 4 + length]
        at += 4 + (length + 3) // 4 * 4
    return found


def read(path: Path) -> Capture:
    data, at, capture = path.read_bytes(), 0, Capture()
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        body = data[at + 8 : at + length - 4]
        assert struct.unpack_from("<I", data, at + length - 4) == (length,)
        assert length % 4 == 0
        if at == 0:
            assert (kind, body[:4]) == (0x0A0D0D0A, b"\x4d\x3c\x2b\x1a")
        elif kind == 1:
            assert struct.unpack_from("<H", body) == (101,)
            capture.interfaces.append(options(body[8:])[2].decode())
        else:
            interface, high, low, captured, original = struct.unpack_from("<IIIII", body)
            assert (kind, captured) == (6, original)
            (flags,) = struct.unpack("<I", options(body[20 + (captured + 3) // 4 * 4 :])[2])
            capture.packets.append((interface, high << 32 | low, flags, body[20 : 20 + captured]))
        at += length
    return capture


@pytest.fixture
def traced(tmp_path):
    path = tmp_path / "link.pcapng"
    trace.start(path)
    yield path
    trace.stop()


def test_packets_and_times(tmp_path):
    path = tmp_path / "t.pcapng"
    file = TraceFile(path, lambda: AT_NS)
    file.tap("tcp://a:1").sent(b"abc")
    file.tap("tcp://b:2").received(b"de")
    file.tap("tcp://a:1").diagnostic("grüezi")
    capture = read(path)  # complete although it is still open
    file.close()
    assert capture.interfaces == ["tcp://a:1", "tcp://b:2"]
    assert {at_us for _, at_us, _, _ in capture.packets} == {AT_NS // 1000}
    assert capture.payloads() == [(0, 2, b"abc"), (1, 1, b"de")]
    assert capture.payloads(514) == [(0, 1, "<14>grüezi".encode())]


async def test_both_kinds_of_link_go_into_one_file(traced):
    serial, network = FakeNode(), FakeNode()
    async with (
        FakeServer(serial) as server,
        fake_udp(network) as url,
        await Node.connect(server.url) as first,
        await Node.connect(url) as second,
    ):
        server.line.diagnostic("hello")
        await first.info()
        await second.info()
    capture = read(traced)
    assert capture.interfaces == [server.url, url]
    messages = [(number, flags, Message.decode(data)) for number, flags, data in capture.payloads()]
    codes = [(number, flags, message.code) for number, flags, message in messages]
    for number in range(2):  # a probe and a request each
        assert codes.count((number, 2, Code.GET)) == codes.count((number, 1, Code.CONTENT)) == 2
    assert capture.payloads(514) == [(0, 1, b"<14>hello")]


async def test_nothing_is_traced_unless_asked_for():
    async with FakeServer(FakeNode()) as server, await Node.connect(server.url) as node:
        assert node._endpoint.connection is not None
        assert node._endpoint.connection._tap is None


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(UsageFault, match="the trace cannot be written: Is a directory"):
        trace.start(tmp_path)


def test_every_command_takes_the_option_or_the_variable(tmp_path):
    link = f"unix:{tmp_path}/none.sock"
    command = [sys.executable, "-m", "wasmote", "ls", "--link", link]
    by_option, by_variable = tmp_path / "option.pcapng", tmp_path / "variable.pcapng"
    environment = os.environ | {"WASMOTE_TRACE": str(by_variable)}
    for more, path in ((["--trace", str(by_option)], by_option), ([], by_variable)):
        done = subprocess.run([*command, *more], env=environment, capture_output=True, check=False)
        assert done.returncode == 3
        assert read(path).interfaces == [link]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark: tools/setup --peers")
def test_wireshark_reads_it(traced):
    async def ask() -> None:
        async with FakeServer(FakeNode()) as server, await Node.connect(server.url) as node:
            await node.info()

    asyncio.run(ask())
    trace.stop()
    fields = ["-T", "fields", "-e", "coap.code", "-e", "coap.opt.uri_path_recon", "-Y", "coap"]
    done = subprocess.run(["tshark", "-r", traced, *fields], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0].split() == [str(int(Code.GET)), "/node"]
