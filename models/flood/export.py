"""The trained model as one ONNX graph: `features` float32 [n, fields] to `flow` float32 [n, 1], m3/s."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.flood.network import Dense, FloodModel
from wasmote.gateway.contract import METADATA_KEY, Contract
from wasmote.wire.manifest import Stream

OPSET = 17
IR_VERSION = 8  # of the releases that brought opset 17: older onnxruntimes load it too


def to_onnx(model: FloodModel, stream: Stream) -> onnx.ModelProto:
    """Build the graph and copy the stream's contract into its metadata."""
    graph = _Graph()
    parts = [graph.chain("linear", (model.linear,))]
    if model.members:
        outputs = [graph.chain(f"member_{index}", layers) for index, layers in enumerate(model.members)]
        parts.append(graph.add("Mean", outputs, "members"))
    total = graph.add("Sum", parts, "total")
    graph.add("Relu", [total], "flow")
    made = helper.make_graph(
        graph.nodes,
        "flood",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", stream.count])],
        [helper.make_tensor_value_info("flow", TensorProto.FLOAT, ["n", 1])],
        graph.constants,
    )
    proto = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    proto.producer_name = "wasmote models/flood"
    helper.set_model_props(proto, {METADATA_KEY: Contract.of(stream).to_json()})
    onnx.checker.check_model(proto, full_check=True)
    return proto


class _Graph:
    """Collects nodes and constants; every node has one output, named like the node."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, inputs: list[str], name: str) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name))
        return name

    def chain(self, name: str, layers: tuple[Dense, ...]) -> str:
        """Dense layers one after the other, tanh between them."""
        value = "features"
        for index, layer in enumerate(layers):
            value = self._dense(f"{name}_{index}", layer, value)
            if layer is not layers[-1]:
                value = self.add("Tanh", [value], f"{value}_tanh")
        return value

    def _dense(self, name: str, layer: Dense, value: str) -> str:
        weights, bias = f"{name}_weights", f"{name}_bias"
        for constant, array in ((weights, layer.weights), (bias, layer.bias)):
            self.constants.append(numpy_helper.from_array(array.astype(np.float32), constant))
        return self.add("Gemm", [value, weights, bias], name)
