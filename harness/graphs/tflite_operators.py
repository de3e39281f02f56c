"""How operators without weights are called in a `.tflite` file, with their options.

Options: tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.graphs.description import (
    LEAKY_RELU_SLOPE,
    Activate,
    Add,
    Concat,
    Gelu,
    GlobalAverage,
    MatMul,
    MaxPool,
    Op,
    Pad,
    Reduce,
    Reshape,
    ResizeBilinear,
    Rsqrt,
    Slice,
    Softmax,
    ToFloat,
    Transpose,
)

ARITHMETIC = {
    "add": ("ADD", "AddOptionsT"),
    "sub": ("SUB", "SubOptionsT"),
    "mul": ("MUL", "MulOptionsT"),
    "squared_difference": ("SQUARED_DIFFERENCE", "SquaredDifferenceOptionsT"),
}
_ACTIVATIONS = {
    "relu": "RELU",
    "relu6": "RELU6",
    "leaky_relu": "LEAKY_RELU",
    "tanh": "TANH",
    "sigmoid": "LOGISTIC",
}
_REDUCTIONS = {"mean": "MEAN", "max": "REDUCE_MAX"}


@dataclass(frozen=True, slots=True)
class Operator:
    """A code, an object of the schema or None, and int32 inputs behind the node's own."""

    code: str
    options: Any = None
    numbers: tuple[Any, ...] = ()


def operator_of(op: Op, schema: Any) -> Operator:
    """Return the operator that a node without weights becomes."""
    match op:
        case Add():
            return Operator("ADD", schema.AddOptionsT())
        case Activate(kind="leaky_relu"):
            return Operator("LEAKY_RELU", schema.LeakyReluOptionsT(alpha=LEAKY_RELU_SLOPE))
        case Activate(kind=kind):
            return Operator(_ACTIVATIONS[kind])
        case Gelu():
            return Operator("GELU", schema.GeluOptionsT(approximate=True))
        case Rsqrt():
            return Operator("RSQRT")
        case ToFloat():
            types = schema.TensorType
            options = schema.CastOptionsT(inDataType=types.INT32, outDataType=types.FLOAT32)
            return Operator("CAST", options)
        case MatMul(transpose_b=turned):
            return Operator("BATCH_MATMUL", schema.BatchMatMulOptionsT(adjX=False, adjY=turned))
        case Softmax():
            return Operator("SOFTMAX", schema.SoftmaxOptionsT(beta=1.0))
    return _windowed(op, schema)


def _windowed(op: Op, schema: Any) -> Operator:
    match op:
        case MaxPool():
            options = schema.Pool2DOptionsT(
                padding=schema.Padding.SAME,
                strideH=op.stride,
                strideW=op.stride,
                filterHeight=op.size,
                filterWidth=op.size,
            )
            return Operator("MAX_POOL_2D", options)
        case GlobalAverage():
            return Operator("MEAN", schema.ReducerOptionsT(keepDims=False), ((1, 2),))
        case Reduce():
            options = schema.ReducerOptionsT(keepDims=op.keep)
            return Operator(_REDUCTIONS[op.kind], options, (op.axes,))
        case ResizeBilinear():
            options = schema.ResizeBilinearOptionsT(alignCorners=False, halfPixelCenters=False)
            return Operator("RESIZE_BILINEAR", options, ((op.height, op.width),))
    return _moved(op, schema)


def _moved(op: Op, schema: Any) -> Operator:
    match op:
        case Transpose():
            return Operator("TRANSPOSE", schema.TransposeOptionsT(), (op.order,))
        case Slice():
            return Operator("SLICE", schema.SliceOptionsT(), (op.begin, op.size))
        case Pad():
            return Operator("PAD", schema.PadOptionsT(), (op.paddings,))
        case Reshape():
            options = schema.ReshapeOptionsT(newShape=list(op.shape))
            return Operator("RESHAPE", options, (op.shape,))
        case Concat():
            return Operator("CONCATENATION", schema.ConcatenationOptionsT(axis=op.axis))
    raise AssertionError(f"no operator for {op}")  # a new one, forgotten here
