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
    argument = tfjs_page.wasm_argument("http://127.0.0.1:1/r/x/", variant, None)
    assert argument["flags"] == {
        "WASM_HAS_SIMD_SUPPORT": simd,
        "WASM_HAS_MULTITHREAD_SUPPORT": threads,
    }


def test_the_weight_files_of_a_graph_model_are_named() -> None:
    manifest = [{"paths": ["a.bin", "b.bin"]}, {"paths": ["c/d.bin"]}]
    described = json.dumps({"format": "graph-model", "weightsManifest": manifest}).encode()
    assert tfjs_page.weight_files(described) == ("a.bin", "b.bin", "c/d.bin")


def test_a_layers_model_is_refused_with_the_way_to_convert_it() -> None:
    described = json.dumps({"format": "layers-model", "weightsManifest": []}).encode()
    with pytest.raises(RunFailed) as caught:
        tfjs_page.weight_files(described)
    assert caught.value.kind == "unsupported"
    assert "tensorflowjs_converter" in caught.value.hint


@pytest.mark.parametrize("name", ["../x.bin", "/etc/passwd", "a/../../x", "http://h/x.bin"])
def test_a_model_may_not_name_files_outside_its_folder(name: str) -> None:
    described = json.dumps({"weightsManifest": [{"paths": [name]}]}).encode()
    with pytest.raises(RunFailed) as caught:
        tfjs_page.weight_files(described)
    assert name in caught.value.message


@pytest.mark.parametrize(
    "described", [b"", b"[]", b"{}", b"null", b"\xff", b'{"weightsManifest": [1]}', b"[" * 100_000]
)
def test_what_is_no_model_is_refused_by_name(described: bytes) -> None:
    with pytest.raises(RunFailed) as caught:
        tfjs_page.weight_files(described)
    assert caught.value.kind == "model-unavailable"
