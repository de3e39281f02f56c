"""Writes a described network as a TF.js graph model, as the TF.js converter would.

A convolution, its bias and the activation behind it become one node (`_FusedConv2D`,
`FusedDepthwiseConv2dNative`), which is what the converter's graph rewriting gives and what the
Wasm backend is fastest at. Format: tfjs-converter's `docs` and `graph_model.ts`; attributes
are those of a TensorFlow GraphDef in JSON.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.graphs.description import (
    LEAKY_RELU_SLOPE,
    Activate,
    Activation,
    Add,
    Arithmetic,
    Concat,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Embedding,
    GlobalAverage,
    Graph,
    Layer,
    LoneActivation,
    MatMul,
    MaxPool,
    Node,
    Op,
    Pad,
    Reduce,
    Reshape,
    ResizeBilinear,
    Rsqrt,
    Shape,
    Slice,
    Softmax,
    ToFloat,
    Transpose,
)
from harness.graphs.lowering import expanded

if TYPE_CHECKING:
    from numpy.typing import NDArray

Json: TypeAlias = dict[str, Any]

SHARD_BYTES = 4 << 20
_DTYPES = {"float32": "DT_FLOAT", "int32": "DT_INT32"}
_INT32 = {"type": "DT_INT32"}
_NO: Json = {"b": False}
_TENSORFLOW_NAMES = {
    "relu": "Relu",
    "relu6": "Relu6",
    "leaky_relu": "LeakyRelu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
}
_ARITHMETIC = {
    "add": "AddV2",
    "sub": "Sub",
    "mul": "Mul",
    "squared_difference": "SquaredDifference",
}
_REDUCTIONS = {"mean": "Mean", "max": "Max"}
_FUSIBLE: Mapping[LoneActivation, Activation] = {"relu": "relu", "relu6": "relu6"}
_FUSED = {
    Conv2D: "_FusedConv2D",
    DepthwiseConv2D: "FusedDepthwiseConv2dNative",
    Dense: "_FusedMatMul",
}
_PLAIN = {Conv2D: "Conv2D", DepthwiseConv2D: "DepthwiseConv2dNative", Dense: "MatMul"}


def write_tfjs(graph: Graph) -> dict[str, bytes]:
    """Return the files of a model by name: `model.json`, and shards of at most 4 MiB."""
    graph = expanded(graph)
    writer = _Writer(graph)
    for node in _fused(graph):
        writer.node(node)
    data = b"".join(array.tobytes() for array in writer.constants.values())
    count = -(-len(data) // SHARD_BYTES)
    shards = {
        f"group1-shard{index + 1}of{count}.bin": data[index * SHARD_BYTES :][:SHARD_BYTES]
        for index in range(count)
    }
    return {"model.json": writer.model_json(list(shards)), **shards}


def _fused(graph: Graph) -> list[Node]:
    """Return the nodes with lone activations moved into the convolutions that they follow."""
    makers = {node.output: node for node in graph.nodes}
    uses = [name for node in graph.nodes for name in node.inputs] + list(graph.outputs)
    nodes: list[Node] = []
    for node in graph.nodes:
        maker = makers.get(node.inputs[0])
        if (
            isinstance(node.op, Activate)
            and node.op.kind in _FUSIBLE
            and maker
            and isinstance(maker.op, Layer)
            and not maker.op.activation
            and uses.count(maker.output) == 1
        ):
            nodes[nodes.index(maker)] = replace(
                maker, output=node.output, op=replace(maker.op, activation=_FUSIBLE[node.op.kind])
            )
        else:
            nodes.append(node)
    return nodes


class _Writer:
    """Collects GraphDef nodes and the arrays of its constants, in one order."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.constants: dict[str, NDArray[Any]] = {}
        self.nodes: list[Json] = [
            {
                "name": name,
                "op": "Placeholder",
                "attr": {
                    "dtype": {"type": _DTYPES[_dtype(graph, name)]},
                    "shape": {"shape": _dimensions(shape)},
                },
            }
            for name, shape in graph.inputs.items()
        ]

    def model_json(self, paths: Sequence[str]) -> bytes:
        shapes = self.graph.shapes
        weights = [
            {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}
            for name, array in self.constants.items()
        ]
        model = {
            "format": "graph-model",
            "generatedBy": f"edgebench {self.graph.name}, seeded weights",
            "convertedBy": None,
            "signature": {
                "inputs": {
                    name: _info(name, shapes[name], _dtype(self.graph, name))
                    for name in self.graph.inputs
                },
                "outputs": {
                    name: _info(name, shapes[name], "float32") for name in self.graph.outputs
                },
            },
            "modelTopology": {"node": self.nodes, "library": {}, "versions": {"producer": 1}},
            "weightsManifest": [{"paths": list(paths), "weights": weights}],
        }
        return json.dumps(model, separators=(",", ":")).encode()

    def node(self, node: Node) -> None:
        match node.op:
            case Conv2D() | DepthwiseConv2D() | Dense() as op:
                self.layer(node, op)
            case Arithmetic() as op:
                self.arithmetic(node, op)
            case Embedding(table=name):
                table = self.constant(name, self.graph.weights[name])
                self.gather(node, table)
            case op:
                kind, numbers, attributes = _operator(op, node)
                self.operator(kind, node, *numbers, **attributes)

    def arithmetic(self, node: Node, op: Arithmetic) -> None:
        import numpy as np

        operands = list(node.inputs)
        if op.weight:
            operands.append(self.constant(op.weight, self.graph.weights[op.weight]))
        elif op.constant is not None:
            number = np.array(op.constant, np.float32)
            operands.append(self.constant(f"{node.output}/constant", number))
        self.append(node.output, _ARITHMETIC[op.kind], operands)

    def gather(self, node: Node, table: str) -> None:
        import numpy as np

        axis = self.constant(f"{node.output}/axis", np.array(0, np.int32))
        attr = {
            "Tparams": {"type": "DT_FLOAT"},
            "Tindices": _INT32,
            "Taxis": _INT32,
            "batch_dims": {"i": "0"},
        }
        operands = [table, *node.inputs, axis]
        self.nodes.append({"name": node.output, "op": "GatherV2", "input": operands, "attr": attr})

    def layer(self, node: Node, op: Layer) -> None:
        kernel = self.graph.weights[op.kernel]
        if isinstance(op, DepthwiseConv2D):
            kernel = kernel[..., None]  # TensorFlow has a channel multiplier there
        operands = [*node.inputs, self.constant(op.kernel, kernel)]
        if isinstance(op, Dense):
            attributes: Json = {"transpose_a": _NO, "transpose_b": _NO}
        else:
            attributes = {**_slides(op.stride), "dilations": _list_i((1, 1, 1, 1))}
        if op.bias:
            operands.append(self.constant(op.bias, self.graph.weights[op.bias]))
            steps = ["BiasAdd", *_named(op.activation)]
            attributes |= {"fused_ops": _list_s(steps), "num_args": {"i": "1"}}
            self.append(node.output, _FUSED[type(op)], operands, attributes)
        elif op.activation:
            linear = f"{node.output}/linear"
            self.append(linear, _PLAIN[type(op)], operands, attributes)
            self.append(node.output, _TENSORFLOW_NAMES[op.activation], [linear])
        else:
            self.append(node.output, _PLAIN[type(op)], operands, attributes)

    def operator(self, op: str, node: Node, *numbers: object, **attributes: Json) -> None:
        """Add a node; each of `numbers` becomes one more input, an int32 constant."""
        import numpy as np

        operands = list(node.inputs)
        for index, values in enumerate(numbers):
            constant = np.array(values, np.int32)
            operands.append(self.constant(f"{node.output}/numbers{index or ''}", constant))
        self.append(node.output, op, operands, attributes)

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Add a constant and return its name; one that several nodes name is added once."""
        if name in self.constants:
            return name
        self.constants[name] = array
        dtype = _DTYPES[array.dtype.name]
        value = {"dtype": dtype, "tensorShape": _dimensions(array.shape)}
        attributes = {"dtype": {"type": dtype}, "value": {"tensor": value}}
        self.nodes.append({"name": name, "op": "Const", "attr": attributes})
        return name

    def append(
        self,
        name: str,
        op: str,
        operands: Sequence[str],
        attributes: Mapping[str, Json] | None = None,
    ) -> None:
        attr = {"T": {"type": _DTYPES["float32"]}, **(attributes or {})}
        self.nodes.append({"name": name, "op": op, "input": list(operands), "attr": attr})


def _operator(op: Op, node: Node) -> tuple[str, tuple[object, ...], dict[str, Json]]:
    """Return a plain operator's name, its int32 inputs, and its attributes."""
    match op:
        case Add():
            return "AddV2", (), {}
        case Activate(kind="leaky_relu"):
            return "LeakyRelu", (), {"alpha": {"f": LEAKY_RELU_SLOPE}}
        case Activate(kind=kind):
            return _TENSORFLOW_NAMES[kind], (), {}
        case Rsqrt():
            return "Rsqrt", (), {}
        case ToFloat():
            return "Cast", (), {"SrcT": _INT32, "DstT": {"type": "DT_FLOAT"}}
        case MatMul(transpose_b=turned):
            return "BatchMatMulV2", (), {"adj_x": _NO, "adj_y": {"b": turned}}
        case Softmax():
            return "Softmax", (), {}
    return _moving_operator(op, node)


