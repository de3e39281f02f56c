"""Runs a described network in numpy and float64: slow, plain, and independent of any runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.graphs.description import (
    LAYER_NORM_EPSILON,
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
    Rsqrt,
    Slice,
    Softmax,
    Transpose,
)

Floats: TypeAlias = NDArray[np.float64]
Weights: TypeAlias = Mapping[str, NDArray[Any]]


def forward(graph: Graph, inputs: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
    """Return every tensor of the network by name, the inputs and all layers included."""
    return dict(stepwise(graph, inputs))


def stepwise(graph: Graph, inputs: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, Floats]]:
    """Yield every tensor by name as it is made, and hold no more of them than are needed."""

    def made(node: Node, operands: list[Floats]) -> Floats:
        return compute(node.op, operands, graph.weights)

    yield from walked(graph.nodes, {name: inputs[name] for name in graph.inputs}, made)


def walked(
    nodes: Sequence[Node],
    inputs: Mapping[str, NDArray[Any]],
    made: Callable[[Node, list[Floats]], Floats],
) -> Iterator[tuple[str, Floats]]:
    """Yield inputs, then what `made` returns for each node; each is dropped after its last use."""
    last_use = {name: node.output for node in nodes for name in node.inputs}
    tensors: dict[str, Floats] = {}
    for name, values in inputs.items():
        tensors[name] = np.asarray(values, np.float64)
        yield name, tensors[name]
    for node in nodes:
        result = made(node, [tensors[name] for name in node.inputs])
        for name in set(node.inputs):
            if last_use[name] == node.output:
                del tensors[name]
        if node.output in last_use:
            tensors[node.output] = result
        yield node.output, result


def compute(op: Op, operands: list[Floats], weights: Weights) -> Floats:
    """Return what one operation makes of its operands."""
    x = operands[0]
    match op:
        case Conv2D() | DepthwiseConv2D() | Dense():
            y = product(op, x, np.asarray(weights[op.kernel], np.float64))
            return activate(y + weights[op.bias] if op.bias else y, op.activation)
        case Add():
            return x + operands[1]
        case Arithmetic():
            return arithmetic(op, operands, weights)
        case Activate():
            return activate(x, op.kind)
        case Embedding():
            return np.asarray(weights[op.table][x.astype(np.int64)], np.float64)
        case MatMul():
            return np.asarray(x @ (operands[1].swapaxes(-1, -2) if op.transpose_b else operands[1]))
        case Gelu():
            inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
            return np.asarray(x / 2 * (1 + np.tanh(inner)))
        case LayerNorm():
            return normalised(x) * weights[op.gamma] + weights[op.beta]
        case Lstm():
            return lstm(op, x, weights)
    return rearranged(op, operands)


def rearranged(op: Op, operands: list[Floats]) -> Floats:
    """Return what an operation without weights makes of its operands, if `compute` does not."""
    x = operands[0]
    match op:
        case Rsqrt():
            return 1 / np.sqrt(x)
        case Transpose():
            return x.transpose(op.order)
        case Slice():
            return x[tuple(slice(b, b + n) for b, n in zip(op.begin, op.size, strict=True))]
        case Pad():
            return np.pad(x, op.paddings)
        case Reshape():
            return x.reshape(op.shape)
        case Concat():
            return np.concatenate(operands, axis=op.axis)
    return pooled(op, x)


def pooled(op: Op, x: Floats) -> Floats:
    """Return what an operation makes that takes many numbers for each that it gives."""
    match op:
        case MaxPool():
            views = windows(x, (op.size, op.size), op.stride, fill=-np.inf)
            return np.asarray(np.maximum.reduce([view for _, view in views]))
        case GlobalAverage():
            return np.asarray(x.mean(axis=(1, 2)))
        case Reduce():
            reduce = np.mean if op.kind == "mean" else np.max
            return np.asarray(reduce(x, axis=op.axes, keepdims=op.keep))
        case ResizeBilinear():
            return resized(resized(x, op.height, 1), op.width, 2)
        case Softmax():
            y: Floats = np.exp(x - x.max(axis=-1, keepdims=True))
            return np.asarray(y / y.sum(axis=-1, keepdims=True))
    return x  # ToFloat: all numbers are floats here


def arithmetic(op: Arithmetic, operands: list[Floats], weights: Weights) -> Floats:
    """Return two operands combined."""
    x = operands[0]
    given = op.constant if op.constant is not None else None if op.weight else operands[1]
    y = np.asarray(weights[op.weight] if given is None else given, np.float64)
    match op.kind:
        case "add":
            return np.asarray(x + y)
        case "sub":
            return np.asarray(x - y)
        case "mul":
            return np.asarray(x * y)
    return np.asarray((x - y) ** 2)


def normalised(x: Floats) -> Floats:
    """Return rows with mean 0 and variance 1."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + LAYER_NORM_EPSILON))


def lstm(op: Lstm, x: Floats, weights: Weights) -> Floats:
    """Return the last output of an LSTM."""
    kernel, recurrent, bias = (
        np.asarray(weights[name], np.float64) for name in (op.kernel, op.recurrent, op.bias)
    )
    output = cell = np.zeros((1, len(recurrent)))
    for given in x @ kernel + bias:
        gates = np.split(given[np.newaxis] + output @ recurrent, 4, axis=-1)
        enters, stays, shown = (activate(gates[index], "sigmoid") for index in (0, 1, 3))
        cell = stays * cell + enters * np.tanh(gates[2])
        output = shown * np.tanh(cell)
    return output


def resized(x: Floats, size: int, axis: int) -> Floats:
    """Return an image resized along one axis; the last pixel stands for what lies beyond."""
    places = np.arange(size) * (x.shape[axis] / size)
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, x.shape[axis] - 1)
    share = (places - before).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return np.asarray(x.take(before, axis) * (1 - share) + x.take(after, axis) * share)


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


def activate(x: Floats, kind: Activation | LoneActivation) -> Floats:
    """Apply an activation ('' is none)."""
    match kind:
        case "relu" | "relu6":
            return np.clip(x, 0, 6 if kind == "relu6" else None)
        case "leaky_relu":
            return np.asarray(np.maximum(x, LEAKY_RELU_SLOPE * x))
        case "tanh":
            return np.asarray(np.tanh(x))
        case "sigmoid":
            return np.asarray(1 / (1 + np.exp(-x)))
    return x
