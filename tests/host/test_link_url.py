"""Link URLs, and what is said about ports that cannot be opened."""

import asyncio
import errno
import os
import socket

import pytest
import serial

from wasmote.errors import Busy, DeviceNotFound, PermissionRefused, UsageFault
from wasmote.link.ports import explain, open_port
from wasmote.link.url import CoapLink, SerialLink, TcpLink, UnixLink, UsbSerialLink, parse_link


@pytest.mark.parametrize(
    ("text", "link", "name"),
    [
        ("serial:///dev/ttyACM0", SerialLink("/dev/ttyACM0"), "ttyacm0"),
        ("serial:///dev/ttyUSB1?baud=921600", SerialLink("/dev/ttyUSB1", 921600), "ttyusb1"),
        ("/dev/pts/3", SerialLink("/dev/pts/3"), "pts-3"),
        ("serial:id=0669FF50", UsbSerialLink("0669FF50"), "0669ff50"),
        ("serial:id=a%2Fb%3F?baud=9600", UsbSerialLink("a/b?", 9600), "a-b"),
        ("serial:id=A#1", UsbSerialLink("A#1"), "a-1"),
        ("serial:///x#y", SerialLink("/x#y"), "x-y"),
        ("serial:///x%3Fy%25#z?baud=9600", SerialLink("/x?y%#z", 9600), "x-y-z"),
        ("/dev/x?y#z%20", SerialLink("/dev/x?y#z%20"), "x-y-z-20"),
        ("unix:/run/a#b%3F%23", UnixLink("/run/a#b?#"), "run-a-b"),
        ("tcp://127.0.0.1:4444", TcpLink("127.0.0.1", 4444), "127-0-0-1-4444"),
        ("tcp://[::1]:4444", TcpLink("::1", 4444), "1-4444"),
        ("unix:/run/node.sock", UnixLink("/run/node.sock"), "run-node-sock"),
        ("coap://board.local", CoapLink("board.local"), "board.local"),
        ("coap://[::1]:61616/", CoapLink("::1", 61616), "[::1]:61616"),
    ],
)
def test_parse(text, link, name):
    assert parse_link(text) == link
    assert link.name == name
    assert parse_link(str(link)) == link


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("COM3", "unknown kind of link"),
        ("http://board/", "unknown kind of link"),
        ("serial://ttyACM0", "absolute path"),
        ("serial:id=", "a serial number"),
        ("serial:ttyACM0", "absolute path"),
        ("serial:///dev/ttyACM0?baud=fast", "baud=fast is no speed"),
        ("serial:///dev/ttyACM0?parity=even", "unknown option 'parity'"),
        ("tcp://localhost", "host and port are needed"),
        ("tcp://localhost:99999", "'99999' is no port: a number from 1 to 65535"),
        ("coap://127.0.0.1:abc", "'abc' is no port: a number from 1 to 65535"),
        ("coap://127.0.0.1:0", "'0' is no port"),
        ("coap://[::1", "is no address"),
        ("coap://board#x", "nothing may follow"),
        ("coap://" + "a" * 64, "no name of a host"),
        ("tcp://" + "a." * 130 + "b:1", "no name of a host"),
        ("coap://a..b", "no name of a host"),
        ("coap://board?", "nothing may follow"),
        ("unix:/run/a?b", "a . in a path is written %3F"),
        ("serial:///dev/tty\nACM0", "control characters"),
        ("unix:/run/a%00b", "control characters"),
        (" coap://board", "blanks around it"),
        ("tcp://localhost:4444/uart", "nothing may follow"),
        ("unix:run/node.sock", "absolute path"),
        ("coap://", "a host is needed"),
    ],
)
def test_bad_urls_name_the_problem_and_the_forms(text, problem):
    with pytest.raises(UsageFault, match=problem) as caught:
        parse_link(text)
    assert "serial:///dev/ttyACM0?baud=115200" in caught.value.hint


@pytest.mark.parametrize(
    ("number", "kind", "message", "hint"),
    [
        (errno.ENOENT, DeviceNotFound, "no such port", "serial port"),
        (errno.EACCES, PermissionRefused, "no permission", "usermod -aG"),
        (errno.EBUSY, Busy, "another program has it open", "close the other program"),
        (errno.EAGAIN, Busy, "another program has it open", "fuser"),
    ],
)
def test_every_way_a_port_fails_has_its_own_message(number, kind, message, hint):
    fault = explain(SerialLink("/dev/ttyACM9"), serial.SerialException(number, os.strerror(number)))
    assert type(fault) is kind
    assert message in fault.message
    assert "/dev/ttyACM9" in fault.message
    assert hint in fault.hint


async def test_a_file_that_is_no_serial_port(tmp_path):
    path = tmp_path / "notes"
    path.touch()
    with pytest.raises(DeviceNotFound, match="this is no serial port"):
        await open_port(SerialLink(str(path)), asyncio.Protocol)


async def test_a_missing_port():
    with pytest.raises(DeviceNotFound, match=r"serial:///dev/wasmote-none: there is no such port"):
        await open_port(SerialLink("/dev/wasmote-none"), asyncio.Protocol)


async def test_a_file_is_no_port(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(DeviceNotFound):
        await open_port(SerialLink(str(path)), asyncio.Protocol)


async def test_nobody_listens(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound, not listening: the port is ours, and refuses
        with pytest.raises(DeviceNotFound, match="nothing listens there"):
            await open_port(TcpLink("127.0.0.1", probe.getsockname()[1]), asyncio.Protocol)
    with pytest.raises(DeviceNotFound, match="no such socket"):
        await open_port(UnixLink(str(tmp_path / "none.sock")), asyncio.Protocol)
