"""Memory that TFLite's kernels ask for beside their tensors, by operator.

Source: the `Prepare` functions of LiteRT's kernels (f674577: conv.cc, depthwise_conv.cc,
fully_connected.cc, reduce.cc), on one thread and off mobile platforms, where im2col has a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

from harness.graphs.tflite_reader import WEIGHED, TfliteGraph, TfliteOperator, TfliteTensor

Kernels: TypeAlias = Literal["reference", "optimised"]
KERNELS: tuple[Kernels, ...] = ("reference", "optimised")

_WORD = 4
_REDUCTIONS = frozenset({"MEAN", "SUM"})
_PACKED_WEIGHTS = frozenset({"INT8", "UINT8", "INT4", "INT2"})
_PLAIN = """
    ABS ADD ARG_MAX ARG_MIN AVERAGE_POOL_2D CAST CEIL CONCATENATION COS DEPTHWISE_CONV_2D
    DEPTH_TO_SPACE DEQUANTIZE DIV ELU EQUAL EXP EXPAND_DIMS FLOOR FULLY_CONNECTED GATHER GELU
    GREATER GREATER_EQUAL HARD_SWISH L2_NORMALIZATION LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND
    LOGICAL_NOT LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MINIMUM MIRROR_PAD MUL NEG
    NOT_EQUAL PACK PAD PADV2 POW PRELU QUANTIZE RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR
    RESIZE_NEAREST_NEIGHBOR ROUND RSQRT SELECT_V2 SIGN SIN SLICE SOFTMAX SPACE_TO_DEPTH SPLIT
    SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB TANH TILE TRANSPOSE UNPACK
    ZEROS_LIKE
"""
NO_SCRATCH = frozenset(_PLAIN.split())
"""Operators that ask for none, as LiteRT shows: tests/integration/test_kernel_scratch.py."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """Bytes that a kernel asks for, for its one operator or kept beside the arena."""

    size_bytes: int
    persistent: bool = False


def scratch_of(graph: TfliteGraph, operator: TfliteOperator, kernels: Kernels) -> list[Scratch]:
    """Return what an operator's kernel asks for, [] also where that is not modelled."""
    hybrid = _is_hybrid(graph, operator)
    found: list[Scratch] = []
    if operator.code == "CONV_2D" and (hybrid or kernels == "optimised"):
        found.extend(_im2col(graph, operator, hybrid))
    if hybrid:
        found.extend(_hybrid(graph, operator))
    if operator.code in _REDUCTIONS and _is_whole(operator):
        found.extend(_reduction(graph, operator))
    return found


def is_modelled(graph: TfliteGraph, operator: TfliteOperator) -> bool:
    """Tell whether `scratch_of` knows all that the kernels of an operator ask for."""
    if _is_hybrid(graph, operator):
        return graph.tensors[operator.inputs[1]].dtype in {"INT8", "UINT8"}
    if operator.code in _REDUCTIONS:
        return _is_whole(operator)
    return operator.code in NO_SCRATCH or operator.code == "CONV_2D"


def _is_whole(operator: TfliteOperator) -> bool:
    return len(operator.inputs) == 2 and min(operator.inputs) >= 0 and bool(operator.outputs)


def _im2col(graph: TfliteGraph, operator: TfliteOperator, hybrid: bool) -> Iterator[Scratch]:
    """Return one row per output position, of what its window covers."""
    data, kernel, output = _operands(graph, operator)
    window, options = kernel.shape[1:], operator.options
    steps = (1,) * 4
    if options is not None:
        steps = (options.stride_h, options.stride_w, options.dilation_h, options.dilation_w)
    if len(window) == 3 and (window[:2] != (1, 1) or steps != (1,) * 4):
        element = 1 if hybrid else data.size_bytes // max(prod(data.shape), 1)
        yield Scratch(prod(output.shape[:3]) * prod(window) * element)


def _hybrid(graph: TfliteGraph, operator: TfliteOperator) -> Iterator[Scratch]:
    """Return what quantising float inputs on the fly takes: they, their scales, the sums."""
    data, kernel, output = _operands(graph, operator)
    yield Scratch(prod(data.shape))
    if operator.code == "DEPTHWISE_CONV_2D":
        yield from (Scratch(_WORD * data.shape[0]), Scratch(_WORD * data.shape[0]))
        return
    depth = kernel.shape[-1]
    rows = Scratch(_WORD * (prod(data.shape) // max(depth, 1)))
    yield rows
    yield Scratch(_WORD * prod(output.shape))
    if operator.code == "FULLY_CONNECTED" or kernel.per_channel:
        yield rows
        yield Scratch(_WORD * kernel.shape[0], persistent=True)


def _reduction(graph: TfliteGraph, operator: TfliteOperator) -> Iterator[Scratch]:
    """Return the index, and where the axes are constant they and the sums."""
    data, axes, output = _operands(graph, operator)
    yield Scratch(_WORD * len(data.shape))
    if axes.constant:
        yield Scratch(_WORD * prod(axes.shape))
        sums = {"INT32": 8, "INT64": 8, "BOOL": 1}.get(data.dtype, _WORD)
        yield Scratch(sums * prod(output.shape))


def _operands(
    graph: TfliteGraph, operator: TfliteOperator
) -> tuple[TfliteTensor, TfliteTensor, TfliteTensor]:
    first, second = operator.inputs[:2]
    tensors = graph.tensors
    return tensors[first], tensors[second], tensors[operator.outputs[0]]


def _is_hybrid(graph: TfliteGraph, operator: TfliteOperator) -> bool:
    if operator.code not in WEIGHED:
        return False
    data, kernel, _ = _operands(graph, operator)
    return data.dtype == "FLOAT32" and kernel.dtype in _PACKED_WEIGHTS
