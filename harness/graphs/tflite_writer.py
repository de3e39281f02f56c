"""Writes a described network as a `.tflite` file, as the TFLite converter would.

Layout of kernels and meaning of options: tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from harness.graphs import tflite_schema
from harness.graphs.description import (
    Activate,
    Add,
    Concat,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAverage,
    Graph,
    Layer,
    MaxPool,
    Node,
    Pad,
    Reshape,
    Shape,
    Softmax,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGNATURE = "serving_default"


def write_tflite(graph: Graph) -> bytes:
    """Return the file of a network, with a signature that names its inputs and outputs.

    Raises:
        PluginError: ai-edge-litert is not installed.
    """
    return tflite_schema.packed(_Writer(graph, tflite_schema.schema()).model())


class _Writer:
    """Collects tensors, buffers and operators; an index of a list is how the file refers."""

    def __init__(self, graph: Graph, schema: Any) -> None:
        self.graph = graph
        self.schema = schema
        self.tensors: list[Any] = []
        self.tensor_of: dict[str, int] = {}
        self.buffers = [tflite_schema.AlignedBuffer()]  # the first one is empty by convention
        self.codes: dict[int, int] = {}
        self.operators: list[Any] = []

    def model(self) -> Any:
        schema, graph = self.schema, self.graph
        for name, shape in graph.shapes.items():
            self.tensor(name, shape, schema.TensorType.FLOAT32)
        for node in graph.nodes:
            self.node(node)
        subgraph = schema.SubGraphT(
            name="main",
            tensors=self.tensors,
            operators=self.operators,
            inputs=[self.tensor_of[name] for name in graph.inputs],
            outputs=[self.tensor_of[name] for name in graph.outputs],
        )
        signature = schema.SignatureDefT(
            signatureKey=SIGNATURE,
            inputs=self.named(graph.inputs),
            outputs=self.named(graph.outputs),
        )
        return schema.ModelT(
            version=3,
            description=f"edgebench {graph.name}, seeded weights",
            operatorCodes=[self.operator_code(code) for code in self.codes],
            subgraphs=[subgraph],
            buffers=self.buffers,
            signatureDefs=[signature],
        )

    def node(self, node: Node) -> None:
        schema, op = self.schema, node.op
        match op:
            case Conv2D() | DepthwiseConv2D() | Dense():
                self.layer(node, op)
            case Add():
                self.operator("ADD", node, schema.AddOptionsT())
            case Activate():
                self.operator(op.kind.upper(), node, None)
            case Pad():
                self.operator("PAD", node, schema.PadOptionsT(), self.numbers(node, op.paddings))
            case MaxPool():
                options = schema.Pool2DOptionsT(
                    padding=schema.Padding.SAME,
                    strideH=op.stride,
                    strideW=op.stride,
                    filterHeight=op.size,
                    filterWidth=op.size,
                )
                self.operator("MAX_POOL_2D", node, options)
            case GlobalAverage():
                options = schema.ReducerOptionsT(keepDims=False)
                self.operator("MEAN", node, options, self.numbers(node, (1, 2)))
            case Reshape():
                options = schema.ReshapeOptionsT(newShape=list(op.shape))
                self.operator("RESHAPE", node, options, self.numbers(node, op.shape))
            case Concat():
                self.operator("CONCATENATION", node, schema.ConcatenationOptionsT(axis=op.axis))
            case Softmax():
                self.operator("SOFTMAX", node, schema.SoftmaxOptionsT(beta=1.0))

    def layer(self, node: Node, op: Layer) -> None:
        import numpy as np

        schema = self.schema
        kernel = self.graph.weights[op.kernel]
        fused = getattr(schema.ActivationFunctionType, op.activation.upper() or "NONE")
        options = {"fusedActivationFunction": fused}
        if not isinstance(op, Dense):
            options |= {"padding": schema.Padding.SAME, "strideH": op.stride, "strideW": op.stride}
        match op:
            case Conv2D():
                code, kind = "CONV_2D", schema.Conv2DOptionsT
                kernel = kernel.transpose(3, 0, 1, 2)
            case DepthwiseConv2D():
                code, kind = "DEPTHWISE_CONV_2D", schema.DepthwiseConv2DOptionsT
                kernel = kernel[np.newaxis]
                options["depthMultiplier"] = 1
            case Dense():
                code, kind = "FULLY_CONNECTED", schema.FullyConnectedOptionsT
                kernel = kernel.transpose()
        # Converters write zeros where there is no bias; not every kernel takes its absence.
        bias = self.graph.weights[op.bias] if op.bias else np.zeros(node.shape[-1:], np.float32)
        self.operator(
            code,
            node,
            kind(**options),
            self.constant(op.kernel, kernel),
            self.constant(op.bias or f"{node.output}/no_bias", bias),
        )

    def operator(self, code: str, node: Node, options: Any, *constants: int) -> None:
        """Add an operator; `options` is an object of the schema, whose class names its kind."""
        schema = self.schema
        number = getattr(schema.BuiltinOperator, code)
        kind = type(options).__name__.removesuffix("T") if options else "NONE"
        self.operators.append(
            schema.OperatorT(
                opcodeIndex=self.codes.setdefault(number, len(self.codes)),
                inputs=[*(self.tensor_of[name] for name in node.inputs), *constants],
                outputs=[self.tensor_of[node.output]],
                builtinOptionsType=getattr(schema.BuiltinOptions, kind),
                builtinOptions=options,
            )
        )

    def numbers(self, node: Node, values: object) -> int:
        """Add an int32 constant of one node and return its index."""
        import numpy as np

        return self.constant(f"{node.output}/numbers", np.array(values, np.int32))

    def constant(self, name: str, array: NDArray[Any]) -> int:
        self.buffers.append(tflite_schema.AlignedBuffer(array.tobytes()))
        kind = getattr(self.schema.TensorType, array.dtype.name.upper())
        return self.tensor(name, array.shape, kind, buffer=len(self.buffers) - 1)

    def tensor(self, name: str, shape: Shape, kind: int, buffer: int = 0) -> int:
        index = self.tensor_of[name] = len(self.tensors)
        self.tensors.append(
            self.schema.TensorT(name=name, shape=list(shape), type=kind, buffer=buffer)
        )
        return index

    def named(self, names: Iterable[str]) -> list[Any]:
        return [
            self.schema.TensorMapT(name=name, tensorIndex=self.tensor_of[name]) for name in names
        ]

    def operator_code(self, number: int) -> Any:
        # Readers from before 2020 know only the first field, a byte.
        return self.schema.OperatorCodeT(
            deprecatedBuiltinCode=min(number, 127), builtinCode=number, version=1
        )
