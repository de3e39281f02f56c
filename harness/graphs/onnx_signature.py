"""Reads what an `.onnx` file takes: names, shapes and number types of its inputs, in order.

Messages and field numbers: onnx/onnx.proto. Inputs that have an initializer are weights with a
name, as files of older operator sets list them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.protobuf import Buffer, fields

_MODEL_GRAPH = 7
_GRAPH_INITIALIZER, _GRAPH_INPUT = 5, 11
_TENSOR_NAME = 8
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TYPE_TENSOR, _TENSOR_ELEMENT, _TENSOR_SHAPE = 1, 1, 2
_SHAPE_DIMENSION, _DIMENSION_VALUE = 1, 1
_DTYPES: Mapping[int, str] = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
}


def onnx_inputs(data: Buffer) -> list[tuple[str, list[int], str]]:
    """Return (name, shape, dtype) of each input; a dimension that is left open is -1.

    Raises:
        ValueError, LookupError: the file is damaged, or an input is no tensor of numbers.
    """
    (graph,) = _messages(data, _MODEL_GRAPH)
    weights = {_text(tensor, _TENSOR_NAME) for tensor in _messages(graph, _GRAPH_INITIALIZER)}
    named = [(_text(value, _VALUE_NAME), value) for value in _messages(graph, _GRAPH_INPUT)]
    return [(name, *_tensor_type(value)) for name, value in named if name not in weights]


def _tensor_type(value: bytes) -> tuple[list[int], str]:
    (kind,) = _messages(value, _VALUE_TYPE)
    (tensor,) = _messages(kind, _TYPE_TENSOR)
    element = next(number for field, number in fields(tensor) if field == _TENSOR_ELEMENT)
    (shape,) = _messages(tensor, _TENSOR_SHAPE)
    sizes = [_size(dimension) for dimension in _messages(shape, _SHAPE_DIMENSION)]
    return sizes, _DTYPES[int(element)]


def _size(dimension: bytes) -> int:
    found = [number for field, number in fields(dimension) if field == _DIMENSION_VALUE]
    return int(found[0]) if found else -1


def _messages(data: Buffer, number: int) -> Iterator[bytes]:
    return (value for field, value in fields(data) if field == number and isinstance(value, bytes))


def _text(data: bytes, number: int) -> str:
    return b"".join(_messages(data, number)).decode()
