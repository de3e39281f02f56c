"""The generated networks: their published numbers, and that their outputs prove something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from harness.graphs.description import (
    Activate,
    Add,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    Graph,
    MaxPool,
    Pad,
    Reshape,
)
from harness.graphs.numpy_forward import forward
from harness.model import Tensor
from harness.outputs import InputSignature, check, discriminates, seeded_inputs
from harness.plugins import build_network, registry

TOLERANCE = 1e-4
NETWORKS = registry("models").names
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


# --- published numbers -------------------------------------------------------------------


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
