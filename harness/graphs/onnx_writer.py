"""Writes a described network as a float32 `.onnx` file, as converters of TensorFlow models would.

Inputs and outputs keep their layout (NHWC), so that every format of a model is fed the same
bytes; inside, convolutions run on NCHW as ONNX has them, with kernels that are stored so, and
a Transpose stands where the layouts meet. Messages and field numbers: onnx/onnx.proto;
operators: onnx/docs/Operators.md, operator set 17 (onnxruntime 1.12 and later).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from harness.protobuf import delimited, float32, integer, integers, text

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPERATOR_SET = 17
_IR_VERSION = 8
# TensorProto.DataType and AttributeProto.AttributeType
_DATA_TYPES = {"float32": 1, "int32": 6, "int64": 7}
_FLOAT, _INT, _STRING, _INTS = 1, 2, 3, 7
_TO_NCHW, _TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)

_ACTIVATIONS = {"relu": "Relu", "leaky_relu": "LeakyRelu", "tanh": "Tanh", "sigmoid": "Sigmoid"}
_ARITHMETIC = {"add": "Add", "sub": "Sub", "mul": "Mul"}
_REDUCTIONS = {"mean": "ReduceMean", "max": "ReduceMax"}

Attribute: TypeAlias = int | float | str | tuple[int, ...]


def write_onnx(graph: Graph) -> bytes:
    """Return the file of a network; its inputs and outputs have the graph's names and shapes."""
    graph = expanded(graph)
    writer = _Writer(graph)
    for node in graph.nodes:
        writer.node(node)
    for name in graph.outputs:
        writer.plain(name)
    return writer.model()


