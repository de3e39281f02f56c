"""The description language: what it computes, what it counts, how its files come out."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.graphs import numpy_forward, seeded_weights, tfjs_writer
from harness.graphs.builder import GraphBuilder
from harness.graphs.description import (
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Graph,
    MaxPool,
    Node,
    Softmax,
)
from harness.graphs.numpy_forward import compute, forward
from harness.graphs.tfjs_writer import write_tfjs
from harness.outputs import uniform

Arrays = dict[str, Any]


def small(seed: int = 1, name: str = "small") -> Graph:
    net = GraphBuilder(name, seed)
    x = net.input((1, 9, 7, 3))
    x = net.conv(x, 4, kernel=3, stride=2, batch_norm=True, activation="relu6")
    x = net.relu(net.conv(x, 4))
    y = net.depthwise(x, activation="relu")
    x = net.relu(net.add(x, y))
    return net.build(net.softmax(net.dense(net.global_average(x), 5)))


def patches(x: Any, size: int, stride: int, fill: float) -> Iterator[tuple[int, int, Any]]:
    """Windows of TensorFlow's SAME, cut out one by one as its documentation defines them."""
    _, height, width, _ = x.shape
    rows, columns = -(-height // stride), -(-width // stride)
    top = max((rows - 1) * stride + size - height, 0) // 2
    left = max((columns - 1) * stride + size - width, 0) // 2
    for row in range(rows):
        for column in range(columns):
            patch = np.full((size, size, x.shape[3]), fill)
            for i in range(size):
                for j in range(size):
                    r, c = row * stride + i - top, column * stride + j - left
                    if 0 <= r < height and 0 <= c < width:
                        patch[i, j] = x[0, r, c]
            yield row, column, patch


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 8), st.integers(1, 8), st.integers(1, 5), st.integers(1, 3), st.integers(0, 99)
)
def test_windows_slide_as_tensorflow_pads_same(
    height: int, width: int, size: int, stride: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    x = random.normal(size=(1, height, width, 2))
    weights = {"full": random.normal(size=(size, size, 2, 3)), "each": random.normal(size=(size, size, 2))}  # fmt: skip
    conv = compute(Conv2D("full", stride=stride), [x], weights)
    depthwise = compute(DepthwiseConv2D("each", stride=stride), [x], weights)
    for row, column, patch in patches(x, size, stride, 0.0):
        expected = np.einsum("hwi,hwio->o", patch, weights["full"])
        np.testing.assert_allclose(conv[0, row, column], expected, atol=1e-12)
        each = (patch * weights["each"]).sum(axis=(0, 1))
        np.testing.assert_allclose(depthwise[0, row, column], each, atol=1e-12)
    if size >= stride:  # else a window might hold nothing but padding
        pooled = compute(MaxPool(size, stride), [x], {})
        for row, column, patch in patches(x, size, stride, -np.inf):
            np.testing.assert_array_equal(pooled[0, row, column], patch.max(axis=(0, 1)))


def test_a_softmax_of_large_numbers_does_not_overflow() -> None:
    result = compute(Softmax(), [np.array([[1000.0, 1000.0, -1000.0]])], {})
    np.testing.assert_allclose(result, [[0.5, 0.5, 0]])


def test_every_kernel_element_counts_once_per_output_position() -> None:
    weights: Arrays = {
        "full": np.zeros((3, 3, 2, 5), np.float32),
        "bias": np.zeros(5, np.float32),
        "each": np.zeros((5, 5, 5), np.float32),
        "dense": np.zeros((4, 6), np.float32),
    }
    nodes = (
        Node("a", Conv2D("full", "bias", batch_norm=True, stride=2), ("x",), (1, 4, 3, 5)),
        Node("b", DepthwiseConv2D("each"), ("a",), (1, 4, 3, 5)),
        Node("c", Dense("dense"), ("z",), (2, 6)),
    )
    graph = Graph("g", {"x": (1, 8, 6, 2), "z": (2, 4)}, nodes, ("b", "c"), weights, {key: value.shape for key, value in weights.items()})  # fmt: skip
    assert graph.multiply_accumulates == 12 * 90 + 12 * 125 + 2 * 24
    assert graph.parameter_count_folded == 90 + 5 + 125 + 24
    assert graph.parameter_count == 90 + 4 * 5 + 125 + 24


# --- seeded weights ----------------------------------------------------------------------


def same(a: Graph, b: Graph) -> bool:
    return all(np.array_equal(a.weights[name], b.weights[name]) for name in a.weights)


def test_a_seed_gives_one_network_and_another_seed_or_name_another() -> None:
    assert same(small(), small())
    assert not same(small(), small(seed=2))
    assert not same(small(), small(name="other"))


def test_rounding_in_another_machines_linear_algebra_does_not_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = small()
    exact = numpy_forward.product
    random = np.random.default_rng(0)

    def sloppy(*args: Any) -> Any:
        result = exact(*args)
        return result * (1 + 1e-7 * random.standard_normal(result.shape))

    monkeypatch.setattr(seeded_weights, "product", sloppy)
    assert same(small(), expected)


def test_batch_norm_is_folded_and_gives_each_channel_its_seeded_mean_and_spread() -> None:
    net = GraphBuilder("norm", 3)
    x = net.input((1, 32, 32, 3))
    net.conv(x, 16, kernel=3, batch_norm=True, name="layer")
    graph = net.build("layer")
    calibration = uniform("weights/norm/3/input", 32 * 32 * 3).reshape(1, 32, 32, 3)
    result = forward(graph, {"input": calibration})["layer"]
    gamma = 0.5 + uniform("weights/norm/3/layer/gamma", 16)
    beta = -0.5 + 1.5 * uniform("weights/norm/3/layer/beta", 16)
    np.testing.assert_allclose(result.mean(axis=(0, 1, 2)), beta, atol=0.01)
    np.testing.assert_allclose(result.std(axis=(0, 1, 2)), gamma, rtol=0.01)


# --- TF.js graph models ------------------------------------------------------------------


def topology(graph: Graph) -> list[Any]:
    model = json.loads(write_tfjs(graph)["model.json"])
    return [node for node in model["modelTopology"]["node"] if node["op"] != "Const"]


def steps(node: Any) -> list[str]:
    return [b64decode(step).decode() for step in node["attr"]["fused_ops"]["list"]["s"]]


def test_what_the_converter_fuses_is_fused() -> None:
    nodes = topology(small())
    assert [node["op"] for node in nodes] == [
        "Placeholder",
        "_FusedConv2D",
        "_FusedConv2D",
        "DepthwiseConv2dNative",
        "Relu",
        "AddV2",
        "Relu",
        "Mean",
        "_FusedMatMul",
        "Softmax",
    ]
    assert steps(nodes[1]) == ["BiasAdd", "Relu6"]
    assert steps(nodes[2]) == ["BiasAdd", "Relu"]
    assert steps(nodes[8]) == ["BiasAdd"]


def test_an_activation_is_not_fused_where_its_input_is_used_twice() -> None:
    net = GraphBuilder("twice", 1)
    x = net.conv(net.input((1, 4, 4, 2)), 2)
    y = net.relu(x)
    assert [node["op"] for node in topology(net.build(net.add(x, y)))] == [
        "Placeholder",
        "_FusedConv2D",
        "Relu",
        "AddV2",
    ]
    assert [node["op"] for node in topology(net.build(x, y))][1:3] == ["_FusedConv2D", "Relu"]


def test_every_input_of_every_node_is_a_node_before_it() -> None:
    known: set[str] = set()
    for node in json.loads(write_tfjs(small())["model.json"])["modelTopology"]["node"]:
        assert known.issuperset(node.get("input", []))
        assert node["name"] not in known
        known.add(node["name"])


def test_shards_are_at_most_as_large_as_said_and_together_hold_every_weight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tfjs_writer, "SHARD_BYTES", 100)
    files = write_tfjs(small())
    (group,) = json.loads(files.pop("model.json"))["weightsManifest"]
    count = len(files)
    assert group["paths"] == list(files)
    assert group["paths"] == [f"group1-shard{i + 1}of{count}.bin" for i in range(count)]
    assert max(map(len, files.values())) == 100
    data = b"".join(files.values())
    for entry in group["weights"]:
        size = 4 * int(np.prod(entry["shape"]))
        stored, data = np.frombuffer(data[:size], entry["dtype"]), data[size:]
        if entry["name"] in small().weights:
            np.testing.assert_array_equal(stored, small().weights[entry["name"]].ravel())
    assert data == b""


def test_equal_graphs_give_equal_bytes() -> None:
    assert write_tfjs(small()) == write_tfjs(small())
    assert write_tfjs(small()) != write_tfjs(small(seed=2))
