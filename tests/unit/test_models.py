"""The generated networks: their published numbers, and that their outputs prove something."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

import network_cases
import numpy as np
import pytest
from network_cases import CASES

from harness.graphs.description import (
    Activate,
    Add,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    Graph,
    Layer,
    MaxPool,
    Pad,
    Reshape,
)
from harness.graphs.numpy_forward import forward, stepwise
from harness.graphs.quantization import activation_scales
from harness.model import Tensor
from harness.outputs import InputSignature, check, discriminates, seeded_inputs
from harness.plugins import build_network, registry

TOLERANCE = 1e-4
NETWORKS = ("blazeface_front", "mobilenet_v2")
RANGES = [(0.0, 1.0), (-1.0, 1.0)]


@cache
def built(name: str, seed: int = 7) -> Graph:
    graph: Graph = build_network(registry("models").get(name), seed)
    return graph


def drawn(graph: Graph, low: float = 0, high: float = 1, index: int = 0) -> dict[str, Any]:
    signatures = [
        InputSignature(name, shape, "float32", low, high) for name, shape in graph.inputs.items()
    ]
    return {
        tensor.name: np.frombuffer(tensor.data, np.float32).reshape(tensor.shape)
        for tensor in seeded_inputs(signatures, 0, graph.name, index)
    }


def answered(graph: Graph, inputs: dict[str, Any]) -> list[Tensor]:
    tensors = forward(graph, inputs)
    return [
        Tensor(name, tensors[name].shape, "float32", tensors[name].astype("<f4").tobytes())
        for name in graph.outputs
    ]


def planted(graph: Graph, kernel: str) -> Graph:
    """The same network with one element of one kernel, of the usual size, turned and doubled."""
    weights = graph.weights[kernel].copy()
    usual = np.argsort(np.abs(weights), axis=None)[weights.size // 2]
    weights.flat[usual] *= -2
    return replace(graph, weights={**graph.weights, kernel: weights})


def kernels(graph: Graph) -> list[str]:
    return [name for name in graph.weights if name.endswith("/kernel")]


# --- published numbers, counted without weights ------------------------------------------------------------


def test_mobilenet_v2_has_the_size_that_keras_counts() -> None:
    graph = built("mobilenet_v2")
    assert graph.parameter_count == 3_538_984
    assert graph.parameter_count_folded == 3_487_816
    assert graph.multiply_accumulates == pytest.approx(300.8e6, rel=0.005)
    assert graph.inputs == {"input": (1, 224, 224, 3)}
    assert [graph.shapes[name] for name in graph.outputs] == [(1, 1000)]
    # 3,504,872 trainable; a mean and a variance per channel of each norm are not.
    normed = [
        (node.op, node.shape[-1])
        for node in graph.nodes
        if isinstance(node.op, Conv2D | DepthwiseConv2D)
    ]
    assert all(op.batch_norm for op, _ in normed)
    assert sum(2 * channels for _, channels in normed) == 34_112


def described(name: str, **options: Any) -> Graph:
    network = registry("models").get(name)
    graph: Graph = build_network(network, 7, network.options(**options))
    return graph


def trainable(graph: Graph) -> int:
    """Without a batch norm's mean and variance, as Keras counts."""
    norms = [n for n in graph.nodes if isinstance(n.op, Layer) and n.op.batch_norm]
    return graph.parameter_count - sum(2 * node.shape[-1] for node in norms)


@pytest.mark.parametrize(
    ("width", "trained", "million_macs"),
    [(0.25, 470_072, 41), (0.5, 1_331_592, 149), (0.75, 2_585_560, 325), (1.0, 4_231_976, 569)],
)
def test_mobilenet_v1_has_the_published_sizes(
    width: float, trained: int, million_macs: float
) -> None:
    # The paper's table 6 and the README of TF-Slim's models, 224 × 224.
    graph = described("mobilenet_v1", width=width)
    assert trainable(graph) == trained
    assert graph.multiply_accumulates == pytest.approx(million_macs * 1e6, rel=0.005)


