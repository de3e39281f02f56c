"""Seeded weights that keep every layer alive, drawn when the first of them is read.

Kernels are drawn uniformly (harness.outputs.uniform). One seeded input then goes through the
network, and each layer is normalised by what comes out of it: its channels get a seeded mean
and spread. Where a layer has batch norm, the measured moments are the norm's mean and
variance, and are folded: kernel·γ/√(variance+ε) and β − mean·γ/√(variance+ε). Elsewhere the
same step is a data-dependent initialisation (Krähenbühl et al. 2016, arXiv:1511.06856).

The measured moments are rounded to few bits and computed in float64, so that a linear
algebra library that sums in another order gives the same weights to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod, sqrt

import numpy as np

from harness.graphs.description import (
    Arithmetic,
    Array,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Embedding,
    Layer,
    LayerNorm,
    Lstm,
    Node,
    Shape,
)
from harness.graphs.numpy_forward import Floats, activate, compute, product, walked
from harness.outputs import uniform

EPSILON = 1e-3
"""Added to a batch norm's variance, as Keras does."""

_MOMENT_BITS = 10
_GAMMA = (0.5, 1.5)
_BETA = (-0.5, 1.0)


@dataclass(eq=False)
class SeededWeights(Mapping[str, Array]):
    """The weights of a network by name; the same description and seed give the same bytes.

    `inputs` maps names to shapes; inputs in `ids` hold ids from 0 to below the number there,
    others are calibrated for values in [0, 1). `spreads` maps kernels to how far apart their
    layer's outputs are, 1 where nothing is said. Batch norms' scales, which are folded into
    kernels, can be asked for with `scale_of`.
    """

    name: str
    seed: int
    inputs: Mapping[str, Shape]
    ids: Mapping[str, int]
    nodes: tuple[Node, ...]
    shapes: Mapping[str, Shape]
    spreads: Mapping[str, float]
    _drawn: dict[str, Array] = field(default_factory=dict)
    _scales: dict[str, Floats] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Array:
        if key not in self.shapes:
            raise KeyError(key)
        self._draw_all()
        return self._drawn[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def scale_of(self, kernel: str) -> Floats:
        """Return what each channel of a kernel was multiplied by when its norm was folded."""
        self._draw_all()
        return self._scales[kernel]

    def _draw_all(self) -> None:
        if not self._drawn:
            given = {name: self._input(name, shape) for name, shape in self.inputs.items()}
            for _ in walked(self.nodes, given, self._made):
                pass

    def _input(self, name: str, shape: Shape) -> Floats:
        shares = self._draw(name, shape)
        return np.floor(shares * self.ids[name]) if name in self.ids else shares

    def _made(self, node: Node, operands: list[Floats]) -> Floats:
        """Draw the weights of a node, and return what it makes with them."""
        match node.op:
            case Conv2D() | DepthwiseConv2D() | Dense() as layer:
                return self._learn(node.output, layer, operands[0])
            case Lstm(kernel=kernel, recurrent=recurrent, bias=bias):
                self._learn(node.output, Dense(kernel, bias), operands[0])
                width = sqrt(3 / self.shapes[recurrent][0])
                self._keep(recurrent, (2 * self._draw_weight(recurrent) - 1) * width)
            case Embedding(table=table):
                self._keep(table, (2 * self._draw_weight(table) - 1) * sqrt(3))
            case LayerNorm(gamma=gamma, beta=beta):
                self._keep(gamma, _between(_GAMMA, self._draw_weight(gamma)))
                self._keep(beta, _between(_BETA, self._draw_weight(beta)))
            case Arithmetic(kind="mul", weight=weight) if weight:
                self._keep(weight, _between(_GAMMA, self._draw_weight(weight)))
            case Arithmetic(weight=weight) if weight:
                self._keep(weight, 2 * self._draw_weight(weight) - 1)
        return compute(node.op, operands, self._drawn)

    def _learn(self, name: str, op: Layer, x: Floats) -> Floats:
        kernel_shape = self.shapes[op.kernel]
        kernel = (2 * self._draw(op.kernel, kernel_shape) - 1) * sqrt(3 / prod(kernel_shape[:-1]))
        raw = product(op, x, kernel)
        # One position alone has no spread per channel: its channels are normalised together.
        axes = tuple(range(raw.ndim - 1)) if raw.size > raw.shape[-1] else None
        mean, variance = _coarse(raw.mean(axis=axes)), _coarse(raw.var(axis=axes))
        channels = raw.shape[-1:]
        spread = self.spreads.get(op.kernel, 1)
        gamma = spread * _between(_GAMMA, self._draw(f"{name}/gamma", channels))
        beta = spread * _between(_BETA, self._draw(f"{name}/beta", channels))
        scale = gamma / np.sqrt(variance + EPSILON)
        shift = beta - mean * scale if op.bias else np.zeros(())
        self._keep(op.kernel, kernel * scale)
        self._scales[op.kernel] = scale
        if op.bias:
            self._keep(op.bias, shift)
        return activate(raw * scale + shift, op.activation)

    def _keep(self, name: str, values: Floats) -> None:
        self._drawn[name] = values.astype(np.float32)

    def _draw_weight(self, name: str) -> Floats:
        return self._draw(name, self.shapes[name])

    def _draw(self, what: str, shape: Shape) -> Floats:
        key = f"weights/{self.name}/{self.seed}/{what}"
        return uniform(key, prod(shape)).reshape(shape)


def _between(limits: tuple[float, float], share: Floats) -> Floats:
    return limits[0] + share * (limits[1] - limits[0])


def _coarse(moments: Floats) -> Floats:
    """Keep few bits of each number, so that rounding elsewhere cannot show."""
    mantissas, exponents = np.frexp(moments)
    kept = np.round(np.ldexp(mantissas, _MOMENT_BITS))
    coarse: Floats = np.ldexp(kept, exponents - _MOMENT_BITS)
    return coarse