def _moving_operator(op: Op, node: Node) -> tuple[str, tuple[object, ...], dict[str, Json]]:
    match op:
        case MaxPool(size=size, stride=stride):
            return "MaxPool", (), {"ksize": _list_i((1, size, size, 1)), **_slides(stride)}
        case GlobalAverage():
            return "Mean", ((1, 2),), {"Tidx": _INT32, "keep_dims": _NO}
        case Reduce():
            attributes: dict[str, Json] = {"Tidx": _INT32, "keep_dims": {"b": op.keep}}
            return _REDUCTIONS[op.kind], (op.axes,), attributes
        case ResizeBilinear():
            sizes = (op.height, op.width)
            return "ResizeBilinear", (sizes,), {"align_corners": _NO, "half_pixel_centers": _NO}
        case Transpose():
            return "Transpose", (op.order,), {"Tperm": _INT32}
        case Slice():
            return "Slice", (op.begin, op.size), {"Index": _INT32}
        case Pad():
            return "Pad", (op.paddings,), {"Tpaddings": _INT32}
        case Reshape():
            return "Reshape", (op.shape,), {"Tshape": _INT32}
        case Concat():
            count = {"i": str(len(node.inputs))}
            return "ConcatV2", (op.axis,), {"Tidx": _INT32, "N": count}
    raise AssertionError(f"no operator for {op}")  # a new one, forgotten here


def _named(activation: Activation | LoneActivation) -> list[str]:
    return [_TENSORFLOW_NAMES[activation]] if activation else []


def _dtype(graph: Graph, name: str) -> str:
    return "int32" if name in graph.ids else "float32"


def _info(name: str, shape: Shape, dtype: str) -> Json:
    return {
        "name": f"{name}:0",
        "dtype": _DTYPES[dtype],
        "tensorShape": _dimensions(shape),
    }


def _slides(stride: int) -> Json:
    return {
        "strides": _list_i((1, stride, stride, 1)),
        "padding": {"s": _base64("SAME")},
        "data_format": {"s": _base64("NHWC")},
    }


def _dimensions(shape: Shape) -> Json:
    return {"dim": [{"size": str(size)} for size in shape]}


def _list_i(numbers: Iterable[int]) -> Json:
    return {"list": {"i": [str(number) for number in numbers]}}


def _list_s(words: Iterable[str]) -> Json:
    return {"list": {"s": [_base64(word) for word in words]}}


def _base64(word: str) -> str:
    return b64encode(word.encode()).decode()
