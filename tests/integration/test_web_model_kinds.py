"""Every kind of TF.js model runs in a real browser: layers models, and graphs of dynamic shape."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import pytest
import web_parts
from web_parts import INPUT, WEIGHTS, floats, run, tensor

from harness import outputs
from harness.drivers.web_tfjs import PLUGIN
from harness.graphs.signature import read_signature
from harness.model import Failed, Measured
from harness.plugins import ModelFile
from harness.web_lane.session import WebSession

pytestmark = pytest.mark.browser

PRODUCT = [sum(x * row[i] for x, row in zip(INPUT, WEIGHTS, strict=True)) for i in range(2)]


def dense(name: str, inbound: list[str]) -> dict[str, object]:
    config = {
        "name": name,
        "trainable": False,
        "units": 2,
        "activation": "linear",
        "use_bias": False,
        "kernel_initializer": {"class_name": "Zeros", "config": {}},
    }
    nodes = [[[layer, 0, 0, {}] for layer in inbound]] if inbound else []
    return {"class_name": "Dense", "name": name, "config": config, "inbound_nodes": nodes}


def entrance(name: str) -> dict[str, object]:
    config = {"name": name, "batch_input_shape": [None, 3], "dtype": "float32", "sparse": False}
    return {"class_name": "InputLayer", "name": name, "config": config, "inbound_nodes": []}


def layers_model(folder: Path, topology: Mapping[str, object], weights: list[str]) -> ModelFile:
    """Write a model whose weights are all `WEIGHTS`."""
    folder.mkdir()
    numbers = [value for row in WEIGHTS for value in row]
    (folder / "w.bin").write_bytes(struct.pack("<6f", *numbers) * len(weights))
    manifest = [{"name": name, "shape": [3, 2], "dtype": "float32"} for name in weights]
    described = {
        "format": "layers-model",
        "generatedBy": "keras v2.15.0",
        "modelTopology": {"keras_version": "2.15.0", "backend": "tensorflow", **topology},
        "weightsManifest": [{"paths": ["w.bin"], "weights": manifest}],
    }
    path = folder / "model.json"
    path.write_text(json.dumps(described))
    return ModelFile("tfjs", path, sha256(path.read_bytes()).hexdigest(), path.stat().st_size)


def sequential(folder: Path) -> ModelFile:
    layers = [entrance("x"), dense("d", [])]
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    return layers_model(folder, {"model_config": config}, ["d/kernel"])


def two_inputs(folder: Path) -> ModelFile:
    both = {
        "class_name": "Add",
        "name": "sum",
        "config": {"name": "sum"},
        "inbound_nodes": [[["da", 0, 0, {}], ["db", 0, 0, {}]]],
    }
    config = {
        "name": "m",
        "layers": [entrance("b"), entrance("a"), dense("da", ["a"]), dense("db", ["b"]), both],
        "input_layers": [["b", 0, 0], ["a", 0, 0]],
        "output_layers": [["sum", 0, 0], ["da", 0, 0]],
    }
    topology = {"model_config": {"class_name": "Model", "config": config}}
    return layers_model(folder, topology, ["da/kernel", "db/kernel"])


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSession]:
    with web_parts.web_session(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


def test_a_layers_model_is_measured_proved_and_checked(session: WebSession, tmp_path: Path) -> None:
    model = sequential(tmp_path / "m")
    capture = run(session, model, wasm="threaded-simd", threads=2)
    reading = PLUGIN.read(capture)
    assert isinstance(reading.outcome, Measured), reading
    assert reading.proof.observed["threads"] == 2
    assert reading.proof.mismatches() == ()
    (output,) = reading.outputs or ()
    assert output.shape == (1, 2)
    assert floats(output.data) == pytest.approx(PRODUCT)
    ((reference,),) = session.reference(model, [(tensor("x", INPUT),)])
    assert floats(reference.data) == pytest.approx(PRODUCT)
    assert "tfjs/tf-layers.min.js" in capture.text("requests.json")
    graph = run(session, web_parts.tiny_model(tmp_path / "graph"), wasm="simd")
    assert "tfjs/tf-layers.min.js" not in graph.text("requests.json")
    assert PLUGIN.read(graph).subject["tfjs_sha256"] != reading.subject["tfjs_sha256"]


def test_inputs_of_a_layers_model_go_where_their_names_say(
    session: WebSession, tmp_path: Path
) -> None:
    model = two_inputs(tmp_path / "m")
    assert [entry.name for entry in read_signature(model)] == ["b", "a"]
    inputs = (tensor("a", INPUT), tensor("b", (0.0, 0.0, 0.0)))
    reading = PLUGIN.read(run(session, model, inputs=inputs, wasm="simd"))
    both, a = reading.outputs or ()
    assert floats(a.data) == pytest.approx(PRODUCT)
    assert floats(both.data) == pytest.approx(PRODUCT)


def test_a_layer_that_tfjs_does_not_know_is_a_failed_run(
    session: WebSession, tmp_path: Path
) -> None:
    layers = [entrance("x"), {"class_name": "NoSuchLayer", "name": "n", "config": {"name": "n"}}]
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    model = layers_model(tmp_path / "m", {"model_config": config}, [])
    outcome = PLUGIN.read(run(session, model, wasm="simd")).outcome
    assert isinstance(outcome, Failed)
    assert "NoSuchLayer" in outcome.failure.message


def test_a_graph_whose_shapes_depend_on_its_data_is_executed_as_tfjs_asks(
    session: WebSession, tmp_path: Path
) -> None:
    shape = {"shape": {"dim": [{"size": "1"}, {"size": "3"}]}}
    floating = {"type": "DT_FLOAT"}
    limit = {"dtype": "DT_FLOAT", "tensorShape": {}, "floatVal": [1.5]}
    nodes = [
        {"name": "x", "op": "Placeholder", "attr": {"dtype": floating, "shape": shape}},
        {"name": "limit", "op": "Const", "attr": {"dtype": floating, "value": {"tensor": limit}}},
        {"name": "above", "op": "Greater", "input": ["x", "limit"], "attr": {"T": floating}},
        {"name": "where", "op": "Where", "input": ["above"], "attr": {"T": {"type": "DT_BOOL"}}},
    ]
    weight = {"name": "limit", "shape": [], "dtype": "float32"}
    described = {
        "format": "graph-model",
        "modelTopology": {"node": nodes, "library": {}, "versions": {"producer": 1}},
        "weightsManifest": [{"paths": ["w.bin"], "weights": [weight]}],
    }
    (tmp_path / "w.bin").write_bytes(struct.pack("<f", 1.5))
    path = tmp_path / "model.json"
    path.write_text(json.dumps(described))
    model = ModelFile("tfjs", path, "0" * 64, 1)
    reading = PLUGIN.read(run(session, model, wasm="simd"))
    assert isinstance(reading.outcome, Measured), reading
    assert reading.conditions["execution"] == "executeAsync"
    (found,) = reading.outputs or ()
    assert struct.unpack("<4i", found.data) == (0, 1, 0, 2)
    first, second = session.reference(
        model, [(tensor("x", INPUT),), (tensor("x", (0.0, 2.0, 0.0)),)]
    )
    assert struct.unpack("<2i", second[0].data) == (0, 1)
    assert outputs.discriminates(first, second, 1e-4)
