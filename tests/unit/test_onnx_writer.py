"""The ONNX writer: its files pass onnx's own checker, and compute what was described."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from harness.errors import SuiteError
from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.graphs.numpy_forward import forward
from harness.graphs.onnx_signature import onnx_inputs
from harness.graphs.onnx_writer import OPERATOR_SET, write_onnx
from harness.graphs.signature import read_signature
from harness.outputs import uniform
from harness.plugins import ModelFile, build_network, network_options, registry

CLOSE = 1e-5
# What keeps each operator of a network, and not its size.
SMALL: dict[str, dict[str, object]] = {
    "bert": {"layers": 1, "hidden": 32, "heads": 2},
    "cartoon_unet": {"size": 16, "channels": 4, "blocks": 1},
    "mobilebert": {"layers": 1},
    "mobilenet_v1": {"size": 128},
    "mobilenet_v2": {"size": 128},
}


def evaluated(graph: Graph) -> None:
    """Check a file with onnx's own means, and its outputs against the description's."""
    model = onnx.load_from_string(write_onnx(graph))
    onnx.checker.check_model(model, full_check=True)
    drawn = {
        name: uniform(f"test/{name}", int(np.prod(shape))).reshape(shape)
        for name, shape in graph.inputs.items()
    }
    fed = {
        name: (values * graph.ids[name]).astype("i4") if name in graph.ids else values.astype("f4")
        for name, values in drawn.items()
    }
    answers = ReferenceEvaluator(model).run(None, fed)
    described = forward(graph, fed)
    for name, answer in zip(graph.outputs, answers, strict=True):
        assert answer.shape == described[name].shape
        assert np.abs(answer - described[name]).max() <= CLOSE * np.abs(described[name]).max()


@pytest.mark.parametrize("name", registry("models").names)
def test_every_network_is_valid_and_computes_what_is_described(name: str) -> None:
    network = registry("models").get(name)
    options = network_options(network).model_validate(SMALL.get(name, {}))
    evaluated(build_network(network, 1, options))


@settings(deadline=None, max_examples=25)
@given(
    size=st.integers(1, 9),
    channels=st.integers(1, 4),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
)
def test_windows_are_padded_as_described_whatever_their_size(
    size: int, channels: int, kernel: int, stride: int
) -> None:
    net = GraphBuilder("windows", 1)
    x = net.input((1, size, size + 1, channels))
    evaluated(
        net.build(
            net.conv(x, 3, kernel=kernel, stride=stride, activation="relu6"),
            net.depthwise(x, kernel=kernel, stride=stride),
        )
    )


@settings(deadline=None, max_examples=25)
@given(rows=st.integers(2, 9), channels=st.integers(1, 4), size=st.sampled_from([(1, 1), (3, 1)]))
def test_the_largest_of_each_window_is_taken(
    rows: int, channels: int, size: tuple[int, int]
) -> None:
    # onnx's evaluator takes the pads of a MaxPool axis by axis, against its own specification, so
    # only even ones say something here.
    net = GraphBuilder("largest", 1)
    x = net.input((1, rows, rows + 1, channels))
    evaluated(net.build(net.max_pool(x, size=size[0], stride=size[1])))


def test_uneven_windows_say_where_their_padding_is() -> None:
    net = GraphBuilder("uneven", 1)
    graph = net.build(net.max_pool(net.input((1, 5, 4, 1)), size=2, stride=2))
    (pool,) = (
        n for n in onnx.load_from_string(write_onnx(graph)).graph.node if n.op_type == "MaxPool"
    )
    attributes = {a.name: list(a.ints) for a in pool.attribute}
    assert attributes == {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0, 0, 1, 0]}


def test_layouts_meet_where_they_must() -> None:
    net = GraphBuilder("layouts", 1)
    x = net.input((1, 6, 4, 2))
    y = net.conv(x, 3)
    beside = net.concat(x, y, axis=3)
    inside = net.relu(net.pad_channels(net.concat(y, net.relu(y), axis=2), 5))
    flat = net.dense(net.reshape(inside, (1, -1)), 4, activation="relu")
    again = net.conv(net.reshape(flat, (1, 2, 2, 1)), 2)
    evaluated(net.build(beside, inside, net.softmax(flat), net.softmax(y), again, x, y))


def test_operators_of_language_models_and_of_pictures_are_written_too() -> None:
    net = GraphBuilder("words", 1)
    ids = net.ids((1, 6), 9, "ids")
    rows = net.reshape(net.embedding(ids, 9, 8), (6, 8))
    words = net.layer_norm(net.gelu(net.dense(rows, 8, activation="tanh")))
    seen = net.softmax(net.matmul(words, net.dense(words, 8), transpose_b=True))
    mixed = net.matmul(seen, words)
    half = net.slice(net.transpose(mixed, (1, 0)), (2, 0), (4, 6))
    scored = net.arithmetic("mul", net.learned("sub", net.to_float(ids), (6,)), -0.5)
    far = net.arithmetic("squared_difference", half, scored)
    last = net.lstm(words, 5)
    image = net.upscale(net.conv(net.input((1, 3, 4, 2)), 3), 2)
    leaky = net.activate(image, "leaky_relu")
    evaluated(
        net.build(
            mixed,
            net.reduce_max(far, 1),
            net.mean(net.activate(half, "sigmoid"), 0),
            net.learned("add", last, (5,)),
            net.activate(leaky, "tanh"),
        )
    )


def test_its_signature_is_read_back_and_weights_are_no_inputs() -> None:
    graph = build_network(registry("models").get("blazeface_front"), 1)
    data = write_onnx(graph)
    assert onnx_inputs(data) == [("input", [1, 128, 128, 3], "float32")]
    model = onnx.load_from_string(data)
    assert [entry.version for entry in model.opset_import] == [OPERATOR_SET]
    model.graph.input.extend(
        onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in model.graph.initializer
    )
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    assert onnx_inputs(model.SerializeToString()) == [("input", [-1, 128, 128, 3], "float32")]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_damaged_file_is_told_in_words(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    net = GraphBuilder("small", 1)
    whole = bytearray(write_onnx(net.build(net.conv(net.input((1, 4, 4, 1)), 2))))
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "model.onnx"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        read_signature(ModelFile("onnx", path, "", 0))
    except SuiteError as error:
        assert "model.onnx" in str(error)