class _Writer:
    """Collects nodes and initializers; a tensor that is laid out as NCHW is called `NAME/nchw`."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.shapes = graph.shapes
        self.made = set(graph.inputs)
        self.nodes: list[bytes] = []
        self.initializers: dict[str, bytes] = {}

    def model(self) -> bytes:
        graph = [
            *(delimited(1, node) for node in self.nodes),
            text(2, self.graph.name),
            *(delimited(5, tensor) for tensor in self.initializers.values()),
            *(
                delimited(11, _value(name, shape, "int32" if name in self.graph.ids else "float32"))
                for name, shape in self.graph.inputs.items()
            ),
            *(
                delimited(12, _value(name, self.shapes[name], "float32"))
                for name in self.graph.outputs
            ),
        ]
        return b"".join(
            (
                integer(1, _IR_VERSION),
                text(2, "edgebench"),
                text(6, f"{self.graph.name}, seeded weights"),
                delimited(7, b"".join(graph)),
                delimited(8, integer(2, OPERATOR_SET)),
            )
        )

    def node(self, node: Node) -> None:
        match node.op:
            case Conv2D() | DepthwiseConv2D() | Dense() as op:
                self.layer(node, op)
            case Add():
                self.alike("Add", node)
            case Activate(kind=kind):
                self.alone(node, kind)
            case Concat(axis=axis):
                self.alike("Concat", node, axis)
            case Arithmetic() as op:
                self.arithmetic(node, op)
            case Pad() | MaxPool() | GlobalAverage() | ResizeBilinear() as op:
                self.image(node, op)
            case Embedding() | MatMul() | Rsqrt() as op:
                self.table_or_product(node, op)
            case op:
                called, numbers, attributes = _operator(op)
                constants = [
                    self.constant(f"{node.output}/numbers{index or ''}", _int64(values))
                    for index, values in enumerate(numbers)
                ]
                self.add(called, [self.plain(node.inputs[0]), *constants], node.output, attributes)

    def image(self, node: Node, op: Pad | MaxPool | GlobalAverage | ResizeBilinear) -> None:
        match op:
            case Pad(paddings=paddings):
                self.pad(node, paddings)
            case MaxPool(size=size, stride=stride):
                self.max_pool(node, size, stride)
            case GlobalAverage():
                self.global_average(node)
            case ResizeBilinear():
                self.resize(node, op)

    def table_or_product(self, node: Node, op: Embedding | MatMul | Rsqrt) -> None:
        operands = [self.plain(name) for name in node.inputs]
        match op:
            case Embedding(table=table):
                rows = self.constant(table, self.graph.weights[table])
                self.add("Gather", [rows, *operands], node.output, {"axis": 0})
            case MatMul(transpose_b=turned):
                x, y = operands
                if turned:
                    axes = range(len(self.shapes[node.inputs[1]]))
                    order = (*axes[:-2], axes[-1], axes[-2])
                    y = self.transposed(y, f"{node.output}/turned", order)
                self.add("MatMul", [x, y], node.output)
            case Rsqrt():
                self.add("Sqrt", operands, f"{node.output}/root")
                self.add("Reciprocal", [f"{node.output}/root"], node.output)

    def arithmetic(self, node: Node, op: Arithmetic) -> None:
        operands = [self.plain(name) for name in node.inputs]
        if op.weight:
            operands.append(self.constant(op.weight, self.graph.weights[op.weight]))
        elif op.constant is not None:
            operands.append(self.constant(f"{node.output}/constant", _float32(op.constant)))
        if op.kind != "squared_difference":
            self.add(_ARITHMETIC[op.kind], operands, node.output)
            return
        difference = f"{node.output}/difference"
        self.add("Sub", operands, difference)
        self.add("Mul", [difference, difference], node.output)

    def resize(self, node: Node, op: ResizeBilinear) -> None:
        batch, _, _, channels = self.shapes[node.inputs[0]]
        sizes = self.constant(f"{node.output}/size", _int64((batch, channels, op.height, op.width)))
        # An optional input that is left out has an empty name.
        operands = [self.nchw(node.inputs[0]), "", "", sizes]
        attributes = {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}
        self.add("Resize", operands, _laid(node.output, True), attributes)

    def layer(self, node: Node, op: Layer) -> None:
        if isinstance(op, Dense):
            self.dense(node, op)
            return
        kernel = self.graph.weights[op.kernel]
        size = kernel.shape[:2]
        if isinstance(op, Conv2D):
            kernel, group = kernel.transpose(3, 2, 0, 1), 1
        else:
            kernel, group = kernel.transpose(2, 0, 1)[:, None], kernel.shape[2]
        operands = [self.nchw(node.inputs[0]), self.constant(op.kernel, kernel)]
        if op.bias:
            operands.append(self.constant(op.bias, self.graph.weights[op.bias]))
        attributes = {**self.windows(node, size, op.stride), "group": group}
        self.activated("Conv", operands, _laid(node.output, True), op.activation, attributes)

    def dense(self, node: Node, op: Dense) -> None:
        names = [name for name in (op.kernel, op.bias) if name]
        weights = [self.constant(name, self.graph.weights[name]) for name in names]
        operands = [self.plain(node.inputs[0]), *weights]
        self.activated("Gemm", operands, node.output, op.activation)

    def max_pool(self, node: Node, size: int, stride: int) -> None:
        windows = self.windows(node, (size, size), stride)
        self.add("MaxPool", [self.nchw(node.inputs[0])], _laid(node.output, True), windows)

    def global_average(self, node: Node) -> None:
        pooled = f"{node.output}/pooled"
        self.add("GlobalAveragePool", [self.nchw(node.inputs[0])], pooled)
        self.add("Flatten", [pooled], node.output, {"axis": 1})

    def windows(self, node: Node, size: Sequence[int], stride: int) -> dict[str, Attribute]:
        """Return what slides over the input, padded as TensorFlow's SAME: the odd one at the end.

        Explicit, since runtimes disagree about `auto_pad` more often than about numbers.
        """
        extents = self.shapes[node.inputs[0]][1:3]
        missing = [
            max((-(-extent // stride) - 1) * stride + window - extent, 0)
            for extent, window in zip(extents, size, strict=True)
        ]
        pads = (*(total // 2 for total in missing), *(total - total // 2 for total in missing))
        return {"kernel_shape": tuple(size), "strides": (stride, stride), "pads": pads}

    def pad(self, node: Node, paddings: Sequence[tuple[int, int]]) -> None:
        nchw = self.is_nchw(node.inputs[0])
        ordered = [paddings[axis] for axis in _TO_NCHW] if nchw else paddings
        amounts = [before for before, _ in ordered] + [after for _, after in ordered]
        pads = self.constant(f"{node.output}/pads", _int64(amounts))
        self.add("Pad", [_laid(node.inputs[0], nchw), pads], _laid(node.output, nchw))

    def alone(self, node: Node, kind: LoneActivation) -> None:
        nchw = self.is_nchw(node.inputs[0])
        self.activation(kind, _laid(node.inputs[0], nchw), _laid(node.output, nchw))

    def alike(self, op: str, node: Node, axis: int | None = None) -> None:
        """Add a node whose operands must share a layout: NCHW if all of them have it.

        `axis` counts as the description does, in NHWC.
        """
        nchw = all(map(self.is_nchw, node.inputs))
        operands = [_laid(name, True) if nchw else self.plain(name) for name in node.inputs]
        attributes = None if axis is None else {"axis": _TO_NHWC[axis] if nchw else axis}
        self.add(op, operands, _laid(node.output, nchw), attributes)

    def activated(
        self,
        op: str,
        operands: Sequence[str],
        output: str,
        activation: Activation,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> None:
        linear = f"{output}/linear" if activation else output
        self.add(op, operands, linear, attributes)
        if activation:
            self.activation(activation, linear, output)

    def activation(self, kind: Activation | LoneActivation, operand: str, output: str) -> None:
        if kind in _ACTIVATIONS:
            slope = {"alpha": LEAKY_RELU_SLOPE} if kind == "leaky_relu" else None
            self.add(_ACTIVATIONS[kind], [operand], output, slope)
            return
        limits = [self.constant(name, _float32(value)) for name, value in (("0", 0), ("6", 6))]
        self.add("Clip", [operand, *limits], output)

    def is_nchw(self, name: str) -> bool:
        return _laid(name, True) in self.made

    def nchw(self, name: str) -> str:
        return self.transposed(name, _laid(name, True), _TO_NCHW)

    def plain(self, name: str) -> str:
        return self.transposed(_laid(name, True), name, _TO_NHWC)

    def transposed(self, source: str, wanted: str, order: tuple[int, ...]) -> str:
        if wanted not in self.made:
            self.add("Transpose", [source], wanted, {"perm": order})
        return wanted

    def add(
        self,
        op: str,
        operands: Sequence[str],
        output: str,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> None:
        self.made.add(output)
        parts = [text(1, name) for name in operands]
        parts += [text(2, output), text(3, output), text(4, op)]
        parts += [delimited(5, _attribute(name, v)) for name, v in (attributes or {}).items()]
        self.nodes.append(b"".join(parts))

    def constant(self, name: str, array: NDArray[Any]) -> str:
        self.initializers[name] = b"".join(
            (
                integers(1, array.shape),
                integer(2, _DATA_TYPES[array.dtype.name]),
                text(8, name),
                delimited(9, array.tobytes()),
            )
        )
        return name


def _laid(name: str, nchw: bool) -> str:
    return f"{name}/nchw" if nchw else name


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, int):
        return text(1, name) + integer(3, value) + integer(20, _INT)
    if isinstance(value, float):
        return text(1, name) + float32(2, value) + integer(20, _FLOAT)
    if isinstance(value, str):
        return text(1, name) + text(4, value) + integer(20, _STRING)
    return text(1, name) + integers(8, value) + integer(20, _INTS)


def _operator(op: Op) -> tuple[str, tuple[Iterable[int], ...], dict[str, Attribute]]:
    """Return a plain operator's name, its int64 inputs, and its attributes."""
    match op:
        case Reshape():
            return "Reshape", (op.shape,), {}
        case Softmax():
            return "Softmax", (), {"axis": -1}
        case ToFloat():
            return "Cast", (), {"to": _DATA_TYPES["float32"]}
        case Transpose():
            return "Transpose", (), {"perm": op.order}
        case Reduce():
            return _REDUCTIONS[op.kind], (), {"axes": op.axes, "keepdims": int(op.keep)}
        case Slice():
            ends = [begin + size for begin, size in zip(op.begin, op.size, strict=True)]
            return "Slice", (op.begin, ends, range(len(ends))), {}
    raise AssertionError(f"no operator for {op}")  # a new one, forgotten here


def _value(name: str, shape: Shape, dtype: str) -> bytes:
    dimensions = b"".join(delimited(1, integer(1, size)) for size in shape)
    tensor = integer(1, _DATA_TYPES[dtype]) + delimited(2, dimensions)
    return text(1, name) + delimited(2, delimited(1, tensor))


def _int64(numbers: Iterable[int]) -> NDArray[Any]:
    import numpy as np

    return np.array(list(numbers), "<i8")


def _float32(number: float) -> NDArray[Any]:
    import numpy as np

    return np.array(number, "<f4")
