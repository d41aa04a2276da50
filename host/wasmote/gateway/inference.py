"""Running models, on what their contract (`wasmote.contract`) says they were trained on.

A model fed with other numbers answers just as confidently, so a model without a contract is not loaded, and
its contract is compared with the module's stream wherever the two are joined.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wasmote.errors import UsageFault, WasmoteError
from wasmote.gateway.contract import METADATA_KEY, Contract
from wasmote.onnx_runtime import import_onnxruntime

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from wasmote.gateway.config import OnnxModelSettings

SHORT_DIGEST_BYTES = 8
_NUMBER_KINDS = tuple("fiub")  # of a dtype: float, signed, unsigned, bool


class ModelFault(UsageFault):
    """A model file that cannot be used, or a record that the model cannot."""


class Model(Protocol):
    """Something that turns one record into numbers. `digest` is short, and names the file that was loaded."""

    name: str
    digest: bytes
    contract: Contract

    def predict(self, values: npt.NDArray[np.float32]) -> tuple[float, ...]:
        """Return the model's outputs for one record's values, float32 [n]. Raises ModelFault."""


class OnnxModel:
    """A model run by onnxruntime on one thread.

    Records are run one by one, never in batches: a matrix product may round differently for another number of
    rows, and equal features have to give equal predictions.
    """

    def __init__(self, path: Path) -> None:
        """Load a file and run it once.

        Raises ModelFault for none, or one whose input is not as in its contract or whose answer is no number.
        """
        onnxruntime = _onnxruntime()
        self.name = path.name
        try:
            content = path.read_bytes()
        except OSError as fault:
            raise ModelFault(f"{path}: {fault.strerror}", "name a model file that exists") from fault
        self.digest = hashlib.sha256(content).digest()[:SHORT_DIGEST_BYTES]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # not errors, which are raised as well
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as fault:  # onnxruntime's exceptions share no base class of their own
            raise ModelFault(
                f"{path}: is no model that onnxruntime loads: {fault}", "export it again"
            ) from fault
        metadata = self._session.get_modelmeta().custom_metadata_map
        if METADATA_KEY not in metadata:
            raise ModelFault(
                f"{path}: has no {METADATA_KEY} in its metadata",
                "a model has to say what it was trained on: add the contract when exporting it",
            )
        self.contract = Contract.from_json(metadata[METADATA_KEY], str(path))
        self._outputs = [one.name for one in self._session.get_outputs()]
        self._input, self._shape = self._input_of(path)
        self._try_out(path)

    def predict(self, values: npt.NDArray[np.float32]) -> tuple[float, ...]:
        """Return all outputs of the model for one record, in order. Raises ModelFault where there is none."""
        try:
            outputs: list[Any] = self._session.run(None, {self._input: values.reshape(self._shape)})
        except Exception as fault:
            raise ModelFault(f"the model fails: {' '.join(str(fault).split())}") from fault
        numbers = [list(_numbers(*one)) for one in zip(self._outputs, outputs, strict=True)]
        if not any(numbers):
            raise ModelFault("the model's answer holds no value")
        return tuple(itertools.chain(*numbers))

    def _try_out(self, path: Path) -> None:
        """Run the model on a record of ones: a logarithm and a quotient of them are defined."""
        import numpy as np

        try:
            self.predict(np.ones(self.contract.count, np.float32))
        except ModelFault as fault:
            fault.locate(path)
            fault.hint = fault.hint or "a model answers each record with numbers: export it again"
            raise

    def _input_of(self, path: Path) -> tuple[str, tuple[int, ...]]:
        """The name of the only input, and the shape that one record takes there."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            found = ", ".join(f"{one.name}: {one.type}" for one in inputs)
            raise ModelFault(f"{path}: has inputs {found}", "a model takes one tensor of float32")
        shape = _shape_of_one(inputs[0].shape, self.contract.shape)
        if shape is None:
            takes = [1 if _is_free(size) else size for size in inputs[0].shape]
            raise ModelFault(
                f"{path}: its input takes {takes}, its contract has shape {list(self.contract.shape)}",
                "a model takes one record at a time, of its contract's shape: export it again",
            )
        return inputs[0].name, shape


def _is_free(size: object) -> bool:
    """Whether a dimension of an input has a name, or nothing, in place of a number."""
    return not isinstance(size, int)


def _shape_of_one(takes: Sequence[object], record: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape in which an input takes one record: alone, or as a batch of one; None where it does not."""
    for shape in ((1, *record), record):
        pairs = zip(takes, shape, strict=False)
        if len(takes) == len(shape) and all(_is_free(size) or size == wanted for size, wanted in pairs):
            return shape
    shape = tuple(size if isinstance(size, int) else 1 for size in takes)
    return shape if math.prod(shape) == math.prod(record) else None


def _numbers(name: str, output: Any) -> Iterator[float]:
    """The values of one output. Raises ModelFault where they are none."""
    kind = getattr(getattr(output, "dtype", None), "kind", "")
    if kind not in _NUMBER_KINDS:
        what = "text" if kind in "OUS" and kind else f"a {type(output).__name__}"
        raise ModelFault(
            f"the model's output {name!r} is {what}, not a tensor of numbers",
            "export it without that output; of scikit-learn: with the option zipmap=False",
        )
    yield from map(float, output.ravel())


def load_model(settings: OnnxModelSettings) -> Model:
    """Load the model that a pipeline names; `kind` chooses the class."""
    return OnnxModel(settings.file)


def _onnxruntime() -> Any:
    """Import onnxruntime, which takes half a second, only where there is a model."""
    try:
        return import_onnxruntime()
    except ImportError as fault:
        raise WasmoteError(
            "a pipeline needs onnxruntime, which is not installed", "pip install 'wasmote[gateway]'"
        ) from fault
