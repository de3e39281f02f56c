"""Which files a described network has: told from the description alone, nothing is drawn."""

from __future__ import annotations

from harness.graphs.description import Activate, Graph, Layer, Op
from harness.graphs.onnx_writer import WRITTEN
from harness.graphs.tflite_precisions import refusal
from harness.outputs import Precision
from harness.plugins import ModelFormat


def why_not_written(graph: Graph, format_: ModelFormat, precision: Precision) -> str:
    """Say why a network has no file of that kind, naming the operators, or ''."""
    if format_ == "tflite":
        return refusal(graph, precision)
    if precision != "fp32":
        return "other numbers than fp32 are generated as .tflite only"
    if format_ == "onnx":
        missing = sorted({_named(node.op) for node in graph.nodes if not _in_onnx(node.op)})
        return f"operators that are not written as ONNX yet: {', '.join(missing)}" * bool(missing)
    return ""


def _in_onnx(op: Op) -> bool:
    if isinstance(op, Activate):
        return op.kind in {"relu", "relu6"}
    if isinstance(op, Layer):
        return op.activation != "tanh"
    return isinstance(op, WRITTEN)


def _named(op: Op) -> str:
    if isinstance(op, Activate):
        return op.kind
    return f"a fused {op.activation}" if isinstance(op, Layer) else type(op).__name__
