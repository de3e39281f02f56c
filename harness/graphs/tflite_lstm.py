"""Writes an LSTM as TFLite's one operator for a whole sequence, as its converter fuses Keras'.

Inputs and their order: tensorflow/lite/kernels/unidirectional_sequence_lstm.cc (lstm_shared.h).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.graphs.description import Lstm, Node

if TYPE_CHECKING:
    from harness.graphs.tflite_writer import TfliteWriter

_ABSENT = -1


def write_lstm(writer: TfliteWriter, node: Node, op: Lstm) -> None:
    """Add the operator, and around it what turns [steps, in] into a sequence of batch 1."""
    schema = writer.schema
    steps, width = writer.graph.shapes[node.inputs[0]]
    units = node.shape[1]
    sequence = _float(writer, f"{node.output}/sequence", (steps, 1, width))
    outputs = _float(writer, f"{node.output}/outputs", (steps, 1, units))
    last = _float(writer, f"{node.output}/last", (1, 1, units))
    _reshape(writer, node, writer.tensor_of[node.inputs[0]], sequence, (steps, 1, width), 0)
    options = schema.UnidirectionalSequenceLSTMOptionsT(
        fusedActivationFunction=schema.ActivationFunctionType.TANH, timeMajor=True
    )
    inputs = [sequence, *_weights(writer, op)]
    inputs += [
        _float(writer, f"{node.output}/{state}", (1, units), variable=True)
        for state in ("output_state", "cell_state")
    ]
    writer.operation("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, outputs, options)
    cut = [writer.numbers(node, (steps - 1, 0, 0), 1), writer.numbers(node, (1, 1, units), 2)]
    writer.operation("SLICE", [outputs, *cut], last, schema.SliceOptionsT())
    _reshape(writer, node, last, writer.tensor_of[node.output], node.shape, 3)


def _weights(writer: TfliteWriter, op: Lstm) -> list[int]:
    """Return the inputs between the sequence and the states: gates, no peepholes, biases."""
    units = writer.graph.weight_shapes[op.recurrent][0]
    found = []
    for name in (op.kernel, op.recurrent):
        rows = writer.graph.weights[name].transpose()
        found += [
            writer.constant(f"{name}/{gate}", rows[gate * units : (gate + 1) * units].copy())
            for gate in range(4)
        ]
    bias = writer.graph.weights[op.bias].reshape(4, units)
    biases = [writer.constant(f"{op.bias}/{gate}", bias[gate]) for gate in range(4)]
    return [*found, *[_ABSENT] * 3, *biases, *[_ABSENT] * 2]


def _reshape(
    writer: TfliteWriter, node: Node, given: int, made: int, shape: tuple[int, ...], number: int
) -> None:
    options = writer.schema.ReshapeOptionsT(newShape=list(shape))
    inputs = [given, writer.numbers(node, shape, number)]
    writer.operation("RESHAPE", inputs, made, options)


def _float(writer: TfliteWriter, name: str, shape: Any, *, variable: bool = False) -> int:
    kind = writer.schema.TensorType.FLOAT32
    return writer.tensor(name, shape, kind, variable=variable)
