"""The contract between a module's stream and a model's input: names, order, units, dtype, shape.

It is written once, in the `[[stream]]` of the module's project file. The manifest carries it on the module's
side; the training script copies it into the model's metadata under `METADATA_KEY`. Whoever joins the two
compares.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields

from wasmote.errors import UsageFault
from wasmote.wire.manifest import Stream

METADATA_KEY = "wasmote.contract"
"""Where a model keeps its contract: a key of an ONNX model's `metadata_props`."""


class ContractMismatch(UsageFault):
    """A model and a module do not fit together; the message names each difference."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What one record of a stream means, and what one row of a model's input must mean."""

    stream: str
    dtype: str
    shape: tuple[int, ...]
    fields: tuple[str, ...]
    units: tuple[str, ...]

    @classmethod
    def of(cls, stream: Stream) -> Contract:
        """The contract that a stream of a manifest offers."""
        return cls(stream.name, stream.dtype.name.lower(), stream.shape, stream.fields, stream.units)

    def to_json(self) -> str:
        """Canonical JSON: keys sorted, no white space, so that equal contracts are equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> Contract:
        """Read what `to_json` wrote; raises ContractMismatch when it is something else."""
        try:
            found = json.loads(text)
            return cls(
                stream=str(found["stream"]),
                dtype=str(found["dtype"]),
                shape=tuple(int(size) for size in found["shape"]),
                fields=tuple(str(name) for name in found["fields"]),
                units=tuple(str(unit) for unit in found["units"]),
            )
        except (ValueError, TypeError, KeyError) as fault:
            message = f"the contract in the model's metadata is not readable: {fault!r}"
            raise ContractMismatch(message, "export the model again") from fault

    def require(self, offered: Contract) -> None:
        """Raise ContractMismatch, naming each difference, unless `offered` is what this one asks for."""
        differences = [
            f"{part.name}: the model wants {_show(wanted)}, the module gives {_show(given)}"
            for part in fields(self)
            if (wanted := getattr(self, part.name)) != (given := getattr(offered, part.name))
        ]
        if differences:
            hint = "train the model on this module's features, or push the module it was trained on"
            raise ContractMismatch(f"model and module do not fit: {'; '.join(differences)}", hint)


def _show(value: str | tuple[object, ...]) -> str:
    return value if isinstance(value, str) else "[" + ", ".join(map(str, value)) + "]"
