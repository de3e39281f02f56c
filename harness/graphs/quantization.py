"""Eight-bit numbers for a described network: scales of weights, biases and activations; pure.

Follows TensorFlow Lite's 8-bit quantization specification
(tensorflow/lite/g3doc/performance/quantization_spec.md): real = (int − zero_point) · scale;
weights are symmetric in [−127, 127] (per channel in convolutions, per tensor in dense layers),
activations are in [−128, 127] per tensor, biases are int32 with the scale of input times
weight; what only moves numbers (pads, pools, slices, …) keeps the scale of what it is given,
rows have the scale of their table, softmax and sigmoid have the scale 1/256 and the zero point
−128, tanh 1/128 and 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.graphs.description import (
    Activate,
    Array,
    Concat,
    Embedding,
    Graph,
    MaxPool,
    Node,
    Pad,
    Reduce,
    Reshape,
    ResizeBilinear,
    Slice,
    Softmax,
    Transpose,
)
from harness.graphs.numpy_forward import Floats, stepwise
from harness.outputs import uniform

CALIBRATION_SETS = 4
"""Seeded inputs in [0, 1) whose activations set the ranges of an int8 file."""

_SAME_SCALE = Concat | MaxPool | Pad | Reshape | ResizeBilinear | Slice | Transpose
_WEIGHT_MOST = 127
_ACTIVATION_LEAST, _ACTIVATION_MOST = -128, 127
# Half of int32, so that a kernel can still add its products to a bias.
_BIAS_MOST = 2.0**30
_RANGE_BITS = 10
# Below this a product of two steps would not be a normal float32 any more.
_LEAST_STEP = 1e-20

Range: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """How integers stand for numbers: `steps` per slice of `axis`, or a single one."""

    steps: tuple[float, ...]
    zero_point: int = 0
    axis: int = 0


@dataclass(frozen=True, slots=True)
class Quantized:
    """Integers with their scale."""

    values: NDArray[np.int8] | NDArray[np.int32]
    scale: Scale


def quantized_weights(
    weights: Array, axis: int | None, least_step: Floats | float = 0
) -> Quantized:
    """Return weights as symmetric int8, a step per slice of `axis` or one for all (None).

    No step is smaller than `least_step`, whatever the weights are.
    """
    others = tuple(i for i in range(weights.ndim) if i != axis) if axis is not None else None
    largest = np.abs(weights.astype(np.float64)).max(axis=others, keepdims=axis is not None)
    floor = np.reshape(least_step, np.shape(largest)) if np.ndim(least_step) else least_step
    steps = np.maximum(largest / _WEIGHT_MOST, floor)
    # A slice of nothing but zeros has no step of its own; any will do.
    steps = np.where(steps > _LEAST_STEP, steps, 1.0).astype(np.float32)
    values = np.clip(np.rint(weights / steps), -_WEIGHT_MOST, _WEIGHT_MOST).astype(np.int8)
    return Quantized(values, Scale(tuple(float(step) for step in np.ravel(steps)), 0, axis or 0))


def least_weight_step(bias: Array, input_step: float, *, per_channel: bool) -> Floats | float:
    """Return the smallest step of weights with which their bias still fits into an int32."""
    least = np.abs(bias.astype(np.float64)) / (input_step * _BIAS_MOST)
    return least if per_channel else float(least.max(initial=0))


def quantized_bias(bias: Array, input_step: float, weights: Scale) -> Quantized:
    """Return a bias as int32 in steps of input times weight, as the kernels add it up."""
    steps = tuple(float(np.float32(input_step * step)) for step in weights.steps)
    values = np.rint(bias.astype(np.float64) / np.array(steps))
    return Quantized(values.astype(np.int32), Scale(steps))


def activation_scales(graph: Graph) -> Mapping[str, Scale]:
    """Return the scale of every tensor, from ranges that seeded inputs give it."""
    ranges = _calibrated(graph)
    representative = _groups(graph)
    together: dict[str, list[Range]] = {}
    for name, found in ranges.items():
        together.setdefault(representative[name], []).append(found)
    scales = {name: _scale(together[representative[name]]) for name in ranges}
    fixed = {node.output: scale for node in graph.nodes if (scale := _fixed_scale(node))}
    return scales | fixed


def quantized_activations(values: Array, scale: Scale) -> Quantized:
    """Return numbers as int8 of a scale that an activation has."""
    [step] = scale.steps
    whole = np.rint(values.astype(np.float64) / step) + scale.zero_point
    return Quantized(np.clip(whole, _ACTIVATION_LEAST, _ACTIVATION_MOST).astype(np.int8), scale)


def _fixed_scale(node: Node) -> Scale | None:
    match node.op:
        case Softmax() | Activate(kind="sigmoid"):
            return Scale((1 / 256,), _ACTIVATION_LEAST)
        case Activate(kind="tanh"):
            return Scale((1 / 128,))
    return None


def calibration_inputs(graph: Graph, number: int) -> dict[str, Floats]:
    """Return one of the `CALIBRATION_SETS` sets of inputs that ranges are taken from."""
    drawn = {
        name: uniform(f"calibration/{graph.name}/{name}/{number}", prod(shape)).reshape(shape)
        for name, shape in graph.inputs.items()
    }
    return drawn | {name: np.floor(drawn[name] * count) for name, count in graph.ids.items()}


def _calibrated(graph: Graph) -> dict[str, Range]:
    ranges: dict[str, Range] = {}
    for number in range(CALIBRATION_SETS):
        for name, values in stepwise(graph, calibration_inputs(graph, number)):
            ranges[name] = _widened(ranges.get(name), values)
    for node in graph.nodes:
        if isinstance(node.op, Embedding):  # a row that no calibration looked up
            ranges[node.output] = _widened(ranges[node.output], graph.weights[node.op.table])
    return ranges


def _widened(known: Range | None, values: NDArray[Any]) -> Range:
    low, high = known or (0.0, 0.0)  # zero must have an integer of its own
    return min(low, float(values.min())), max(high, float(values.max()))


def _groups(graph: Graph) -> dict[str, str]:
    """Return for each tensor the one that stands for all that share its scale."""
    leader = {name: name for name in graph.shapes}
    for node in graph.nodes:
        if isinstance(node.op, _SAME_SCALE) or _is_maximum(node):
            joined = {leader[name] for name in (*node.inputs, node.output)}
            chosen = min(joined)
            leader = {name: chosen if own in joined else own for name, own in leader.items()}
    return leader


def _is_maximum(node: Node) -> bool:
    return isinstance(node.op, Reduce) and node.op.kind == "max"


def _scale(ranges: Iterable[Range]) -> Scale:
    lows, highs = zip(*ranges, strict=True)
    low, high = -_coarse(-min(lows)), _coarse(max(highs))
    step = float(np.float32((high - low) / (_ACTIVATION_MOST - _ACTIVATION_LEAST))) or 1.0
    zero_point = round(_ACTIVATION_LEAST - low / step)
    return Scale((step,), min(max(zero_point, _ACTIVATION_LEAST), _ACTIVATION_MOST))


def _coarse(bound: float) -> float:
    """Round a bound outward to few bits, so that sums in another order give the same file."""
    mantissa, exponent = np.frexp(bound)
    # A hair less, for a bound that sits on the grid may come out just above it elsewhere.
    kept = np.ceil(np.ldexp(mantissa, _RANGE_BITS) - 1e-6)
    return float(np.ldexp(kept, exponent - _RANGE_BITS))
