"""Reads what a model file takes: names, shapes and types of its inputs, in order."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.errors import SuiteError
from harness.graphs import tflite_schema
from harness.graphs.description import Shape
from harness.graphs.onnx_signature import onnx_inputs
from harness.outputs import InputSignature
from harness.plugins import ModelFile, ModelFormat

__all__ = ["InputSignature", "plain_name", "read_signature"]

_TENSORFLOW_DTYPES = {
    "DT_FLOAT": "float32",
    "DT_HALF": "float16",
    "DT_DOUBLE": "float64",
    "DT_INT8": "int8",
    "DT_INT16": "int16",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_UINT8": "uint8",
    "DT_UINT16": "uint16",
    "DT_BOOL": "bool",
    "DT_STRING": "string",
}
_KINDS = {"tflite": ".tflite file", "tfjs": "TF.js model.json", "onnx": ".onnx file"}
# What walking through damaged or foreign bytes raises.
_DAMAGE = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    StopIteration,
    TypeError,
    ValueError,
    struct.error,
)


def read_signature(
    file: ModelFile, shapes: Mapping[str, Shape] | None = None
) -> tuple[InputSignature, ...]:
    """Return the inputs of a model in the order in which its runtime takes them.

    Names are those of tensors in a `.tflite`, those that `predict` knows in TF.js, and those of
    the graph in an `.onnx`. An
    unknown batch size becomes 1; `shapes` (name → shape) go before what the file says, and
    are needed where another dimension is unknown.

    Raises:
        SuiteError: the file cannot be read, or leaves a dimension open.
        PluginError: a `.tflite`, and ai-edge-litert is not installed.
    """
    read = _READERS[file.format]
    try:
        data = file.path.read_bytes()
        found = read(data)
    except OSError as error:
        raise SuiteError(
            f"cannot be read: {error.strerror}", where=str(file.path), hint="check the path"
        ) from error
    except _DAMAGE as error:
        raise SuiteError(
            f"this is no {_KINDS[file.format]} whose inputs can be read: {error!r}",
            where=str(file.path),
            hint="name the file as its converter wrote it, whole; try to fetch it again",
        ) from error
    given = {plain_name(name): shape for name, shape in (shapes or {}).items()}
    return tuple(
        InputSignature(name, given.get(plain_name(name)) or _known(name, shape, file.path), dtype)
        for name, shape, dtype in found
    )


def plain_name(name: str) -> str:
    """Return what an input is called in every format: TFLite's converter wraps its name.

    A Keras input `ids` is `serving_default_ids:0` in a `.tflite` of a saved model, and `ids` or
    `ids:0` in TF.js.
    """
    return name.removeprefix("serving_default_").removesuffix(":0")


def output_dtypes(file: ModelFile) -> tuple[str, ...]:
    """Return the number types of a `.tflite`'s outputs, in order; () elsewhere, all float32 here.

    Raises:
        SuiteError, PluginError: as `read_signature`.
    """
    if file.format != "tflite":
        return ()
    try:
        graph, dtypes = _subgraph(file.path.read_bytes())
        return tuple(dtypes[graph.Tensors(int(index)).Type()] for index in graph.OutputsAsNumpy())
    except (OSError, *_DAMAGE) as error:
        raise SuiteError(
            f"this is no .tflite file whose outputs can be read: {error!r}",
            where=str(file.path),
            hint="name the file as its converter wrote it, whole; try to fetch it again",
        ) from error


def _known(name: str, shape: list[int], path: Path) -> Shape:
    fixed = tuple([1, *shape[1:]] if shape and shape[0] < 1 else shape)
    if any(size < 1 for size in fixed):
        asked = ", ".join("?" if size < 1 else str(size) for size in fixed)
        raise SuiteError(
            f"input {name!r} has the shape [{asked}]",
            where=str(path),
            hint=f"say in the suite which is meant: `inputs: {{{name}: {{shape: […]}}}}`",
        )
    return fixed


def _tflite_inputs(data: bytes) -> list[tuple[str, list[int], str]]:
    graph, dtypes = _subgraph(data)
    # Absent vectors read as the number 0, not as an empty array.
    tensors = [graph.Tensors(int(index)) for index in graph.InputsAsNumpy()]
    return [
        (
            tensor.Name().decode(),
            [] if tensor.ShapeIsNone() else tensor.ShapeAsNumpy().tolist(),
            dtypes[tensor.Type()],
        )
        for tensor in tensors
    ]


def _subgraph(data: bytes) -> tuple[Any, dict[int, str]]:
    """Return the first graph of a `.tflite`, and the name of each number type."""
    schema = tflite_schema.schema()
    if data[4:8] != tflite_schema.FILE_IDENTIFIER:
        raise ValueError("it does not have the mark TFL3")
    named = vars(schema.TensorType).items()
    dtypes = {number: name.lower() for name, number in named if isinstance(number, int)}
    return schema.Model.GetRootAs(data, 0).Subgraphs(0), dtypes


def _tfjs_inputs(data: bytes) -> list[tuple[str, list[int], str]]:
    model = json.loads(data)
    topology = model["modelTopology"]
    if "node" not in topology:
        return _layers_inputs(topology)
    signature = model.get("signature") or model.get("userDefinedMetadata", {}).get("signature", {})
    inputs = signature.get("inputs") or {
        node["name"]: {
            "dtype": node["attr"]["dtype"]["type"],
            "tensorShape": node["attr"]["shape"]["shape"],
        }
        for node in topology["node"]
        if node["op"].startswith("Placeholder")
    }
    return [
        (name, _dimensions(info["tensorShape"]), _TENSORFLOW_DTYPES[info["dtype"]])
        for name, info in inputs.items()
        if "resourceId" not in info
    ]


def _dimensions(shape: Any) -> list[int]:
    if shape.get("unknownRank"):
        raise ValueError("an input of unknown rank")
    return [int(dimension.get("size", -1)) for dimension in shape.get("dim", [])]


def _layers_inputs(topology: Any) -> list[tuple[str, list[int], str]]:
    """Read a Keras model: its first layer (Sequential), or its named input layers."""
    config = topology.get("model_config", topology)["config"]
    layers = config if isinstance(config, list) else config["layers"]
    named = {layer.get("name") or layer["config"]["name"]: layer["config"] for layer in layers}
    entries = [] if isinstance(config, list) else config.get("input_layers", [])
    if entries and isinstance(entries[0], str):  # Keras 3 drops the outer list around one input
        entries = [entries]
    names = [entry[0] for entry in entries] or [next(iter(named))]
    return [(name, *_layer_input(named[name])) for name in names]


def _layer_input(layer: Any) -> tuple[list[int], str]:
    shape = layer.get("batch_input_shape") or layer["batch_shape"]
    return [-1 if size is None else int(size) for size in shape], str(layer.get("dtype", "float32"))


_READERS: Mapping[ModelFormat, Callable[[bytes], list[tuple[str, list[int], str]]]] = {
    "tflite": _tflite_inputs,
    "tfjs": _tfjs_inputs,
    "onnx": onnx_inputs,
}
