"""One small language for networks, from which every model format is written.

A `Graph` is a list of nodes in the order in which they run. Tensors are float32 and laid out
as TensorFlow does (NHWC); windows slide over an input that is padded with zeros as
TensorFlow's SAME does. Batch norm is described (`batch_norm`) and already folded into kernel
and bias. `GraphBuilder` (harness.graphs.builder) writes such graphs, `numpy_forward` runs
them, `tflite_writer` and `tfjs_writer` turn them into files.
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
Activation: TypeAlias = Literal["", "relu", "relu6"]


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
    """Fully connected layer on [batch, in]; the kernel is [in, out]."""


@dataclass(frozen=True, slots=True)
class Add:
    """Sum of two tensors of one shape."""


@dataclass(frozen=True, slots=True)
class Activate:
    """An activation that stands alone."""

    kind: Literal["relu", "relu6"]


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
Op: TypeAlias = Layer | Add | Activate | Pad | MaxPool | GlobalAverage | Reshape | Concat | Softmax


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: from the tensors named in `inputs` to the tensor named `output`."""

    output: str
    op: Op
    inputs: tuple[str, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Graph:
    """A network with its weights; `inputs` maps names to shapes, in order."""

    name: str
    inputs: Mapping[str, Shape]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    weights: Mapping[str, Array] = field(repr=False)

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """Name of every tensor that is computed or given → its shape."""
        return {**self.inputs, **{node.output: node.shape for node in self.nodes}}

    @property
    def parameter_count_folded(self) -> int:
        """Parameters as they stand in the files, batch norm folded."""
        return sum(weight.size for weight in self.weights.values())

    @property
    def parameter_count(self) -> int:
        """Parameters as Keras counts them: a batch norm has four per channel, folded one."""
        return self.parameter_count_folded + sum(
            3 * node.shape[-1] for layer, node in self._layers if layer.batch_norm
        )

    @property
    def multiply_accumulates(self) -> int:
        """Multiply-adds of one inference, of convolutions and dense layers, without biases.

        Each element of a kernel is used once at each position of the output.
        """
        return sum(
            prod(node.shape[:-1]) * self.weights[layer.kernel].size for layer, node in self._layers
        )

    @property
    def _layers(self) -> list[tuple[Layer, Node]]:
        return [(node.op, node) for node in self.nodes if isinstance(node.op, Layer)]
