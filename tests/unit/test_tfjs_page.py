"""TF.js in the page: how a variant is forced, and which model files are served."""

from __future__ import annotations

import json

import pytest

from harness.errors import RunFailed
from harness.tools import tfjs_page


@pytest.mark.parametrize(
    ("variant", "simd", "threads"),
    [("plain", False, False), ("simd", True, False), ("threaded-simd", True, True)],
)
def test_a_variant_is_forced_by_both_flags(
    variant: tfjs_page.WasmVariant, simd: bool, threads: bool
) -> None:
    argument = tfjs_page.wasm_argument("http://127.0.0.1:1/r/x/", variant, None, layers=False)
    assert argument["flags"] == {
        "WASM_HAS_SIMD_SUPPORT": simd,
        "WASM_HAS_MULTITHREAD_SUPPORT": threads,
    }


def described(**more: object) -> bytes:
    return json.dumps({"modelTopology": {"node": []}, "weightsManifest": [], **more}).encode()


def test_the_weight_files_of_a_graph_model_are_named() -> None:
    manifest = [{"paths": ["a.bin", "b.bin"]}, {"paths": ["c/d.bin"]}]
    found = tfjs_page.read_model_json(described(weightsManifest=manifest))
    assert found.weight_files == ("a.bin", "b.bin", "c/d.bin")
    assert not found.layers


@pytest.mark.parametrize(
    "model",
    [
        {"format": "layers-model", "modelTopology": {"model_config": {}}},
        # Before the key `format` there was only the topology to tell.
        {"modelTopology": {"model_config": {}}},
        {"modelTopology": {"class_name": "Sequential", "config": []}},
    ],
)
def test_a_layers_model_is_told_from_a_graph(model: dict[str, object]) -> None:
    assert tfjs_page.read_model_json(described(**model)).layers


@pytest.mark.parametrize("name", ["../x.bin", "/etc/passwd", "a/../../x", "http://h/x.bin"])
def test_a_model_may_not_name_files_outside_its_folder(name: str) -> None:
    with pytest.raises(RunFailed) as caught:
        tfjs_page.read_model_json(described(weightsManifest=[{"paths": [name]}]))
    assert name in caught.value.message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b'{"weightsManifest": [1]}',
        b'{"modelTopology": 1, "weightsManifest": []}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_model_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(RunFailed) as caught:
        tfjs_page.read_model_json(data)
    assert caught.value.kind == "model-unavailable"
