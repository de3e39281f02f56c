"""Runs a described network in numpy and float64: slow, plain, and independent of any runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.graphs.description import (
    Activate,
    Activation,
    Add,
    Concat,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAverage,
    Graph,
    Layer,
    MaxPool,
    Op,
    Pad,
    Reshape,
    Softmax,
)

Floats: TypeAlias = NDArray[np.float64]
Weights: TypeAlias = Mapping[str, NDArray[Any]]


def forward(graph: Graph, inputs: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
    """Return every tensor of the network by name, the inputs and all layers included."""
    tensors = {name: np.asarray(inputs[name], np.float64) for name in graph.inputs}
    for node in graph.nodes:
        operands = [tensors[name] for name in node.inputs]
        tensors[node.output] = compute(node.op, operands, graph.weights)
    return tensors


def compute(op: Op, operands: list[Floats], weights: Weights) -> Floats:
    """Return what one operation makes of its operands."""
    x, y = operands[0], operands[-1]
    match op:
        case Conv2D() | DepthwiseConv2D() | Dense():
            y = product(op, x, np.asarray(weights[op.kernel], np.float64))
            y = activate(y + weights[op.bias] if op.bias else y, op.activation)
        case Add():
            y = x + y
        case Activate():
            y = activate(x, op.kind)
        case Pad():
            y = np.pad(x, op.paddings)
        case MaxPool():
            views = windows(x, (op.size, op.size), op.stride, fill=-np.inf)
            y = np.maximum.reduce([view for _, view in views])
        case GlobalAverage():
            y = x.mean(axis=(1, 2))
        case Reshape():
            y = x.reshape(op.shape)
        case Concat():
            y = np.concatenate(operands, axis=op.axis)
        case Softmax():
            y = np.exp(x - x.max(axis=-1, keepdims=True))
            y /= y.sum(axis=-1, keepdims=True)
    return y


def product(op: Layer, x: Floats, kernel: Floats) -> Floats:
    """Return what a kernel alone makes of an input, before bias and activation."""
    match op:
        case Conv2D():
            return sum_of(view @ kernel[at] for at, view in windows(x, kernel.shape[:2], op.stride))
        case DepthwiseConv2D():
            return sum_of(view * kernel[at] for at, view in windows(x, kernel.shape[:2], op.stride))
    return x @ kernel


def windows(
    x: Floats, size: tuple[int, ...], stride: int, fill: float = 0
) -> Iterator[tuple[tuple[int, int], Floats]]:
    """Yield, for each place (row, column) in a window, what all windows see at that place.

    Padding as TensorFlow's SAME: ceil(in / stride) windows, the odd one at the end.
    """
    steps = [-(-extent // stride) for extent in x.shape[1:3]]
    missing = [
        max((step - 1) * stride + window - extent, 0)
        for step, window, extent in zip(steps, size, x.shape[1:3], strict=True)
    ]
    around = [(0, 0), *((total // 2, total - total // 2) for total in missing), (0, 0)]
    padded = np.pad(x, around, constant_values=fill)
    rows, columns = ((step - 1) * stride + 1 for step in steps)
    for row in range(size[0]):
        for column in range(size[1]):
            view = padded[:, row : row + rows : stride, column : column + columns : stride]
            yield (row, column), view


def sum_of(terms: Iterator[Floats]) -> Floats:
    """Add arrays up in place."""
    total = next(terms)
    for term in terms:
        total += term
    return total


def activate(x: Floats, kind: Activation) -> Floats:
    """Apply an activation ('' is none)."""
    if not kind:
        return x
    return np.clip(x, 0, 6 if kind == "relu6" else None)
