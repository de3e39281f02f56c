"""Every generated network on the real runtimes, fused and not, in every precision it has."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from network_cases import CASES, answered, array, built, inputs_of, tensor
from tfjs_parts import RUN, chromium, tfjs_site

from harness.errors import SuiteError
from harness.graphs import tflite_schema
from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.graphs.tfjs_writer import write_tfjs
from harness.graphs.tflite_precisions import refusal, write_tflite_file
from harness.graphs.tflite_writer import TfliteWriter
from harness.model import Tensor
from harness.outputs import PRECISIONS, TOLERANCES, Precision, check
from harness.plugins import build_network, registry
from harness.tools.benchmark_model.failures import for_exit_code

HOST_TOOL = Path(__file__).parents[2] / "device_scripts" / "host" / "litert_host.py"
TOLERANCE = 1e-4
FORMS = {"fused": True, "unfused": False}
EVERY = [(case, form) for case in CASES for form in FORMS]


def interpreter(graph: Graph, precision: Precision = "fp32", resolver: str = "AUTO") -> Any:
    """LiteRT with the file of a network, and its inputs set."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    runtime = Interpreter(
        model_content=write_tflite_file(graph, precision),
        experimental_op_resolver_type=getattr(OpResolverType, resolver),
    )
    runtime.allocate_tensors()
    for detail, value in zip(runtime.get_input_details(), inputs_of(graph), strict=True):
        assert detail["dtype"].__name__ == value.dtype
        runtime.set_tensor(detail["index"], array(value))
    return runtime


def litert(graph: Graph, precision: Precision = "fp32", resolver: str = "AUTO") -> list[Tensor]:
    runtime = interpreter(graph, precision, resolver)
    runtime.invoke()
    details = runtime.get_output_details()
    return [tensor(each["name"], runtime.get_tensor(each["index"])) for each in details]


@pytest.mark.litert
@pytest.mark.parametrize("resolver", ["AUTO", "BUILTIN_REF"])
@pytest.mark.parametrize(("case", "form"), EVERY)
def test_litert_computes_what_the_description_says(case: str, form: str, resolver: str) -> None:
    graph = built(case, fused=FORMS[form])
    found = litert(graph, resolver=resolver)
    assert [each.name for each in found] == list(graph.outputs)
    result = check(found, answered(graph, inputs_of(graph)), TOLERANCE)
    assert result.failure is None
    assert result.max_relative_difference < TOLERANCE / 5


@pytest.mark.litert
@pytest.mark.parametrize("precision", [p for p in PRECISIONS if p != "fp32"])
@pytest.mark.parametrize("case", CASES)
def test_each_precision_is_near_float32_or_refused_by_name(case: str, precision: Precision) -> None:
    graph = built(case)
    if why_not := refusal(graph, precision):
        assert (precision, case) in {("int8", "bert"), ("int8", "mobilebert")}
        with pytest.raises(SuiteError, match="products of two activations") as caught:
            write_tflite_file(graph, precision)
        assert why_not in str(caught.value)
        return
    exact = answered(graph, inputs_of(graph))
    result = check(litert(graph, precision), exact, TOLERANCES[precision])
    assert result.failure is None
    assert result.max_relative_difference > 1e-6  # another computation than float32