@pytest.mark.parametrize(
    ("width", "millions", "million_macs"),
    [(0.35, 1.66, 59), (0.5, 1.95, 97), (0.75, 2.61, 209), (1.0, 3.47, 300), (1.3, 5.34, 509), (1.4, 6.06, 582)],
)  # fmt: skip
def test_mobilenet_v2_has_the_published_sizes(
    width: float, millions: float, million_macs: float
) -> None:
    # The table in the README of TF-Slim's MobileNetV2, 224 × 224, without batch norms.
    graph = described("mobilenet_v2", width=width)
    assert graph.parameter_count_folded == pytest.approx(millions * 1e6, rel=0.01)
    assert graph.multiply_accumulates == pytest.approx(million_macs * 1e6, rel=0.005)


@pytest.mark.parametrize(
    ("layers", "hidden", "parameters"),
    [(2, 128, 4_385_920), (4, 256, 11_170_560), (12, 768, 109_482_240)],
)
def test_bert_has_the_published_sizes(layers: int, hidden: int, parameters: int) -> None:
    # BERT-Tiny, -Mini and -Base with their poolers, without heads for a task.
    graph = described("bert", layers=layers, hidden=hidden, heads=hidden // 64)
    assert graph.parameter_count == parameters


def test_both_berts_have_the_published_operation_counts() -> None:
    # Table 4 of the MobileBERT paper, at sequence length 128: floating point operations.
    base = described("bert", layers=12, hidden=768, heads=12)
    assert 2 * base.multiply_accumulates == pytest.approx(22.5e9, rel=0.01)
    mobile = described("mobilebert")
    assert 2 * mobile.multiply_accumulates == pytest.approx(5.7e9, rel=0.06)
    # The paper's 25.3 million; without heads for pre-training it comes to this.
    assert mobile.parameter_count == 24_581_888 == pytest.approx(25.3e6, rel=0.03)


def test_the_cartoonizer_has_the_size_of_its_published_files() -> None:
    # TensorFlow's float16 file of it is 3.0 MB, two bytes for each parameter.
    graph = described("cartoon_unet", size=512)
    assert graph.parameter_count == 1_467_075
    assert 2 * graph.parameter_count == pytest.approx(3.0e6, rel=0.03)


def test_counting_a_network_draws_none_of_its_weights() -> None:
    tracemalloc.start()
    try:
        graph = described("bert", layers=12, hidden=768, heads=12)
        assert graph.parameter_count > 1e8
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4e6  # the weights are 438 MB


@pytest.mark.parametrize("case", CASES)
def test_taking_a_network_apart_changes_neither_its_counts_nor_its_outputs(case: str) -> None:
    fused, apart = (network_cases.built(case, fused=fused) for fused in (True, False))
    assert apart.parameter_count == fused.parameter_count
    assert apart.multiply_accumulates == fused.multiply_accumulates
    assert len(apart.nodes) > len(fused.nodes)
    inputs = network_cases.inputs_of(fused)
    reference = network_cases.answered(fused, inputs)
    found = check(network_cases.answered(apart, inputs), reference, TOLERANCE)
    assert found.max_relative_difference < 1e-5


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_every_tensor_has_the_shape_that_the_description_says(case: str, fused: bool) -> None:
    graph = network_cases.built(case, fused=fused)
    given = {t.name: network_cases.array(t) for t in network_cases.inputs_of(graph)}
    shapes = {name: values.shape for name, values in stepwise(graph, given)}
    assert shapes == dict(graph.shapes)
    assert {name: weight.shape for name, weight in graph.weights.items()} == dict(
        graph.weight_shapes
    )


@pytest.mark.parametrize("case", CASES)
def test_two_inputs_of_any_network_are_told_apart(case: str) -> None:
    graph = network_cases.built(case)
    first, second = (
        network_cases.answered(graph, network_cases.inputs_of(graph, index)) for index in (0, 1)
    )
    assert discriminates(first, second, TOLERANCE)


def test_an_id_that_the_calibration_never_saw_has_a_row_in_int8_too() -> None:
    graph = network_cases.built("recommendation_bow")
    table = next(name for name in graph.weights if name.endswith("/table"))
    scale = activation_scales(graph)[table.removesuffix("/table")]
    [step] = scale.steps
    low, high = (step * (edge - scale.zero_point) for edge in (-128, 127))
    assert low - step <= graph.weights[table].min()
    assert graph.weights[table].max() <= high + step


def test_blazeface_has_the_size_of_the_real_front_model() -> None:
    graph = built("blazeface_front")
    assert graph.parameter_count == graph.parameter_count_folded == 100_412
    assert graph.multiply_accumulates == 30_760_960
    assert graph.inputs == {"input": (1, 128, 128, 3)}
    assert [(name, graph.shapes[name]) for name in graph.outputs] == [
        ("regressors", (1, 896, 16)),
        ("classificators", (1, 896, 1)),
    ]


def test_blazeface_has_the_operators_and_shapes_of_the_real_front_model() -> None:
    # Counted in MediaPipe's face_detection_front.tflite (229,032 bytes), DEQUANTIZE left out.
    graph = built("blazeface_front")
    assert Counter(type(node.op) for node in graph.nodes) == {
        Conv2D: 21,
        DepthwiseConv2D: 16,
        Activate: 17,
        Add: 16,
        Pad: 11,
        MaxPool: 3,
        Reshape: 4,
        Concat: 2,
    }
    shapes = [node.shape for node in graph.nodes if isinstance(node.op, Activate)]
    sizes_and_channels = {
        64: [24, 24, 28],
        32: [32, 36, 42],
        16: [48, 56, 64, 72, 80, 88],
        8: [96, 96, 96, 96, 96],
    }
    assert shapes == [
        (1, size, size, channels) for size, many in sizes_and_channels.items() for channels in many
    ]
    kernels_by_shape = Counter(
        graph.weights[node.op.kernel].shape for node in graph.nodes if isinstance(node.op, Conv2D)
    )
    assert kernels_by_shape[5, 5, 3, 24] == 1
    heads = [(1, 1, 88, 2), (1, 1, 96, 6), (1, 1, 88, 32)]
    assert [kernels_by_shape[head] for head in heads] == [1, 1, 1]
    assert kernels_by_shape[1, 1, 96, 96] == 4 + 1  # four blocks, one head


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("blazeface_front", "19fa01914df092de9a7f9c4e9dc67489e87181ad12615686bb6ed7fe23c7bb2a"),
        ("mobilenet_v2", "4d4f8d15a5db9935e944c7f2d2439fbf47ac3ba600adc2dfceb4b00b3600f737"),
    ],
)
def test_a_seed_gives_these_weights_on_every_machine(name: str, digest: str) -> None:
    found = sha256()
    for key, weight in built(name).weights.items():
        found.update(key.encode() + weight.astype("<f4").tobytes())
    assert found.hexdigest() == digest


