"""Running models, on what their contract (`wasmote.contract`) says they were trained on.

A model fed with other numbers answers just as confidently, so a model without a contract is not loaded, and
its contract is compared with the module's stream wherever the two are joined.
"""

from __future__ import annotations

import hashlib
import importlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wasmote.errors import UsageFault, WasmoteError
from wasmote.gateway.contract import METADATA_KEY, Contract

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from wasmote.gateway.config import OnnxModelSettings
SHORT_DIGEST_BYTES = 8


class ModelFault(UsageFault):
    """A model file that cannot be used."""


class Model(Protocol):
    """Something that turns one record into numbers. `digest` is short, and names the file that was loaded."""

    name: str
    digest: bytes
    contract: Contract

    def predict(self, values: npt.NDArray[np.float32]) -> tuple[float, ...]:
        """Return the model's outputs for one record's values, float32 [n]."""


class OnnxModel:
    """A model run by onnxruntime on one thread.

    Records are run one by one, never in batches: a matrix product may round differently for another number of
    rows, and equal features have to give equal predictions.
    """

    def __init__(self, path: Path) -> None:
        """Load a file. Raises ModelFault for none, or one whose input is not as in its contract."""
        onnxruntime = _onnxruntime()
        self.name = path.name
        try:
            content = path.read_bytes()
        except OSError as fault:
            raise ModelFault(f"{path}: {fault.strerror}", "name a model file that exists") from fault
        self.digest = hashlib.sha256(content).digest()[:SHORT_DIGEST_BYTES]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors, which are raised as well
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
        self._input, self._shape = self._input_of(path)

    def predict(self, values: npt.NDArray[np.float32]) -> tuple[float, ...]:
        """Return all outputs of the model for one record, in order."""
        outputs: list[Any] = self._session.run(None, {self._input: values.reshape(self._shape)})
        return tuple(float(value) for output in outputs for value in output.ravel())

    def _input_of(self, path: Path) -> tuple[str, tuple[int, ...]]:
        """The name of the only input, and the shape that one record takes there."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            found = ", ".join(f"{one.name}: {one.type}" for one in inputs)
            raise ModelFault(f"{path}: has inputs {found}", "a model takes one tensor of float32")
        shape = tuple(size if isinstance(size, int) else 1 for size in inputs[0].shape)  # a name: free, so 1
        if math.prod(shape) != self.contract.count:
            raise ModelFault(
                f"{path}: its input takes {list(shape)}, its contract has shape {list(self.contract.shape)}",
                "model and contract were not exported together: export it again",
            )
        return inputs[0].name, shape


def load_model(settings: OnnxModelSettings) -> Model:
    """Load the model that a pipeline names; `kind` chooses the class."""
    return OnnxModel(settings.file)


def _onnxruntime() -> Any:
    """Import onnxruntime, which takes half a second, only where there is a model."""
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as fault:
        raise WasmoteError(
            "a pipeline needs onnxruntime, which is not installed", "pip install 'wasmote[gateway]'"
        ) from fault
