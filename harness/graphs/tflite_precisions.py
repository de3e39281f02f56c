"""Writes a described network as `.tflite` files of each precision, as the TFLite converter would.

- `fp16`: weights are float16, each behind a DEQUANTIZE; arithmetic stays float32.
- `dynamic`: large weights are int8; kernels quantise activations as they come (hybrid), and the
  rows that are looked up in a table are turned into floats.
- `int8`: weights, activations and biases are integers. Inputs and outputs stay float32, with a
  QUANTIZE and a DEQUANTIZE at the ends, so that every file is fed the same bytes. A softmax at
  an end is computed behind the DEQUANTIZE: its fixed step of 1/256 would round a thousand
  seeded classes, none of which stands out, to nothing.

Layouts and scales: see `harness.graphs.quantization`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from harness.errors import SuiteError
from harness.graphs import tflite_schema
from harness.graphs.description import (
    Array,
    Gelu,
    Graph,
    Layer,
    LayerNorm,
    MatMul,
    Node,
    Rsqrt,
    Softmax,
    ToFloat,
)
from harness.graphs.quantization import (
    Scale,
    activation_scales,
    least_weight_step,
    quantized_activations,
    quantized_bias,
    quantized_weights,
)
from harness.graphs.tflite_writer import TfliteWriter
from harness.outputs import Precision

# Smaller ones stay float32, as in the converter: there is nothing to gain.
LEAST_WEIGHTS = 1024
_FLOAT16_MOST = 65504


def write_tflite_file(graph: Graph, precision: Precision) -> bytes:
    """Return the file of a network in one precision.

    Raises:
        SuiteError: the network has operators that are not written in this precision.
        PluginError: ai-edge-litert is not installed.
    """
    if why_not := refusal(graph, precision):
        raise SuiteError(
            f"{graph.name} has no {precision} file: {why_not}",
            hint="name another of its files: fp32, fp16 or dynamic",
        )
    return tflite_schema.packed(_WRITERS[precision](graph, tflite_schema.schema()).model())


def refusal(graph: Graph, precision: Precision) -> str:
    """Say why a network has no file of that precision, or ''."""
    unsuited = {_FLOAT_ONLY[type(node.op)] for node in graph.nodes if type(node.op) in _FLOAT_ONLY}
    if precision != "int8" or not unsuited:
        return ""
    return f"{' and '.join(sorted(unsuited))} are written as float32 only"


class _Float16Writer(TfliteWriter):
    description = "seeded weights, float16"

    def kernel(self, node: Node, op: Layer, kernel: Array, axis: int | None) -> int:
        del node, axis
        return self._halved(op.kernel, kernel)

    def bias(self, node: Node, name: str, bias: Array, kernel: int) -> int:
        del node, kernel
        return self._halved(name, bias)

    def operand(self, name: str, values: Array) -> int:
        # Numbers that belong to a formula are left as they are.
        return self._halved(name, values) if values.ndim else super().operand(name, values)

    def table(self, node: Node, name: str, table: Array) -> None:
        inputs = [self._halved(name, table), self.tensor_of[node.inputs[0]]]
        options = self.schema.GatherOptionsT(axis=0)
        self.operation("GATHER", inputs, self.tensor_of[node.output], options)

    def _halved(self, name: str, array: Array) -> int:
        if name in self.tensor_of:
            return self.tensor_of[name]
        half = np.clip(array, -_FLOAT16_MOST, _FLOAT16_MOST).astype(np.float16)
        stored = self.constant(f"{name}/float16", half)
        whole = self.tensor(name, array.shape, self.schema.TensorType.FLOAT32)
        self.operation("DEQUANTIZE", [stored], whole, self.schema.DequantizeOptionsT())
        return whole


class _DynamicWriter(TfliteWriter):
    description = "seeded weights, dynamic range"

    def kernel(self, node: Node, op: Layer, kernel: Array, axis: int | None) -> int:
        if kernel.size < LEAST_WEIGHTS:
            return super().kernel(node, op, kernel, axis)
        found = quantized_weights(kernel, axis)
        return self.constant(op.kernel, found.values, _told(self.schema, found.scale))

    def table(self, node: Node, name: str, table: Array) -> None:
        if table.size < LEAST_WEIGHTS:
            super().table(node, name, table)
            return
        found = quantized_weights(table, None)
        told = _told(self.schema, found.scale)
        types, output = self.schema.TensorType, self.tensor_of[node.output]
        rows = self.tensor(f"{node.output}/int8", node.shape, types.INT8, told)
        inputs = [self.constant(name, found.values, told), self.tensor_of[node.inputs[0]]]
        self.operation("GATHER", inputs, rows, self.schema.GatherOptionsT(axis=0))
        self.operation("DEQUANTIZE", [rows], output, self.schema.DequantizeOptionsT())


class _Int8Writer(TfliteWriter):
    description = "seeded weights, int8"

    def __init__(self, graph: Graph, schema: Any) -> None:
        super().__init__(graph, schema)
        self._scales = activation_scales(self.graph)
        self._weight_scales: dict[int, Scale] = {}
        self._float_ends = {
            node.output
            for node in self.graph.nodes
            if isinstance(node.op, Softmax) and node.output in self.graph.outputs
        }

    def begin(self) -> dict[str, int]:
        types, given = self.schema.TensorType, {}
        for name, shape in self.graph.inputs.items():
            if name in self.graph.ids:
                given[name] = self.tensor(name, shape, types.INT32)
                continue
            given[name] = self.tensor(name, shape, types.FLOAT32)
            quantized = self._activation(f"{name}/int8", shape, self._scales[name])
            self.operation("QUANTIZE", [given[name]], quantized, self.schema.QuantizeOptionsT())
            self.tensor_of[name] = quantized
        for node in self.graph.nodes:
            if node.output in self._float_ends:
                self.tensor(node.output, node.shape, types.FLOAT32)
            else:
                ending = "/int8" if node.output in self.graph.outputs else ""
                scale = self._scales[node.output]
                index = self._activation(f"{node.output}{ending}", node.shape, scale)
                self.tensor_of[node.output] = index
        return given

    def end(self) -> dict[str, int]:
        return {name: self._as_float(name, name) for name in self.graph.outputs}

    def node(self, node: Node) -> None:
        if node.output not in self._float_ends:
            super().node(node)
            return
        source = self._as_float(node.inputs[0], f"{node.inputs[0]}/float")
        options = self.schema.SoftmaxOptionsT(beta=1.0)
        self.operation("SOFTMAX", [source], self.tensor_of[node.output], options)

    def kernel(self, node: Node, op: Layer, kernel: Array, axis: int | None) -> int:
        bias = self.graph.weights[op.bias] if op.bias else np.zeros(1, np.float32)
        step = self._input_step(node)
        least = least_weight_step(bias, step, per_channel=axis is not None and bool(op.bias))
        found = quantized_weights(kernel, axis, least)
        index = self.constant(op.kernel, found.values, _told(self.schema, found.scale))
        self._weight_scales[index] = found.scale
        return index

    def bias(self, node: Node, name: str, bias: Array, kernel: int) -> int:
        found = quantized_bias(bias, self._input_step(node), self._weight_scales[kernel])
        return self.constant(name, found.values, _told(self.schema, found.scale))

    def operand(self, name: str, values: Array) -> int:
        found = quantized_weights(values, None)
        return self.constant(name, found.values, _told(self.schema, found.scale))

    def table(self, node: Node, name: str, table: Array) -> None:
        scale = self._scales[node.output]
        found = quantized_activations(table, scale)
        stored = self.constant(name, found.values, _told(self.schema, scale))
        inputs = [stored, self.tensor_of[node.inputs[0]]]
        options = self.schema.GatherOptionsT(axis=0)
        self.operation("GATHER", inputs, self.tensor_of[node.output], options)

    def _input_step(self, node: Node) -> float:
        return self._scales[node.inputs[0]].steps[0]

    def _activation(self, name: str, shape: tuple[int, ...], scale: Scale) -> int:
        return self.tensor(name, shape, self.schema.TensorType.INT8, _told(self.schema, scale))

    def _as_float(self, name: str, called: str) -> int:
        """Return the float32 tensor of an activation, computed from its integers if need be."""
        source = self.tensor_of[name]
        if self.tensors[source].type == self.schema.TensorType.FLOAT32:
            return source
        shape = self.graph.shapes[name]
        found = self.tensor(called, shape, self.schema.TensorType.FLOAT32)
        self.tensor_of[name] = source  # later nodes read the integers
        self.operation("DEQUANTIZE", [source], found, self.schema.DequantizeOptionsT())
        return found


def _told(schema: Any, scale: Scale) -> Any:
    return schema.QuantizationParametersT(
        scale=list(scale.steps),
        zeroPoint=[scale.zero_point] * len(scale.steps),
        quantizedDimension=scale.axis,
    )


_FLOAT_ONLY: Final[Mapping[type, str]] = {
    LayerNorm: "layer norms",
    Gelu: "GELUs",
    MatMul: "products of two activations",
    ToFloat: "masks",
    Rsqrt: "layer norms",
}
_WRITERS: Final[Mapping[Precision, type[TfliteWriter]]] = {
    "fp32": TfliteWriter,
    "fp16": _Float16Writer,
    "dynamic": _DynamicWriter,
    "int8": _Int8Writer,
}
