"""What shape an operation's output has, from the shapes of what it is given; needs no numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.graphs.description import (
    Arithmetic,
    Concat,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Embedding,
    GlobalAverage,
    Lstm,
    MatMul,
    MaxPool,
    Op,
    Pad,
    Reduce,
    Reshape,
    ResizeBilinear,
    Shape,
    Slice,
    Transpose,
)


def shape_of(op: Op, operands: Sequence[Shape], weights: Mapping[str, Shape]) -> Shape:
    """Return the shape of what one operation makes of operands and weights of these shapes."""
    x = operands[0]
    match op:
        case Conv2D(kernel=kernel):
            return (*_windows(x, op.stride), weights[kernel][-1])
        case DepthwiseConv2D() | MaxPool():
            return (*_windows(x, op.stride), x[-1])
        case Dense(kernel=kernel):
            return (x[0], weights[kernel][1])
        case Embedding(table=table):
            return (*x, weights[table][1])
        case Lstm(recurrent=recurrent):
            return (1, weights[recurrent][0])
        case Arithmetic(weight=weight, constant=constant):
            other = weights[weight] if weight else () if constant is not None else operands[1]
            return _broadcast(x, other)
    return _rearranged(op, operands)


def _rearranged(op: Op, operands: Sequence[Shape]) -> Shape:
    x = operands[0]
    match op:
        case MatMul(transpose_b=turned):
            return (*x[:-1], operands[1][-2 if turned else -1])
        case Transpose(order=order):
            return tuple(x[axis] for axis in order)
        case Reduce():
            return _reduced(x, op)
        case GlobalAverage():
            return (x[0], x[-1])
        case Slice(size=size):
            return size
        case ResizeBilinear(height=height, width=width):
            return (x[0], height, width, x[-1])
        case Pad(paddings=paddings):
            return tuple(n + sum(around) for n, around in zip(x, paddings, strict=True))
        case Reshape(shape=shape):
            return shape
        case Concat(axis=axis):
            return (*x[:axis], sum(operand[axis] for operand in operands), *x[axis + 1 :])
    return x


def _windows(x: Shape, stride: int) -> Shape:
    return (x[0], -(-x[1] // stride), -(-x[2] // stride))


def _reduced(x: Shape, op: Reduce) -> Shape:
    kept = {axis: 1 for axis in op.axes if op.keep}
    return tuple(
        kept.get(axis, size) for axis, size in enumerate(x) if op.keep or axis not in op.axes
    )


def _broadcast(x: Shape, y: Shape) -> Shape:
    rank = max(len(x), len(y))
    whole = [(1,) * (rank - len(shape)) + shape for shape in (x, y)]
    return tuple(max(sizes) for sizes in zip(*whole, strict=True))
