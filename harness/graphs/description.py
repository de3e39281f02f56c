"""One small language for networks, from which every model format is written.

A `Graph` is a list of nodes in the order in which they run. Images are laid out as TensorFlow
does (NHWC); windows slide over an input that is padded with zeros as TensorFlow's SAME does.
Tensors are float32, but for ids (int32), which only `Embedding` and `ToFloat` take. Batch norm
is described (`batch_norm`) and already folded into kernel and bias. `GraphBuilder`
(harness.graphs.builder) writes such graphs, `numpy_forward` runs them, `tflite_writer` and
`tfjs_writer` turn them into files. `Gelu`, `LayerNorm` and `Lstm` are composites: a format
that has no operator for one gets the operators that it is made of (harness.graphs.lowering).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:  # numpy is heavy: `--help` must not import it
    import numpy as np
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float32]"
Shape: TypeAlias = tuple[int, ...]
Activation: TypeAlias = Literal["", "relu", "relu6", "tanh"]
"""What a layer may end in; formats whose layers cannot end in `tanh` write it apart."""
LoneActivation: TypeAlias = Literal["relu", "relu6", "leaky_relu", "tanh", "sigmoid"]
ArithmeticKind: TypeAlias = Literal["add", "sub", "mul", "squared_difference"]

LEAKY_RELU_SLOPE = 0.2
LAYER_NORM_EPSILON = 1e-12
"""As BERT has it."""


@dataclass(frozen=True, slots=True)
class _Learned:
    """Base of the layers that learn; `kernel` and `bias` name weights ('' is no bias)."""

    kernel: str
    bias: str = ""
    activation: Activation = ""
    batch_norm: bool = False


@dataclass(frozen=True, slots=True)
class Conv2D(_Learned):
    """Convolution; the kernel is [height, width, in, out]."""

    stride: int = 1


@dataclass(frozen=True, slots=True)
class DepthwiseConv2D(_Learned):
    """Convolution of each channel with its own window; the kernel is [height, width, channels]."""

    stride: int = 1


@dataclass(frozen=True, slots=True)
class Dense(_Learned):
    """Fully connected layer on [rows, in]; the kernel is [in, out]."""


@dataclass(frozen=True, slots=True)
class Add:
    """Sum of two tensors of one shape."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two operands element by element, broadcast from their last axes as numpy does.

    The second one is the weight named in `weight`, else the number `constant`, else an input.
    """

    kind: ArithmeticKind
    weight: str = ""
    constant: float | None = None


@dataclass(frozen=True, slots=True)
class Activate:
    """An activation that stands alone."""

    kind: LoneActivation


@dataclass(frozen=True, slots=True)
class Gelu:
    """x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))), as BERT has it (arXiv:1606.08415)."""


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Each row along the last axis to mean 0 and variance 1, then · γ + β (arXiv:1607.06450)."""

    gamma: str
    beta: str


@dataclass(frozen=True, slots=True)
class Lstm:
    """The last output of an LSTM over the rows of [steps, in], as [1, units].

    `kernel` is [in, 4·units], `recurrent` [units, 4·units], `bias` [4·units], their gates in
    the order input, forget, cell, output, as Keras lays them out.
    """

    kernel: str
    recurrent: str
    bias: str


@dataclass(frozen=True, slots=True)
class Rsqrt:
    """1 / √x."""


@dataclass(frozen=True, slots=True)
class ToFloat:
    """Ids as float32 numbers."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """Rows of a table [rows, width] by their ids."""

    table: str


@dataclass(frozen=True, slots=True)
class MatMul:
    """Matrix product of two computed tensors over their last two axes."""

    transpose_b: bool = False


@dataclass(frozen=True, slots=True)
class Transpose:
    """Axes in another order."""

    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reduce:
    """Mean or largest value over axes, which stay with length 1 if `keep`."""

    kind: Literal["mean", "max"]
    axes: tuple[int, ...]
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """`size` elements from `begin` on, per axis."""

    begin: tuple[int, ...]
    size: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ResizeBilinear:
    """An image of another size, as TensorFlow 1 makes it: pixel `i` comes from `i·in/out`."""

    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Pad:
    """Zeros around the input; (before, after) per axis."""

    paddings: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class MaxPool:
    """Largest value of each `size` × `size` window."""

    size: int
    stride: int


@dataclass(frozen=True, slots=True)
class GlobalAverage:
    """Mean over height and width: [batch, height, width, channels] → [batch, channels]."""


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same numbers in another shape."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Concat:
    """Inputs side by side along one axis."""

    axis: int


@dataclass(frozen=True, slots=True)
class Softmax:
    """Exponentials along the last axis, scaled to sum 1."""


Layer: TypeAlias = Conv2D | DepthwiseConv2D | Dense
Composite: TypeAlias = Gelu | LayerNorm | Lstm
Plain: TypeAlias = (
    Add
    | Arithmetic
    | Activate
    | Rsqrt
    | ToFloat
    | Embedding
    | MatMul
    | Transpose
    | Reduce
    | Slice
    | ResizeBilinear
    | Pad
    | MaxPool
    | GlobalAverage
    | Reshape
    | Concat
    | Softmax
)
Op: TypeAlias = Layer | Composite | Plain


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: from the tensors named in `inputs` to the tensor named `output`."""

    output: str
    op: Op
    inputs: tuple[str, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Graph:
    """A network with its weights; `inputs` maps names to shapes, in order.

    `ids` maps those inputs that are int32 to how many ids there are, from 0 on. `weight_shapes`
    are known without the weights, which are drawn when they are first read. `left_out` counts
    parameters that the published network has and one inference never reads.
    """

    name: str
    inputs: Mapping[str, Shape]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    weights: Mapping[str, Array] = field(repr=False)
    weight_shapes: Mapping[str, Shape] = field(repr=False)
    ids: Mapping[str, int] = field(default_factory=dict)
    left_out: int = 0

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """Name of every tensor that is computed or given → its shape."""
        return {**self.inputs, **{node.output: node.shape for node in self.nodes}}

    @property
    def parameter_count_folded(self) -> int:
        """Parameters as they stand in the files, batch norm folded."""
        return sum(prod(shape) for shape in self.weight_shapes.values())

    @property
    def parameter_count(self) -> int:
        """Parameters as Keras counts them: a batch norm has four per channel, folded one."""
        normed = {layer.kernel: node.shape[-1] for layer, node in self._layers if layer.batch_norm}
        return self.parameter_count_folded + self.left_out + 3 * sum(normed.values())

    @property
    def multiply_accumulates(self) -> int:
        """Multiply-adds of one inference, of layers and matrix products, without biases.

        Each element of a kernel is used once at each position of the output.
        """
        return sum(self._products(node) for node in self.nodes)

    def _products(self, node: Node) -> int:
        match node.op:
            case Conv2D() | DepthwiseConv2D() | Dense() as layer:
                return prod(node.shape[:-1]) * prod(self.weight_shapes[layer.kernel])
            case MatMul():
                return prod(node.shape) * self.shapes[node.inputs[0]][-1]
            case Lstm(kernel=kernel, recurrent=recurrent):
                steps = self.shapes[node.inputs[0]][0]
                # The first step has no output before it.
                return steps * prod(self.weight_shapes[kernel]) + (steps - 1) * prod(
                    self.weight_shapes[recurrent]
                )
        return 0

    @property
    def _layers(self) -> list[tuple[Layer, Node]]:
        return [(node.op, node) for node in self.nodes if isinstance(node.op, Layer)]
