"""Describes a network layer after layer; nothing is drawn or computed meanwhile."""

from __future__ import annotations

from math import prod

from harness.graphs.description import (
    Activate,
    Activation,
    Add,
    Arithmetic,
    ArithmeticKind,
    Concat,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Embedding,
    Gelu,
    GlobalAverage,
    Graph,
    Layer,
    LayerNorm,
    LoneActivation,
    Lstm,
    MatMul,
    MaxPool,
    Node,
    Op,
    Pad,
    Reduce,
    Reshape,
    ResizeBilinear,
    Shape,
    Slice,
    Softmax,
    ToFloat,
    Transpose,
)
from harness.graphs.shapes import shape_of


class GraphBuilder:
    """Adds layer after layer; each call returns the name of the tensor that it makes.

    The same calls with the same seed give the same bytes, on any machine.
    """

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._seed = seed
        self._inputs: dict[str, Shape] = {}
        self._ids: dict[str, int] = {}
        self._nodes: list[Node] = []
        self._weights: dict[str, Shape] = {}
        self._spreads: dict[str, float] = {}
        self._shapes: dict[str, Shape] = {}
        self._left_out = 0

    def input(self, shape: Shape, name: str = "input") -> str:
        """Declare an input; it is calibrated for values in [0, 1)."""
        self._inputs[name] = self._shapes[name] = shape
        return name

    def ids(self, shape: Shape, count: int, name: str) -> str:
        """Declare an int32 input of ids from 0 to below `count`."""
        self._ids[name] = count
        return self.input(shape, name)

    def shape(self, x: str) -> Shape:
        """Return the shape of a tensor."""
        return self._shapes[x]

    def channels(self, x: str) -> int:
        """Return the length of a tensor's last axis."""
        return self._shapes[x][-1]

    def conv(
        self,
        x: str,
        channels: int,
        *,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        batch_norm: bool = False,
        activation: Activation = "",
        name: str = "",
    ) -> str:
        """Add a convolution with a bias or a batch norm."""
        name = name or self._next("conv")
        op = Conv2D(f"{name}/kernel", f"{name}/bias", activation, batch_norm, stride)
        window = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        return self._learn(name, op, x, (*window, self.channels(x), channels))

    def depthwise(
        self,
        x: str,
        *,
        kernel: int = 3,
        stride: int = 1,
        batch_norm: bool = False,
        activation: Activation = "",
    ) -> str:
        """Add a depthwise convolution; without batch norm it has no bias either."""
        name = self._next("depthwise")
        bias = f"{name}/bias" if batch_norm else ""
        op = DepthwiseConv2D(f"{name}/kernel", bias, activation, batch_norm, stride)
        return self._learn(name, op, x, (kernel, kernel, self.channels(x)))

    def dense(
        self,
        x: str,
        units: int,
        *,
        activation: Activation = "",
        spread: float = 1,
        bias: bool = True,
        name: str = "",
    ) -> str:
        """Add a fully connected layer on [rows, in], its outputs about `spread` apart."""
        name = name or self._next("dense")
        op = Dense(f"{name}/kernel", f"{name}/bias" if bias else "", activation)
        self._spreads[op.kernel] = spread
        return self._learn(name, op, x, (self.channels(x), units))

    def lstm(self, x: str, units: int) -> str:
        """Add an LSTM over the rows of [steps, in]; gives its last output, [1, units]."""
        name = self._next("lstm")
        op = Lstm(f"{name}/kernel", f"{name}/recurrent", f"{name}/bias")
        self._weights[op.kernel] = (self.channels(x), 4 * units)
        self._weights[op.recurrent] = (units, 4 * units)
        self._weights[op.bias] = (4 * units,)
        return self._append(name, op, x)

    def embedding(self, ids: str, rows: int, width: int) -> str:
        """Look rows of a table up by their ids."""
        name = self._next("embedding")
        self._weights[f"{name}/table"] = (rows, width)
        return self._append(name, Embedding(f"{name}/table"), ids)

    def add(self, x: str, y: str) -> str:
        """Add two tensors of one shape."""
        return self._append(self._next("add"), Add(), x, y)

    def arithmetic(self, kind: ArithmeticKind, x: str, y: str | float) -> str:
        """Combine a tensor with another one or with a number, element by element."""
        if isinstance(y, str):
            return self._append(self._next(kind), Arithmetic(kind), x, y)
        return self._append(self._next(kind), Arithmetic(kind, constant=y), x)

    def learned(self, kind: ArithmeticKind, x: str, shape: Shape, *, whole: int = 0) -> str:
        """Combine a tensor with a weight of a shape that is broadcast to the tensor's.

        `whole` is the size of the published weight where one inference reads only a part of it.
        """
        name = self._next(kind)
        self._weights[f"{name}/weight"] = shape
        self._left_out += max(whole - prod(shape), 0)
        return self._append(name, Arithmetic(kind, f"{name}/weight"), x)

    def layer_norm(self, x: str) -> str:
        """Normalise the rows of a tensor along its last axis."""
        name = self._next("layer_norm")
        op = LayerNorm(f"{name}/gamma", f"{name}/beta")
        self._weights[op.gamma] = self._weights[op.beta] = (self.channels(x),)
        return self._append(name, op, x)

    def relu(self, x: str) -> str:
        """Add a ReLU that stands alone."""
        return self.activate(x, "relu")

    def activate(self, x: str, kind: LoneActivation) -> str:
        """Add an activation that stands alone."""
        return self._append(self._next(kind), Activate(kind), x)

    def gelu(self, x: str) -> str:
        """Add a GELU by its tanh formula."""
        return self._append(self._next("gelu"), Gelu(), x)

    def to_float(self, x: str) -> str:
        """Turn ids into numbers."""
        return self._append(self._next("to_float"), ToFloat(), x)

    def matmul(self, x: str, y: str, *, transpose_b: bool = False) -> str:
        """Multiply two tensors as matrices over their last two axes."""
        return self._append(self._next("matmul"), MatMul(transpose_b), x, y)

    def transpose(self, x: str, order: tuple[int, ...]) -> str:
        """Put axes into another order."""
        return self._append(self._next("transpose"), Transpose(order), x)

    def reduce_max(self, x: str, *axes: int) -> str:
        """Add a maximum over axes, which go."""
        return self._append(self._next("max"), Reduce("max", axes), x)

    def mean(self, x: str, *axes: int) -> str:
        """Add a mean over axes, which go."""
        return self._append(self._next("mean"), Reduce("mean", axes), x)

    def slice(self, x: str, begin: tuple[int, ...], size: tuple[int, ...]) -> str:
        """Cut a block out of a tensor."""
        return self._append(self._next("slice"), Slice(begin, size), x)

    def upscale(self, x: str, factor: int) -> str:
        """Enlarge an image bilinearly."""
        _, height, width, _ = self.shape(x)
        op = ResizeBilinear(factor * height, factor * width)
        return self._append(self._next("resize"), op, x)

    def pad(self, x: str, paddings: tuple[tuple[int, int], ...]) -> str:
        """Put zeros around a tensor: (before, after) per axis."""
        return self._append(self._next("pad"), Pad(paddings), x)

    def pad_channels(self, x: str, channels: int) -> str:
        """Add zero channels at the end until there are `channels`."""
        missing = channels - self.channels(x)
        return self.pad(x, ((0, 0),) * (len(self.shape(x)) - 1) + ((0, missing),))

    def max_pool(self, x: str, *, size: int = 2, stride: int = 2) -> str:
        """Add a maximum over windows."""
        return self._append(self._next("max_pool"), MaxPool(size, stride), x)

    def global_average(self, x: str) -> str:
        """Add a mean over height and width."""
        return self._append(self._next("global_average"), GlobalAverage(), x)

    def reshape(self, x: str, shape: Shape) -> str:
        """Give the same numbers another shape; one -1 in it stands for what remains."""
        known = prod(size for size in shape if size >= 0)
        rest = prod(self.shape(x)) // known
        whole = tuple(rest if size < 0 else size for size in shape)
        return self._append(self._next("reshape"), Reshape(whole), x)

    def concat(self, *xs: str, axis: int, name: str = "") -> str:
        """Put tensors side by side."""
        return self._append(name or self._next("concat"), Concat(axis), *xs)

    def softmax(self, x: str, name: str = "") -> str:
        """Add a softmax over the last axis."""
        return self._append(name or self._next("softmax"), Softmax(), x)

    def build(self, *outputs: str, fused: bool = True) -> Graph:
        """Return the network that ends in these tensors; `fused=False` takes its layers apart."""
        from harness.graphs.lowering import unfused
        from harness.graphs.seeded_weights import SeededWeights

        nodes = tuple(self._nodes)
        weights = SeededWeights(
            self._name, self._seed, self._inputs, self._ids, nodes, self._weights, self._spreads
        )
        graph = Graph(
            self._name,
            self._inputs,
            nodes,
            outputs,
            weights,
            self._weights,
            self._ids,
            self._left_out,
        )
        return graph if fused else unfused(graph)

    def _next(self, kind: str) -> str:
        return f"{kind}_{len(self._nodes)}"

    def _append(self, name: str, op: Op, *xs: str) -> str:
        shape = shape_of(op, [self._shapes[x] for x in xs], self._weights)
        self._nodes.append(Node(name, op, xs, shape))
        self._shapes[name] = shape
        return name

    def _learn(self, name: str, op: Layer, x: str, kernel_shape: Shape) -> str:
        self._weights[op.kernel] = kernel_shape
        if op.bias:
            self._weights[op.bias] = kernel_shape[-1:]
        return self._append(name, op, x)