# --- alive -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("low", "high"), RANGES)
@pytest.mark.parametrize("seed", [7, 1])
def test_no_layer_is_more_than_95_percent_zero(
    name: str, low: float, high: float, seed: int
) -> None:
    graph = built(name, seed)
    tensors = forward(graph, drawn(graph, low, high))
    for layer, values in tensors.items():
        assert (values == 0).mean() <= 0.95, layer
        assert values.std() > 0, layer


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("low", "high"), RANGES)
@pytest.mark.parametrize("seed", [7, 1])
def test_two_inputs_give_outputs_that_the_check_tells_apart(
    name: str, low: float, high: float, seed: int
) -> None:
    graph = built(name, seed)
    first, second = (answered(graph, drawn(graph, low, high, index)) for index in (0, 1))
    assert discriminates(first, second, TOLERANCE)
    for one, other in zip(first, second, strict=True):
        assert discriminates([one], [other], TOLERANCE), one.name


def test_the_head_of_mobilenet_is_neither_flat_nor_saturated() -> None:
    graph = built("mobilenet_v2")
    probabilities = forward(graph, drawn(graph))["probabilities"]
    assert probabilities.sum() == pytest.approx(1)
    assert 0.002 < probabilities.max() < 0.1
    assert probabilities.min() > 0.001 * probabilities.max()


def some(names: Sequence[str], count: int) -> Iterator[str]:
    yield from names[:: -(-len(names) // count)]
    yield names[-1]


@pytest.mark.parametrize("name", NETWORKS)
def test_one_wrong_weight_in_any_depth_is_caught(name: str) -> None:
    graph = built(name)
    inputs = drawn(graph)
    reference = answered(graph, inputs)
    for kernel in some(kernels(graph), 12):
        result = check(answered(planted(graph, kernel), inputs), reference, TOLERANCE)
        assert result.failure, f"{kernel}: {result.max_relative_difference}"
        assert result.failure.kind == "output-mismatch"