@pytest.mark.litert
@pytest.mark.parametrize("case", CASES)
def test_one_wrong_channel_shows_in_litert(case: str) -> None:
    graph = built(case)
    kernels = [name for name in graph.weights if name.endswith("/kernel")]
    reference = answered(graph, inputs_of(graph))
    for kernel in (kernels[0], kernels[len(kernels) // 2], kernels[-1]):
        weights = graph.weights[kernel].copy()
        weights[..., np.abs(weights).sum(axis=tuple(range(weights.ndim - 1))).argmax()] *= -2
        wrong = replace(graph, weights={**graph.weights, kernel: weights})
        failure = check(litert(wrong), reference, TOLERANCE).failure
        assert failure, kernel
        assert failure.kind == "output-mismatch"


def operators(graph: Graph) -> Counter[str]:
    """Count the file's operators by name, before any delegate takes them."""
    runtime = interpreter(graph, resolver="BUILTIN_WITHOUT_DEFAULT_DELEGATES")
    return Counter(op["op_name"] for op in runtime._get_ops_details())


@pytest.mark.litert
def test_rounding_does_not_grow_over_two_dozen_blocks() -> None:
    network = registry("models").get("mobilebert")
    options = network.options(layers=24, sequence=16, vocabulary=100)
    graph = build_network(network, 7, options)
    result = check(litert(graph), answered(graph, inputs_of(graph)), TOLERANCE)
    assert result.max_relative_difference < TOLERANCE / 10


@pytest.mark.litert
def test_fusing_makes_one_operator_of_many_in_a_tflite() -> None:
    fused, apart = (operators(built("bert", fused=fused)) for fused in (True, False))
    assert fused["GELU"] == 2
    assert (apart["GELU"], apart["TANH"]) == (0, 2 + fused["TANH"])
    relu = operators(built("mobilenet_v1", fused=False))
    assert (relu["MUL"], relu["RELU6"]) == (27, 27)  # a norm and an activation per convolution


@pytest.mark.litert
@pytest.mark.parametrize("case", CASES)
def test_an_inference_does_not_depend_on_those_before_it(case: str) -> None:
    graph = built(case)
    runtime = interpreter(graph)
    answers = []
    for _ in range(2):
        runtime.invoke()
        answers.append(
            [runtime.get_tensor(each["index"]).copy() for each in runtime.get_output_details()]
        )
    for first, second in zip(*answers, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.litert
def test_an_operator_that_litert_lacks_is_named(tmp_path: Path) -> None:
    """Its own words, for a version that does not exist yet, become the reason of skipped cells."""
    net = GraphBuilder("newer", 7)
    writer = TfliteWriter(net.build(net.relu(net.input((1, 4)))), tflite_schema.schema())
    model = writer.model()
    model.operatorCodes[0].version = 99
    path = tmp_path / "newer.tflite"
    path.write_bytes(tflite_schema.packed(model))
    said = subprocess.run(
        [sys.executable, HOST_TOOL, f"--graph={path}"], capture_output=True, text=True, check=False
    )
    failure = for_exit_code(said.returncode, said.stderr.splitlines(), "")
    assert failure
    assert failure.kind == "unsupported-op"
    assert "'RELU' version '99'" in failure.message


# --- TF.js Wasm ---------------------------------------------------------------------------


def fused_tanh() -> Graph:
    net = GraphBuilder("fused_tanh", 7)
    return net.build(net.dense(net.input((1, 8)), 4, activation="tanh"))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One page for all, since a back end starts once and none of them needs another."""
    graphs = {f"{case}-{form}": built(case, fused=FORMS[form]) for case, form in EVERY}
    models = {name: write_tfjs(graph) for name, graph in graphs.items()}
    models["fused_tanh"] = write_tfjs(fused_tanh())
    with tfjs_site(tmp_path_factory.mktemp("site"), models) as url, chromium() as browser:
        opened = browser.new_page()
        opened.goto(url)
        yield opened


def said_by(page: Any, name: str, graph: Graph) -> dict[str, Any]:
    inputs = [
        {"shape": each.shape, "dtype": each.dtype, "values": array(each).ravel().tolist()}
        for each in inputs_of(graph)
    ]
    said: dict[str, Any] = page.evaluate(RUN, {"name": name, "wasm": "simd", "inputs": inputs})
    return said


@pytest.mark.browser
@pytest.mark.litert
@pytest.mark.parametrize(("case", "form"), EVERY)
def test_tfjs_wasm_and_litert_agree(page: Any, case: str, form: str) -> None:
    graph = built(case, fused=FORMS[form])
    said = said_by(page, f"{case}-{form}", graph)
    assert (sorted(said["inputs"]), said["names"]) == (sorted(graph.inputs), list(graph.outputs))
    assert said["unsupported"] == []
    found = [
        tensor("tfjs", np.array(each["values"], "<f4").reshape(each["shape"]))
        for each in said["outputs"]
    ]
    result = check(found, litert(graph), TOLERANCE)
    assert result.failure is None
    assert result.max_relative_difference < TOLERANCE / 4


@pytest.mark.browser
def test_tfjs_wasm_has_no_fused_tanh(page: Any) -> None:
    """What the skipped cells of such a model rest on."""
    run = "async () => (await tf.loadGraphModel('/models/fused_tanh/model.json'))"
    with pytest.raises(Exception, match="tanh activation not yet supported"):
        page.evaluate(f"{run}.predict(tf.zeros([1, 8]))")
