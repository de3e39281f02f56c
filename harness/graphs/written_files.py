"""Which files a described network has, and how large: told from the description alone."""

from __future__ import annotations

from math import prod

from harness.graphs.description import (
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Embedding,
    Graph,
    Lstm,
)
from harness.graphs.tflite_precisions import LEAST_WEIGHTS, refusal
from harness.outputs import Precision
from harness.plugins import ModelFormat


def why_not_written(graph: Graph, format_: ModelFormat, precision: Precision) -> str:
    """Say why a network has no file of that kind, naming what is in the way, or ''."""
    if format_ == "tflite":
        return refusal(graph, precision)
    return "" if precision == "fp32" else "other numbers than fp32 are generated as .tflite only"


def weight_bytes(graph: Graph, precision: Precision) -> int:
    """Return how many bytes the weights take in a file of that precision."""
    large = _large(graph)
    return sum(
        prod(shape) * _bytes_each(name, prod(shape), precision, large)
        for name, shape in graph.weight_shapes.items()
    )


def _bytes_each(name: str, count: int, precision: Precision, large: frozenset[str]) -> int:
    match precision:
        case "fp16":
            return 2
        case "dynamic" if name in large and count >= LEAST_WEIGHTS:
            return 1
        case "int8" if not name.endswith("/bias"):
            return 1
    return 4


def _large(graph: Graph) -> frozenset[str]:
    """Name the weights that dynamic-range files make smaller: kernels of layers, and tables."""
    found: set[str] = set()
    for node in graph.nodes:
        match node.op:
            case Conv2D(kernel=name) | DepthwiseConv2D(kernel=name) | Dense(kernel=name):
                found.add(name)
            case Lstm(kernel=name, recurrent=recurrent):
                found |= {name, recurrent}
            case Embedding(table=name):
                found.add(name)
    return frozenset(found)
