"""The program that runs modules for the suite (target.c) on each core: builds it, hands records over."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORDS_MAX = 1 << 20
TIMEOUT_S = 240

# Names, as in wm_status (firmware/core/status.h).
OK, EINVAL, ENOENT, ENOMEM, ENOTSUP, ETRAP, EBUDGET = 0, 1, 2, 3, 8, 10, 11


@dataclass(frozen=True)
class Core:
    """A core, and the emulated machine that has it."""

    name: str
    qemu: tuple[str, ...] = ()
    sanitized: bool = False

    @property
    def program(self) -> Path:
        """The built target."""
        folder = self.name + ("-asan" if self.sanitized else "")
        return ROOT / "build" / "spec" / folder / "target.elf"

    def build(self) -> None:
        """Bring the target up to date."""
        command = ["make", "-s", "-f", "tests/spec/spec.mk", f"CORE={self.name}"]
        command += ["SANITIZE=1"] if self.sanitized else []
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, f"{' '.join(command)}:\n{answer.stdout}{answer.stderr}"

    def command(self, records: Path, answers: Path) -> list[str]:
        """What runs the target."""
        if not self.qemu:
            return [str(self.program), str(records), str(answers)]
        semihosting = f"enable=on,target=native,arg=target,arg={records},arg={answers}"
        plain = [
            "-display",
            "none",
            "-monitor",
            "none",
            "-serial",
            "none",
            "-semihosting-config",
            semihosting,
        ]
        return [*self.qemu, *plain, "-kernel", str(self.program)]


CORES = (
    Core("native"),
    Core("cortex-m4f", ("qemu-system-arm", "-M", "mps2-an386")),
    Core("cortex-m3", ("qemu-system-arm", "-M", "mps2-an385")),
    Core("rv32imc", ("qemu-system-riscv32", "-M", "virt", "-bios", "none")),
)


@dataclass(frozen=True)
class Answer:
    """What the target says to a record: 0 or a wm_status without its sign, 64-bit values, a sentence."""

    status: int
    values: tuple[int, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class ImportedFunction:
    """A function offered to a module: one of spectest's, or an export of the module in a slot."""

    module: str
    name: str
    signature: str
    slot: int = 0xFF
    export: bytes = b""

    def encode(self) -> bytes:
        """As part of a record."""
        names = b"".join(text.encode() + b"\0" for text in (self.module, self.name, self.signature))
        return names + struct.pack("<BH", self.slot, len(self.export)) + self.export


def load_record(slot: int, wasm: bytes, imports: Iterable[ImportedFunction] = ()) -> bytes:
    """Load a module and run its start function."""
    encoded = [entry.encode() for entry in imports]
    return (
        struct.pack("<cBB", b"L", slot, len(encoded))
        + b"".join(encoded)
        + struct.pack("<I", len(wasm))
        + wasm
    )


def invoke_record(slot: int, name: bytes, args: Iterable[int]) -> bytes:
    """Call an export with 64-bit patterns."""
    patterns = list(args)
    head = struct.pack("<cBH", b"I", slot, len(name)) + name + bytes([len(patterns)])
    return head + struct.pack(f"<{len(patterns)}Q", *patterns)


def global_record(slot: int, name: bytes) -> bytes:
    """Read an exported global."""
    return struct.pack("<cBH", b"G", slot, len(name)) + name


END_RECORD = b"E"


@dataclass(frozen=True)
class Run:
    """Answers in the order of the records; when the target died, fewer of them, and what it last said."""

    answers: list[Answer]
    died: str


def run(core: Core, records: bytes) -> Run:
    """Run one batch."""
    assert len(records) < RECORDS_MAX
    with tempfile.TemporaryDirectory() as folder:
        given, taken = Path(folder, "records"), Path(folder, "answers")
        given.write_bytes(records)
        try:
            done = subprocess.run(
                core.command(given, taken), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
            )
            died = "" if done.returncode == 0 else f"exit status {done.returncode}: {done.stderr[-2000:]}"
        except subprocess.TimeoutExpired:
            died = f"no end after {TIMEOUT_S} s"
        return Run(_decode(taken.read_bytes() if taken.exists() else b""), died)


def _decode(encoded: bytes) -> list[Answer]:
    answers, at = [], 0
    while at + 2 <= len(encoded):
        status, count = encoded[at], encoded[at + 1]
        text_at = at + 2 + 8 * count
        if text_at >= len(encoded) or text_at + 1 + encoded[text_at] > len(encoded):
            break  # the target died while it wrote
        values = struct.unpack_from(f"<{count}Q", encoded, at + 2)
        at = text_at + 1 + encoded[text_at]
        answers.append(Answer(status, values, encoded[text_at + 1 : at].decode("ascii", "replace")))
    return answers
