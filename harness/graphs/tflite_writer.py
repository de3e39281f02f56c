"""Writes a described network as a float32 `.tflite` file, as the TFLite converter would.

Layout of kernels and meaning of options: tensorflow/compiler/mlir/lite/schema/schema.fbs;
versions of operators: tensorflow/compiler/mlir/lite/tools/versioning/op_version.cc. Files with
smaller numbers are written by `harness.graphs.tflite_precisions`, which builds on this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.graphs import tflite_schema
from harness.graphs.description import (
    Arithmetic,
    Array,
    Composite,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Embedding,
    Graph,
    Layer,
    LayerNorm,
    Lstm,
    Node,
    Shape,
)
from harness.graphs.lowering import activations_apart, expanded
from harness.graphs.tflite_operators import ARITHMETIC, operator_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGNATURE = "serving_default"
_INT8_VERSIONS = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4, "RESHAPE": 1}
_HYBRID_VERSIONS = {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 6, "FULLY_CONNECTED": 3}
"""Operators of float32 numbers with int8 weights, those of convolutions per channel."""


def write_tflite(graph: Graph) -> bytes:
    """Return the file of a network, with a signature that names its inputs and outputs.

    Raises:
        PluginError: ai-edge-litert is not installed.
    """
    return tflite_schema.packed(TfliteWriter(graph, tflite_schema.schema()).model())


class TfliteWriter:
    """Collects tensors, buffers and operators; an index of a list is how the file refers.

    What a kind of file does otherwise stands in `begin`, `kernel`, `bias`, `operand`, `table`
    and `end`. `composites` are those that it has no operator for.
    """

    description = "seeded weights"
    # There is an operator for a whole LSTM; it keeps its state from one inference to the next, and
    # benchmark_model never resets it: each inference would compute something else.
    composites: tuple[type[Composite], ...] = (LayerNorm, Lstm)

    def __init__(self, graph: Graph, schema: Any) -> None:
        # No layer's kernels end in tanh.
        self.graph = activations_apart(expanded(graph, self.composites), "tanh")
        self.schema = schema
        self.tensors: list[Any] = []
        self.tensor_of: dict[str, int] = {}
        self.buffers = [tflite_schema.AlignedBuffer()]  # the first one is empty by convention
        self.codes: dict[tuple[int, int], int] = {}
        self.operators: list[Any] = []
        self.constants: dict[str, int] = {}

    def model(self) -> Any:
        schema, graph = self.schema, self.graph
        inputs = self.begin()
        for node in graph.nodes:
            self.node(node)
        outputs = self.end()
        subgraph = schema.SubGraphT(
            name="main",
            tensors=self.tensors,
            operators=self.operators,
            inputs=list(inputs.values()),
            outputs=list(outputs.values()),
        )
        signature = schema.SignatureDefT(
            signatureKey=SIGNATURE, inputs=self.named(inputs), outputs=self.named(outputs)
        )
        return schema.ModelT(
            version=3,
            description=f"edgebench {graph.name}, {self.description}",
            operatorCodes=[self.operator_code(*code) for code in self.codes],
            subgraphs=[subgraph],
            buffers=self.buffers,
            signatureDefs=[signature],
        )

    def begin(self) -> dict[str, int]:
        """Add the tensors that are computed; return those that the graph is given, by name."""
        types = self.schema.TensorType
        for name, shape in self.graph.shapes.items():
            self.tensor(name, shape, types.INT32 if name in self.graph.ids else types.FLOAT32)
        return {name: self.tensor_of[name] for name in self.graph.inputs}

    def end(self) -> dict[str, int]:
        """Return the tensors that the graph gives, by name."""
        return {name: self.tensor_of[name] for name in self.graph.outputs}

    def kernel(self, node: Node, op: Layer, kernel: Array, axis: int | None) -> int:
        """Add a kernel, as it lies in the file, and return its index.

        `axis` counts output channels, None for a dense layer.
        """
        del node, axis
        return self.constant(op.kernel, kernel)

    def bias(self, node: Node, name: str, bias: Array, kernel: int) -> int:
        """Add a bias that goes with the kernel of that index, and return its own."""
        del node, kernel
        return self.constant(name, bias)

    def operand(self, name: str, values: Array) -> int:
        """Add a weight or a number that takes part in arithmetic, and return its index."""
        return self.constant(name, values)

    def table(self, node: Node, name: str, table: Array) -> None:
        """Add a table and what looks its rows up."""
        ids = self.tensor_of[node.inputs[0]]
        inputs = [self.constant(name, table), ids]
        output = self.tensor_of[node.output]
        self.operation("GATHER", inputs, output, self.schema.GatherOptionsT(axis=0))

    def node(self, node: Node) -> None:
        match node.op:
            case Conv2D() | DepthwiseConv2D() | Dense() as op:
                self.layer(node, op)
            case Arithmetic() as op:
                self.arithmetic(node, op)
            case Embedding(table=table):
                self.table(node, table, self.graph.weights[table])
            case op:
                found = operator_of(op, self.schema)
                numbers = [
                    self.numbers(node, values, index) for index, values in enumerate(found.numbers)
                ]
                self.operator(found.code, node, found.options, *numbers)

    def arithmetic(self, node: Node, op: Arithmetic) -> None:
        import numpy as np

        constants = []
        if op.weight:
            constants = [self.operand(op.weight, self.graph.weights[op.weight])]
        elif op.constant is not None:
            number = np.array(op.constant, np.float32)
            constants = [self.operand(f"{node.output}/constant", number)]
        code, options = ARITHMETIC[op.kind]
        self.operator(code, node, getattr(self.schema, options)(), *constants)

    def layer(self, node: Node, op: Layer) -> None:
        import numpy as np

        schema = self.schema
        array = self.graph.weights[op.kernel]
        axis: int | None = None
        fused = getattr(schema.ActivationFunctionType, op.activation.upper() or "NONE")
        options = {"fusedActivationFunction": fused}
        if not isinstance(op, Dense):
            options |= {"padding": schema.Padding.SAME, "strideH": op.stride, "strideW": op.stride}
        match op:
            case Conv2D():
                code, kind = "CONV_2D", schema.Conv2DOptionsT
                array, axis = array.transpose(3, 0, 1, 2), 0
            case DepthwiseConv2D():
                code, kind = "DEPTHWISE_CONV_2D", schema.DepthwiseConv2DOptionsT
                array, axis = array[np.newaxis], 3
                options["depthMultiplier"] = 1
            case Dense():
                code, kind = "FULLY_CONNECTED", schema.FullyConnectedOptionsT
                array = array.transpose()
        # Converters write zeros where there is no bias; not every kernel takes its absence.
        bias = self.graph.weights[op.bias] if op.bias else np.zeros(node.shape[-1:], np.float32)
        kernel = self.kernel(node, op, array, axis)
        bias_index = self.bias(node, op.bias or f"{node.output}/no_bias", bias, kernel)
        self.operator(code, node, kind(**options), kernel, bias_index)

    def operator(self, code: str, node: Node, options: Any, *constants: int) -> None:
        """Add an operator; `options` is an object of the schema, whose class names its kind."""
        inputs = [*(self.tensor_of[name] for name in node.inputs), *constants]
        self.operation(code, inputs, self.tensor_of[node.output], options)

    def operation(self, code: str, inputs: list[int], output: int, options: Any) -> None:
        """Add an operator between tensors by their indices."""
        schema = self.schema
        number = getattr(schema.BuiltinOperator, code)
        kind = type(options).__name__.removesuffix("T") if options else "NONE"
        versioned = (number, self.version(code, inputs))
        self.operators.append(
            schema.OperatorT(
                opcodeIndex=self.codes.setdefault(versioned, len(self.codes)),
                inputs=inputs,
                outputs=[output],
                builtinOptionsType=getattr(schema.BuiltinOptions, kind),
                builtinOptions=options,
            )
        )

    def version(self, code: str, inputs: list[int]) -> int:
        """Return the oldest version of an operator that takes tensors of these types."""
        types = self.schema.TensorType
        first, *others = (self.tensors[index].type for index in inputs)
        if code == "DEQUANTIZE":
            return 3 if first == types.FLOAT16 else 2
        if first == types.INT8:
            return _INT8_VERSIONS.get(code, 2)
        return _HYBRID_VERSIONS.get(code, 1) if types.INT8 in others else 1

    def numbers(self, node: Node, values: object, index: int = 0) -> int:
        """Add an int32 constant of one node and return its index."""
        import numpy as np

        name = f"{node.output}/numbers{index or ''}"
        return self.constant(name, np.array(values, np.int32))

    def constant(self, name: str, array: NDArray[Any], quantization: Any = None) -> int:
        """Add a constant and return its index; one that several nodes name is added once."""
        if name in self.constants:
            return self.constants[name]
        self.buffers.append(tflite_schema.AlignedBuffer(array.tobytes()))
        kind = getattr(self.schema.TensorType, array.dtype.name.upper())
        index = self.tensor(name, array.shape, kind, quantization, len(self.buffers) - 1)
        self.constants[name] = index
        return index

    def tensor(
        self,
        name: str,
        shape: Shape,
        kind: int,
        quantization: Any = None,
        buffer: int = 0,
    ) -> int:
        index = self.tensor_of[name] = len(self.tensors)
        self.tensors.append(
            self.schema.TensorT(
                name=name,
                shape=list(shape),
                type=kind,
                buffer=buffer,
                quantization=quantization,
            )
        )
        return index

    def named(self, tensors: Mapping[str, int]) -> list[Any]:
        return [
            self.schema.TensorMapT(name=name, tensorIndex=index) for name, index in tensors.items()
        ]

    def operator_code(self, number: int, version: int) -> Any:
        # Readers from before 2020 know only the first field, a byte.
        return self.schema.OperatorCodeT(
            deprecatedBuiltinCode=min(number, 127), builtinCode=number, version=version
        )
