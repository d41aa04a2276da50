"""Who has a port open: asked of /proc, and told in the message of a busy port."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from wasmote.errors import Busy
from wasmote.link.holders import Holder, holders
from wasmote.link.ports import explain
from wasmote.link.url import SerialLink, TcpLink


def test_the_process_that_holds_a_port_is_named():
    controller, device = os.openpty()
    try:
        path = os.ttyname(device)
        me = Holder(os.getpid(), Path("/proc/self/comm").read_text().strip())
        assert holders(path) == [me]
        fault = explain(SerialLink(path), OSError(errno.EBUSY, "busy"))
    finally:
        os.close(controller)
        os.close(device)
    assert isinstance(fault, Busy)
    assert fault.message.endswith(f"another program has it open: {me.name} (process {me.pid})")
    assert holders(path) == []


def test_a_link_to_the_device_is_the_device(tmp_path):
    controller, device = os.openpty()
    by_id = tmp_path / "usb-board-if00"
    by_id.symlink_to(os.ttyname(device))
    try:
        assert [holder.pid for holder in holders(str(by_id))] == [os.getpid()]
    finally:
        os.close(controller)
        os.close(device)


def test_an_emulated_board_is_not_in_its_own_way(tmp_path):
    proc = tmp_path / "proc"
    for number, name, files in (
        (7, "firmware.elf", ["/dev/ptmx", "/dev/pts/3"]),
        (8, "wasmote", ["/dev/pts/3"]),
    ):
        (proc / str(number) / "fd").mkdir(parents=True)
        (proc / str(number) / "comm").write_text(f"{name}\n")
        for descriptor, file in enumerate(files):
            (proc / str(number) / "fd" / str(descriptor)).symlink_to(file)
    assert holders("/dev/pts/3", proc) == [Holder(8, "wasmote")]
    (proc / "8" / "fd" / "0").unlink()
    assert holders("/dev/pts/3", proc) == [Holder(7, "firmware.elf")]


def test_processes_that_cannot_be_looked_into_are_passed_over(tmp_path):
    proc = tmp_path / "proc"
    for number, name in ((9, "other"), (10, "mine")):
        (proc / str(number)).mkdir(parents=True)
        (proc / str(number) / "comm").write_text(f"{name}\n")
    (proc / "10" / "fd").mkdir()
    (proc / "10" / "fd" / "3").symlink_to("/dev/ttyACM7")
    (proc / "11").mkdir()  # ended while we looked
    (proc / "self").mkdir()
    assert holders("/dev/ttyACM7", proc) == [Holder(10, "mine")]


def test_without_a_name_the_hint_says_how_root_finds_it():
    fault = explain(SerialLink("/dev/ttyACM9"), OSError(errno.EBUSY, "busy"))
    assert "`sudo fuser -v /dev/ttyACM9` names it" in fault.hint
    assert explain(TcpLink("host", 1), OSError(errno.EBUSY, "busy")).hint == "close the other program"
