"""Generated models on the real runtimes: LiteRT, and TF.js Wasm in a real browser.

The third network here is what a new architecture costs: one short function.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from tfjs_parts import RUN, chromium, missing, tfjs_site

from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.graphs.numpy_forward import forward
from harness.graphs.tfjs_writer import write_tfjs
from harness.graphs.tflite_writer import write_tflite
from harness.model import Tensor
from harness.outputs import InputSignature, check, seeded_inputs
from harness.plugins import build_network, registry

TOLERANCE = 1e-4
NAMES = ("mobilenet_v2", "blazeface_front", "third")
WASM_BINARIES = {"plain": "tfjs-backend-wasm.wasm", "simd": "tfjs-backend-wasm-simd.wasm"}


class Third:
    """Every operation of the language once, on odd sizes."""

    def build(self, seed: int) -> Graph:
        net = GraphBuilder("third", seed)
        x = net.input((1, 15, 13, 3))
        x = net.conv(x, 6, kernel=3, stride=2, batch_norm=True, activation="relu6")
        y = net.depthwise(x, kernel=5, stride=2, activation="relu")
        x = net.pad_channels(net.max_pool(x, size=3), 8)
        x = net.relu(net.add(x, net.conv(y, 8)))
        boxes = net.concat(net.reshape(x, (1, -1, 2)), net.reshape(x, (1, -1, 2)), axis=2)
        scores = net.softmax(net.dense(net.global_average(x), 5, activation="relu6"))
        return net.build(scores, boxes)


@cache
def built(name: str) -> Graph:
    network = Third() if name == "third" else registry("models").get(name)
    graph: Graph = build_network(network, 7)
    return graph


def inputs_of(graph: Graph) -> tuple[Tensor, ...]:
    signatures = [InputSignature(name, shape, "float32") for name, shape in graph.inputs.items()]
    return seeded_inputs(signatures, 0, graph.name, 0)


def array(tensor: Tensor) -> Any:
    return np.frombuffer(tensor.data, "<f4").reshape(tensor.shape)


def tensor(name: str, values: Any) -> Tensor:
    return Tensor(name, values.shape, "float32", values.astype("<f4").tobytes())


# --- LiteRT ------------------------------------------------------------------------------


def interpreter(graph: Graph, resolver: str = "AUTO") -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError:
        missing("ai-edge-litert (pip install 'edgebench[litert]')")
    made = Interpreter(
        model_content=write_tflite(graph),
        experimental_op_resolver_type=getattr(OpResolverType, resolver),
    )
    made.allocate_tensors()
    return made


def litert(graph: Graph, resolver: str = "AUTO") -> list[Tensor]:
    """Outputs in the order of the file."""
    runtime = interpreter(graph, resolver)
    for detail, value in zip(runtime.get_input_details(), inputs_of(graph), strict=True):
        runtime.set_tensor(detail["index"], array(value))
    runtime.invoke()
    return [
        tensor(detail["name"], runtime.get_tensor(detail["index"]))
        for detail in runtime.get_output_details()
    ]


@pytest.mark.litert
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("resolver", ["AUTO", "BUILTIN_REF"])
def test_litert_computes_what_the_description_says(name: str, resolver: str) -> None:
    graph = built(name)
    tensors = forward(graph, {value.name: array(value) for value in inputs_of(graph)})
    reference = [tensor(output, tensors[output]) for output in graph.outputs]
    outputs = litert(graph, resolver)
    assert [output.name for output in outputs] == list(graph.outputs)
    result = check(outputs, reference, TOLERANCE)
    assert result.failure is None
    assert result.max_relative_difference < TOLERANCE / 10  # rounding alone, and far from 1e-4


@pytest.mark.litert
@pytest.mark.parametrize("name", NAMES)
def test_xnnpack_takes_the_whole_graph(name: str) -> None:
    runtime = interpreter(built(name))
    delegated = [op for op in runtime._get_ops_details() if op["op_name"] == "DELEGATE"]
    assert len(delegated) == 1
    outputs = [detail["index"] for detail in runtime.get_output_details()]
    assert sorted(delegated[0]["outputs"]) == sorted(outputs)


@pytest.mark.litert
@pytest.mark.parametrize("name", NAMES)
def test_a_tflite_names_its_inputs_and_outputs_in_a_signature(name: str) -> None:
    graph = built(name)
    signature = interpreter(graph).get_signature_list()["serving_default"]
    assert signature == {"inputs": sorted(graph.inputs), "outputs": sorted(graph.outputs)}


@pytest.mark.litert
def test_weights_lie_aligned_in_the_file_and_the_bytes_depend_on_nothing_else() -> None:
    graph = built("blazeface_front")
    content = write_tflite(graph)
    assert content == write_tflite(graph)
    for weight in graph.weights.values():
        if weight.ndim == 1 and weight.size > 8:  # biases stand in the file as they are
            assert content.index(weight.tobytes()) % 16 == 0


@pytest.mark.litert
@pytest.mark.parametrize("position", [0, 20, -1])
def test_litert_shows_one_wrong_weight_of_mobilenet(position: int) -> None:
    graph = built("mobilenet_v2")
    kernel = [name for name in graph.weights if name.endswith("/kernel")][position]
    weights = graph.weights[kernel].copy()
    weights.flat[np.argsort(np.abs(weights), axis=None)[weights.size // 2]] *= -2
    wrong = replace(graph, weights={**graph.weights, kernel: weights})
    result = check(litert(wrong), litert(graph), TOLERANCE)
    assert result.failure
    assert result.failure.kind == "output-mismatch"


# --- TF.js -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    models = {name: write_tfjs(built(name)) for name in NAMES}
    with tfjs_site(tmp_path_factory.mktemp("site"), models) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


@pytest.mark.browser
@pytest.mark.litert
@pytest.mark.parametrize("wasm", WASM_BINARIES)
@pytest.mark.parametrize("name", NAMES)
def test_tfjs_wasm_and_litert_agree(site: str, browser: Any, name: str, wasm: str) -> None:
    graph = built(name)
    inputs = [
        {"shape": value.shape, "dtype": value.dtype, "values": array(value).ravel().tolist()}
        for value in inputs_of(graph)
    ]
    page = browser.new_page()
    try:
        page.goto(site)
        said = page.evaluate(RUN, {"name": name, "wasm": wasm, "inputs": inputs})
    finally:
        page.close()
    assert said["binary"] == [WASM_BINARIES[wasm]]
    assert said["unsupported"] == []
    assert (said["inputs"], said["names"]) == (list(graph.inputs), list(graph.outputs))
    # One kernel per node of the file: what was written as fused ran as fused.
    assert not {"Conv2D", "FusedBatchNorm", "Multiply"} & set(said["kernels"])
    outputs = [
        tensor("tfjs", np.array(output["values"], "<f4").reshape(output["shape"]))
        for output in said["outputs"]
    ]
    result = check(outputs, litert(graph), TOLERANCE)
    assert result.failure is None
    assert result.max_relative_difference < TOLERANCE / 10
