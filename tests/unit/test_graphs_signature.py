"""Signatures: what a model file takes, from any file, and never a crash from a damaged one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError, PluginError, SuiteError
from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.graphs.signature import InputSignature, read_signature
from harness.graphs.tfjs_writer import write_tfjs
from harness.graphs.tflite_writer import write_tflite
from harness.plugins import ModelFile


def network() -> Graph:
    net = GraphBuilder("two_inputs", 1)
    left, right = net.input((1, 4, 4, 2), "left"), net.input((1, 4, 4, 2), "right")
    return net.build(net.conv(net.add(left, right), 3))


def read(path: Path, content: Any, **keys: Any) -> tuple[InputSignature, ...]:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    format_: Any = "tflite" if path.suffix == ".tflite" else "tfjs"
    return read_signature(ModelFile(format_, path, "", 0), **keys)


def placeholder(name: str, dtype: str, *sizes: int | None) -> Any:
    dims = [{} if size is None else {"size": str(size)} for size in sizes]
    shape = {"shape": {"dim": dims}}
    return {
        "name": name,
        "op": "Placeholder",
        "attr": {"dtype": {"type": dtype}, "shape": shape},
    }


def test_a_generated_model_has_one_signature_in_both_formats(tmp_path: Path) -> None:
    expected = (
        InputSignature("left", (1, 4, 4, 2), "float32"),
        InputSignature("right", (1, 4, 4, 2), "float32"),
    )
    assert read(tmp_path / "m.tflite", write_tflite(network())) == expected
    assert read(tmp_path / "model.json", write_tfjs(network())["model.json"]) == expected


def test_a_graph_model_without_a_signature_is_read_by_its_placeholders(tmp_path: Path) -> None:
    nodes = [
        placeholder("ids", "DT_INT32", -1, 128),
        {"name": "w", "op": "Const", "attr": {}},
        placeholder("image", "DT_UINT8", None, 224, 224, 3),
        placeholder("flag", "DT_BOOL"),
    ]
    assert read(tmp_path / "model.json", {"modelTopology": {"node": nodes}}) == (
        InputSignature("ids", (1, 128), "int32"),
        InputSignature("image", (1, 224, 224, 3), "uint8"),
        InputSignature("flag", (), "bool"),
    )


@pytest.mark.parametrize("inside", [False, True])
def test_a_signature_goes_before_placeholders_and_resources_are_no_inputs(
    tmp_path: Path, inside: bool
) -> None:
    signature = {
        "inputs": {
            "x": {"name": "p:0", "dtype": "DT_FLOAT", "tensorShape": {"dim": [{"size": "-1"}]}},
            "table": {"name": "t:0", "dtype": "DT_RESOURCE", "tensorShape": {}, "resourceId": 3},
        }
    }
    model: Any = {"modelTopology": {"node": [placeholder("p", "DT_FLOAT", -1)]}}
    if inside:
        model["userDefinedMetadata"] = {"signature": signature}
    else:
        model["signature"] = signature
    assert read(tmp_path / "model.json", model) == (InputSignature("x", (1,), "float32"),)


def layer(name: str, kind: str = "InputLayer", **config: Any) -> Any:
    return {"class_name": kind, "name": name, "config": {"name": name, **config}}


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ([layer("first", "Conv2D", batch_input_shape=[None, 8, 8, 3]), layer("d", "Dense")], ["first"]),
        ({"layers": [layer("first", batch_input_shape=[None, 8, 8, 3])]}, ["first"]),
        (
            {
                "layers": [
                    layer("a", batch_input_shape=[None, 8, 8, 3], dtype="float32"),
                    layer("b", batch_input_shape=[None, 8, 8, 3]),
                ],
                "input_layers": [["b", 0, 0], ["a", 0, 0]],
            },
            ["b", "a"],
        ),
        ({"layers": [layer("k3", batch_shape=[None, 8, 8, 3])], "input_layers": ["k3", 0, 0]}, ["k3"]),
    ],
)  # fmt: skip
def test_a_layers_model_is_read_by_its_input_layers(
    tmp_path: Path, config: Any, names: list[str]
) -> None:
    expected = tuple(InputSignature(name, (1, 8, 8, 3), "float32") for name in names)
    for topology in ({"model_config": {"config": config}}, {"config": config}):
        model = {"format": "layers-model", "modelTopology": topology}
        assert read(tmp_path / "model.json", model) == expected


def test_an_open_dimension_must_be_said_by_the_suite(tmp_path: Path) -> None:
    model = {"modelTopology": {"node": [placeholder("image", "DT_FLOAT", -1, -1, -1, 3)]}}
    path = tmp_path / "model.json"
    with pytest.raises(SuiteError, match=r"\[1, \?, \?, 3\]") as caught:
        read(path, model)
    assert "inputs: {image: {shape: […]}}" in caught.value.hint
    (said,) = read(path, model, shapes={"image": (1, 64, 64, 3)})
    assert said.shape == (1, 64, 64, 3)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"not json \xff",
        b'{"modelTopology": {"node": [{"op": "Placeholder"}]}}',
        b'{"modelTopology": {"node": 3}}',
        b'{"modelTopology": {"config": {"layers": []}}}',
        b'{"a":' + b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("name", ["model.json", "m.tflite"])
def test_a_file_of_another_kind_is_named_with_a_hint(
    tmp_path: Path, name: str, content: bytes
) -> None:
    with pytest.raises(SuiteError) as caught:
        read(tmp_path / name, content)
    assert str(tmp_path / name) in str(caught.value)
    assert caught.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="No such file"):
        read_signature(ModelFile("tflite", tmp_path / "none.tflite", "", 0))


WHOLE = {"m.tflite": write_tflite(network()), "model.json": write_tfjs(network())["model.json"]}


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_a_damaged_model_is_read_or_refused_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    damaged = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(0, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(damaged))))
    try:
        found = read(tmp_path_factory.getbasetemp() / name, bytes(damaged[:cut]))
    except HarnessError as error:
        assert error.hint
    else:
        assert all(size > 0 for entry in found for size in entry.shape)


def test_without_litert_a_tflite_names_the_extra_and_tfjs_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    for call in (
        lambda: read(tmp_path / "m.tflite", WHOLE["m.tflite"]),
        lambda: write_tflite(network()),
    ):
        with pytest.raises(PluginError) as caught:
            call()
        assert caught.value.hint == 'pip install "edgebench[litert]"'
    assert len(read(tmp_path / "model.json", WHOLE["model.json"])) == 2
