"""The contract between a module's stream and a model's input: name, dtype, shape, fields and units.

It is written once, in the `[[stream]]` of the module's project file. The manifest carries it on the module's
side; whoever trains a model copies it into the model's metadata, as JSON under `METADATA_KEY`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from wasmote.errors import VerificationRefused

if TYPE_CHECKING:
    from wasmote.wire.manifest import Manifest, Stream

METADATA_KEY = "wasmote.contract"  # of an ONNX model's `metadata_props`


class ContractMismatch(VerificationRefused):
    """A module's stream is not what the model was trained on; the message names the first difference."""


@dataclass(frozen=True)
class Contract:
    """The records that a model expects. Names of fields and units are those of the manifest."""

    stream: str
    dtype: str
    shape: tuple[int, ...]
    fields: tuple[str, ...]
    units: tuple[str, ...]

    @classmethod
    def of(cls, stream: Stream) -> Self:
        """What a stream of a manifest offers."""
        return cls(
            stream.name,
            stream.dtype.name.lower(),
            tuple(stream.shape),
            tuple(stream.fields),
            tuple(stream.units),
        )

    @classmethod
    def from_json(cls, text: str, where: str) -> Self:
        """Read a model's metadata; `where` names the model in errors. Further keys are ignored.

        Raises ContractMismatch for what is no contract.
        """
        try:
            item = json.loads(text)
            shape = tuple(int(size) for size in item["shape"])
            return cls(
                _text(item["stream"]),
                _text(item["dtype"]),
                shape,
                tuple(map(_text, item["fields"])),
                tuple(map(_text, item["units"])),
            )
        except (ValueError, KeyError, TypeError) as fault:
            raise ContractMismatch(
                f"{where}: its {METADATA_KEY} cannot be read: {type(fault).__name__}: {fault}",
                "it is JSON with stream, dtype, shape, fields and units: export the model again",
            ) from fault

    def to_json(self) -> str:
        """What `from_json` reads; equal contracts are equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def count(self) -> int:
        """Values in one record."""
        return math.prod(self.shape)

    def check(self, manifest: Manifest, model: str, fed: str | None = None) -> None:
        """Compare with the stream of a module that is `fed` to the model; by default the one that it names.

        Raises ContractMismatch that names the first difference.
        """
        for difference in self._differences(manifest, self.stream if fed is None else fed):
            raise ContractMismatch(
                f"model {model} does not fit module {manifest.name} {manifest.version}: {difference}",
                "train the model on this module's features, or feed it the stream that it was trained on",
            )

    def _differences(self, manifest: Manifest, fed: str) -> Iterator[str]:
        if fed != self.stream:
            yield f"it reads stream {self.stream!r}, and is fed stream {fed!r}"
        stream = next((stream for stream in manifest.streams if stream.name == fed), None)
        if stream is None:
            names = ", ".join(stream.name for stream in manifest.streams) or "none"
            yield f"it reads stream {fed!r}, the module's streams are: {names}"
            return
        given = Contract.of(stream)
        if given.dtype != self.dtype:
            yield f"it reads {self.dtype} values, stream {self.stream!r} holds {given.dtype}"
        if given.shape != self.shape:
            yield f"it reads records of shape {list(self.shape)}, the module's have {list(given.shape)}"
        yield from _label_differences("field", self.fields, given.fields)
        yield from _label_differences("unit", self.units, given.units)


def _label_differences(label: str, wanted: tuple[str, ...], given: tuple[str, ...]) -> Iterator[str]:
    for index, (one, other) in enumerate(zip(wanted, given, strict=False)):
        if one != other:
            yield f"{label} {index} is {one!r} to the model and {other!r} to the module"
    if len(wanted) != len(given):
        yield f"it knows {len(wanted)} {label}s, the module names {len(given)}"


def _text(item: object) -> str:
    if not isinstance(item, str):
        raise TypeError(f"{item!r:.60} is no text")
    return item
