"""Builds a described network with seeded weights that keep every layer alive.

Kernels are drawn uniformly (harness.outputs.uniform). One seeded input then goes through the
network, and each layer is normalised by what comes out of it: its channels get a seeded mean
and spread. Where a layer has batch norm, the measured moments are the norm's mean and
variance, and are folded: kernel·γ/√(variance+ε) and β − mean·γ/√(variance+ε). Elsewhere the
same step is a data-dependent initialisation (Krähenbühl et al. 2016, arXiv:1511.06856).

The measured moments are rounded to few bits and computed in float64, so that a linear
algebra library that sums in another order gives the same weights to the last bit.
"""

from __future__ import annotations

from math import prod, sqrt

import numpy as np

from harness.graphs.description import (
    Activate,
    Activation,
    Add,
    Array,
    Concat,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAverage,
    Graph,
    Layer,
    MaxPool,
    Node,
    Op,
    Pad,
    Reshape,
    Shape,
    Softmax,
)
from harness.graphs.numpy_forward import Floats, activate, compute, product
from harness.outputs import uniform

EPSILON = 1e-3
"""Added to a batch norm's variance, as Keras does."""

_MOMENT_BITS = 10
_GAMMA = (0.5, 1.5)
_BETA = (-0.5, 1.0)


class GraphBuilder:
    """Adds layer after layer; each call returns the name of the tensor that it makes.

    The same calls with the same seed give the same bytes, on any machine.
    """

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._seed = seed
        self._inputs: dict[str, Shape] = {}
        self._nodes: list[Node] = []
        self._weights: dict[str, Array] = {}
        self._tensors: dict[str, Floats] = {}

    def input(self, shape: Shape, name: str = "input") -> str:
        """Declare an input; it is calibrated for values in [0, 1)."""
        self._inputs[name] = shape
        self._tensors[name] = self._draw(name, shape)
        return name

    def channels(self, x: str) -> int:
        """Return the length of a tensor's last axis."""
        return int(self._tensors[x].shape[-1])

    def conv(
        self,
        x: str,
        channels: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        batch_norm: bool = False,
        activation: Activation = "",
        name: str = "",
    ) -> str:
        """Add a convolution with a bias or a batch norm."""
        name = name or self._next("conv")
        op = Conv2D(f"{name}/kernel", f"{name}/bias", activation, batch_norm, stride)
        return self._learn(name, op, x, (kernel, kernel, self.channels(x), channels))

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

    def dense(self, x: str, units: int, *, activation: Activation = "", spread: float = 1) -> str:
        """Add a fully connected layer with a bias, its outputs about `spread` apart."""
        name = self._next("dense")
        op = Dense(f"{name}/kernel", f"{name}/bias", activation)
        return self._learn(name, op, x, (self.channels(x), units), spread)

    def add(self, x: str, y: str) -> str:
        """Add two tensors of one shape."""
        return self._append(self._next("add"), Add(), x, y)

    def relu(self, x: str) -> str:
        """Add an activation that stands alone."""
        return self._append(self._next("relu"), Activate("relu"), x)

    def pad_channels(self, x: str, channels: int) -> str:
        """Add zero channels at the end until there are `channels`."""
        missing = channels - self.channels(x)
        paddings = ((0, 0),) * (self._tensors[x].ndim - 1) + ((0, missing),)
        return self._append(self._next("pad"), Pad(paddings), x)

    def max_pool(self, x: str, *, size: int = 2, stride: int = 2) -> str:
        """Add a maximum over windows."""
        return self._append(self._next("max_pool"), MaxPool(size, stride), x)

    def global_average(self, x: str) -> str:
        """Add a mean over height and width."""
        return self._append(self._next("global_average"), GlobalAverage(), x)

    def reshape(self, x: str, shape: Shape) -> str:
        """Give the same numbers another shape; one -1 in it stands for what remains."""
        whole = self._tensors[x].reshape(shape).shape
        return self._append(self._next("reshape"), Reshape(whole), x)

    def concat(self, *xs: str, axis: int, name: str = "") -> str:
        """Put tensors side by side."""
        return self._append(name or self._next("concat"), Concat(axis), *xs)

    def softmax(self, x: str, name: str = "") -> str:
        """Add a softmax over the last axis."""
        return self._append(name or self._next("softmax"), Softmax(), x)

    def build(self, *outputs: str) -> Graph:
        """Return the network that ends in these tensors."""
        return Graph(self._name, self._inputs, tuple(self._nodes), outputs, self._weights)

    def _next(self, kind: str) -> str:
        return f"{kind}_{len(self._nodes)}"

    def _append(self, name: str, op: Op, *xs: str) -> str:
        return self._keep(name, op, xs, compute(op, [self._tensors[x] for x in xs], self._weights))

    def _keep(self, name: str, op: Op, xs: tuple[str, ...], result: Floats) -> str:
        self._nodes.append(Node(name, op, xs, result.shape))
        self._tensors[name] = result
        return name

    def _learn(self, name: str, op: Layer, x: str, kernel_shape: Shape, spread: float = 1) -> str:
        fan_in = prod(kernel_shape[:-1])
        kernel = (2 * self._draw(op.kernel, kernel_shape) - 1) * sqrt(3 / fan_in)
        raw = product(op, self._tensors[x], kernel)
        # One position alone has no spread per channel: its channels are normalised together.
        axes = tuple(range(raw.ndim - 1)) if raw.size > raw.shape[-1] else None
        mean, variance = _coarse(raw.mean(axis=axes)), _coarse(raw.var(axis=axes))
        channels = raw.shape[-1:]
        gamma = spread * _between(_GAMMA, self._draw(f"{name}/gamma", channels))
        beta = spread * _between(_BETA, self._draw(f"{name}/beta", channels))
        scale = gamma / np.sqrt(variance + EPSILON)
        shift = beta - mean * scale if op.bias else np.zeros(())
        self._weights[op.kernel] = (kernel * scale).astype(np.float32)
        if op.bias:
            self._weights[op.bias] = shift.astype(np.float32)
        return self._keep(name, op, (x,), activate(raw * scale + shift, op.activation))

    def _draw(self, what: str, shape: Shape) -> Floats:
        key = f"weights/{self._name}/{self._seed}/{what}"
        return uniform(key, prod(shape)).reshape(shape)


def _between(limits: tuple[float, float], share: Floats) -> Floats:
    return limits[0] + share * (limits[1] - limits[0])


def _coarse(moments: Floats) -> Floats:
    """Keep few bits of each number, so that rounding elsewhere cannot show."""
    mantissas, exponents = np.frexp(moments)
    kept = np.round(np.ldexp(mantissas, _MOMENT_BITS))
    coarse: Floats = np.ldexp(kept, exponents - _MOMENT_BITS)
    return coarse
