"""Generated files of every precision on the real LiteRT: size, life, and nearness to fp32."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.graphs import tflite_schema
from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.graphs.numpy_forward import forward
from harness.graphs.quantization import calibration_inputs
from harness.graphs.signature import read_signature
from harness.graphs.tflite_precisions import write_tflite_file
from harness.graphs.tflite_writer import write_tflite
from harness.model import Tensor
from harness.outputs import PRECISIONS, TOLERANCES, InputSignature, Precision, check, seeded_inputs
from harness.plugins import ModelFile, build_network, registry
from harness.transports import litert

SMALLER: dict[Precision, float] = {"fp32": 1.0, "fp16": 0.55, "dynamic": 0.45, "int8": 0.45}


@cache
def built(name: str) -> Graph:
    graph: Graph = build_network(registry("models").get(name), 7)
    return graph


def inputs_of(graph: Graph) -> tuple[Tensor, ...]:
    signatures = [InputSignature(name, shape, "float32") for name, shape in graph.inputs.items()]
    return seeded_inputs(signatures, 0, graph.name, 0)


def exact(graph: Graph, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    tensors = forward(graph, {t.name: numbers(t) for t in inputs})
    return tuple(
        Tensor(name, tensors[name].shape, "float32", tensors[name].astype("<f4").tobytes())
        for name in graph.outputs
    )


def answered(graph: Graph, precision: Precision, folder: Path) -> tuple[Tensor, ...]:
    path = folder / f"{graph.name}-{precision}.tflite"
    path.write_bytes(write_tflite_file(graph, precision))
    return litert.reference_outputs(path, [inputs_of(graph)])[0]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_generated_file_answers_as_float32_does_within_its_tolerance(
    precision: Precision, tmp_path: Path
) -> None:
    graph = built("blazeface_front")
    found = answered(graph, precision, tmp_path)
    result = check(found, exact(graph, inputs_of(graph)), TOLERANCES[precision])
    assert result.failure is None
    # It is another computation, not float32 under another name.
    assert precision == "fp32" or result.max_relative_difference > 1e-4


def test_each_file_is_as_small_as_its_numbers_and_takes_the_same_bytes(tmp_path: Path) -> None:
    graph = built("blazeface_front")
    whole = len(write_tflite(graph))
    signatures = set()
    for precision, share in SMALLER.items():
        path = tmp_path / precision
        path.write_bytes(write_tflite_file(graph, precision))
        assert path.stat().st_size <= share * whole
        signatures.add(read_signature(ModelFile("tflite", path, "", 0)))
    assert len(signatures) == 1


def test_a_large_network_shrinks_to_a_half_and_to_about_a_quarter() -> None:
    graph = built("mobilenet_v2")
    whole = len(write_tflite(graph))
    shares = {p: len(write_tflite_file(graph, p)) / whole for p in ("fp16", "dynamic")}
    assert shares == pytest.approx({"fp16": 0.5, "dynamic": 0.27}, abs=0.01)


def test_the_same_seed_gives_the_same_bytes() -> None:
    graph = built("blazeface_front")
    for precision in PRECISIONS:
        assert write_tflite_file(graph, precision) == write_tflite_file(graph, precision)


@st.composite
def networks(draw: st.DrawFn) -> Graph:
    """A few layers on odd sizes, with a head that is a dense layer, a softmax or a map."""
    net = GraphBuilder(f"drawn-{draw(st.integers(0, 10**6))}", draw(st.integers(0, 10**6)))
    x = net.input((1, draw(st.integers(5, 11)), draw(st.integers(5, 11)), draw(st.integers(1, 4))))
    for layer in draw(st.lists(st.sampled_from(LAYERS), min_size=1, max_size=4)):
        x = layer(net, x)
    head = draw(st.sampled_from(("map", "dense", "softmax")))
    if head != "map":
        x = net.dense(net.global_average(x), draw(st.integers(2, 9)))
    return net.build(net.softmax(x) if head == "softmax" else x)


LAYERS: list[Any] = [
    lambda net, x: net.conv(x, 6, kernel=3, stride=2, batch_norm=True, activation="relu6"),
    lambda net, x: net.depthwise(x, activation="relu"),
    lambda net, x: net.relu(net.add(x, net.conv(x, net.channels(x)))),
    lambda net, x: net.pad_channels(net.max_pool(x), net.channels(x) + 2),
    lambda net, x: net.concat(x, x, axis=3),
]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(graph=networks())
def test_any_small_network_in_any_precision_agrees_with_plain_float64(graph: Graph) -> None:
    # An input that the ranges were taken from: what lies outside of them is clipped, by any amount.
    inputs = tuple(
        Tensor(name, values.shape, "float32", values.astype("<f4").tobytes())
        for name, values in calibration_inputs(graph, 0).items()
    )
    tensors = forward(graph, {t.name: numbers(t) for t in inputs})
    # Where a dense layer's terms cancel, their own size says how near an answer can be.
    largest = max(float(abs(values).max()) for values in tensors.values())
    [output] = graph.outputs
    for precision in PRECISIONS:
        found = invoked(write_tflite_file(graph, precision), inputs)
        difference = float(abs(found - tensors[output]).max())
        assert difference <= TOLERANCES[precision] * largest, (precision, difference, largest)


def numbers(tensor: Tensor) -> Any:
    return np.frombuffer(tensor.data, "<f4").reshape(tensor.shape)


def invoked(model: bytes, inputs: tuple[Tensor, ...]) -> Any:
    """Run in this process, without delegates: a process for each network would take minutes."""
    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        num_threads=1,
    )
    interpreter.allocate_tensors()
    for detail, tensor in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], numbers(tensor))
    interpreter.invoke()
    [detail] = interpreter.get_output_details()
    return interpreter.get_tensor(detail["index"])


def test_weights_are_stored_as_the_specification_says() -> None:
    """Read back from the file: types, axes, and the bias' scale of input times weight."""
    schema = tflite_schema.schema()
    data = write_tflite_file(built("blazeface_front"), "int8")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    [subgraph] = model.subgraphs
    axes = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}
    seen = set()
    for operator in subgraph.operators:
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        name = next(n for n, v in vars(schema.BuiltinOperator).items() if v == code)
        if name not in axes:
            continue
        seen.add(name)
        given, kernel, bias = (subgraph.tensors[i] for i in operator.inputs)
        types = (given.type, kernel.type, bias.type)
        assert types == (schema.TensorType.INT8, schema.TensorType.INT8, schema.TensorType.INT32)
        assert kernel.quantization.quantizedDimension == axes[name]
        assert len(kernel.quantization.scale) == kernel.shape[axes[name]]
        assert not any(kernel.quantization.zeroPoint)
        assert bias.quantization.scale == pytest.approx(
            kernel.quantization.scale * given.quantization.scale[0], rel=1e-6
        )
    assert seen == set(axes)
