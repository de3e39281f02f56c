"""Which files a described network has: told from the description alone, nothing is drawn."""

from __future__ import annotations

from harness.graphs.description import Graph
from harness.graphs.tflite_precisions import refusal
from harness.outputs import Precision
from harness.plugins import ModelFormat


def why_not_written(graph: Graph, format_: ModelFormat, precision: Precision) -> str:
    """Say why a network has no file of that kind, or ''."""
    if format_ == "tflite":
        return refusal(graph, precision)
    if precision != "fp32":
        return "other numbers than fp32 are generated as .tflite only"
    return ""
