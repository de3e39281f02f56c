"""Token ids and masks reach both lanes as the same numbers, whatever each format calls them."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema
from conftest import Commander

from harness import store
from harness.model import Measured
from harness.outputs import load_npz

pytestmark = [pytest.mark.adb, pytest.mark.litert, pytest.mark.browser]

INT, FLOAT = {"type": "DT_INT32"}, {"type": "DT_FLOAT"}
SHAPE = (1, 16)
SUITE = """
suite: tokens
models:
  embedder:
    tflite: m.tflite
    tfjs: model.json
    inputs: {ids: {range: [0, 30521]}, mask: {range: [0, 1]}}
targets:
  page: {driver: web-tfjs, variants: {simd: {wasm: simd}}}
  device: {driver: android-tflite, device: virtual, variants: {cpu: {threads: 1}}}
sampling: {blocks: 1, memory_runs: 0, warmup: {iterations: 2, seconds: 0},
  timed: {iterations: 5, max_seconds: 1}}
"""


def write_tfjs(folder: Path) -> None:
    """`y = float(ids) + float(mask)`, with its inputs in this order."""
    shape = {"shape": {"dim": [{"size": str(size)} for size in SHAPE]}}

    def placeholder(name: str) -> dict[str, Any]:
        return {"name": name, "op": "Placeholder", "attr": {"dtype": INT, "shape": shape}}

    def cast(name: str, of: str) -> dict[str, Any]:
        return {"name": name, "op": "Cast", "input": [of], "attr": {"SrcT": INT, "DstT": FLOAT}}

    nodes = [
        placeholder("ids"),
        placeholder("mask"),
        cast("a", "ids"),
        cast("b", "mask"),
        {"name": "y", "op": "AddV2", "input": ["a", "b"], "attr": {"T": FLOAT}},
    ]
    described = {
        "format": "graph-model",
        "modelTopology": {"node": nodes, "library": {}, "versions": {"producer": 1}},
        "weightsManifest": [{"paths": [], "weights": []}],
    }
    (folder / "model.json").write_text(json.dumps(described))


def write_tflite(folder: Path) -> None:
    """The same, with the converter's names, and the mask first."""
    int32, float32 = schema.TensorType.INT32, schema.TensorType.FLOAT32
    names = ["serving_default_mask:0", "serving_default_ids:0", "a", "b", "StatefulCall:0"]
    model, graph = schema.ModelT(), schema.SubGraphT()
    graph.tensors = []
    for name, type_ in zip(names, [int32, int32, float32, float32, float32], strict=True):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(SHAPE), type_, 0
        graph.tensors.append(tensor)
    graph.inputs, graph.outputs = [0, 1], [4]
    graph.operators = [operator(0, [1], 2), operator(0, [0], 3), operator(1, [2, 3], 4)]
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    model.operatorCodes = [code("CAST"), code("ADD")]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    (folder / "m.tflite").write_bytes(bytes(builder.Output()))


def operator(opcode: int, inputs: list[int], output: int) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = opcode, inputs, [output]
    options = schema.BuiltinOptions
    made.builtinOptionsType = (options.CastOptions, options.AddOptions)[opcode]
    made.builtinOptions = (schema.CastOptionsT, schema.AddOptionsT)[opcode]()
    if opcode == 0:
        made.builtinOptions.inDataType = schema.TensorType.INT32
        made.builtinOptions.outDataType = schema.TensorType.FLOAT32
    return made


def code(name: str) -> Any:
    made = schema.OperatorCodeT()
    made.builtinCode = made.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
    made.version = 1
    return made


def test_both_lanes_are_fed_the_same_ids_and_answer_the_same(tmp_path: Path) -> None:
    write_tfjs(tmp_path)
    write_tflite(tmp_path)
    (tmp_path / "s.yaml").write_text(SUITE)
    environment = {**os.environ, "EDGEBENCH_CACHE": str(tmp_path / "cache")}
    ran = Commander(tmp_path, environment)("run", "s.yaml", "--out", "r", "--progress", "quiet")
    assert ran.returncode == 0, ran.stderr + ran.stdout
    page, device = sorted(store.read(tmp_path / "r").runs, key=lambda run: -len(run.cell.target))
    for run in (page, device):
        assert isinstance(run.outcome, Measured)
        assert run.conditions["output_check"] == "ok within 0.0001"
        assert run.setting["input_shapes"] == "ids:1x16:int32 mask:1x16:int32"
    assert page.setting["inputs_sha256"] == device.setting["inputs_sha256"]
    # The references were computed lane by lane, from the same ids: the answers are the same.
    references = sorted((tmp_path / "cache" / "references").glob("*.npz"))
    assert len(references) == 4
    answers = {answer(path) for path in references}
    assert len(answers) == 2
    for values in answers:
        assert max(values) > 10_000
        assert all(value == int(value) and 0 <= value <= 30522 for value in values)


def answer(path: Path) -> tuple[float, ...]:
    (tensor,) = load_npz(path)
    return struct.unpack(f"<{SHAPE[1]}f", tensor.data)
