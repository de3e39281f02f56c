"""TF.js in the measuring page: its Wasm binaries, what its adapter is told, its model files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Literal, TypeAlias

from harness.errors import RunFailed

WasmVariant: TypeAlias = Literal["plain", "simd", "threaded-simd"]

WASM_BINARIES: Mapping[WasmVariant, str] = {
    "plain": "tfjs-backend-wasm.wasm",
    "simd": "tfjs-backend-wasm-simd.wasm",
    "threaded-simd": "tfjs-backend-wasm-threaded-simd.wasm",
}


def wasm_argument(url: str, variant: WasmVariant, threads: int | None) -> dict[str, Any]:
    """Return what the adapter is told to run the Wasm back end; `url` is the run's own.

    The variant is forced by TF.js's flags: without them it takes whatever the browser can do.
    """
    return {
        "backend": "wasm",
        "flags": {
            "WASM_HAS_SIMD_SUPPORT": variant in {"simd", "threaded-simd"},
            "WASM_HAS_MULTITHREAD_SUPPORT": variant == "threaded-simd",
        },
        "threads": threads,
        "wasm_folder": f"{url}tfjs/",
        "model": f"{url}model/model.json",
    }


def cpu_argument(url: str) -> dict[str, Any]:
    """Return what the adapter is told to run the cpu back end, TF.js' own reference kernels."""
    return {"backend": "cpu", "flags": {}, "threads": None, "model": f"{url}model/model.json"}


def weight_files(model_json: bytes) -> tuple[str, ...]:
    """Return the weight files that a TF.js graph model names, relative to its `model.json`.

    Raises:
        RunFailed: it is not a graph model, or names files outside its folder.
    """
    try:
        model = json.loads(model_json)
        layers = model.get("format") == "layers-model" or "layersModel" in model
        names = tuple(str(name) for group in model["weightsManifest"] for name in group["paths"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise RunFailed(
            "the model's model.json has no weights manifest",
            hint="name the model.json that the TF.js converter wrote",
            kind="model-unavailable",
        ) from error
    if layers:
        raise RunFailed(
            "this is a TF.js layers model, which needs @tensorflow/tfjs-layers; only graph "
            "models are run",
            hint="convert it: tensorflowjs_converter --input_format=tfjs_layers_model "
            "--output_format=tfjs_graph_model IN OUT (it folds batch norm too)",
            kind="unsupported",
        )
    for name in names:
        if ".." in PurePosixPath(name).parts or name.startswith("/") or ":" in name:
            raise RunFailed(
                f"the model names a weight file outside its folder: {name}",
                hint="do not use this model: its manifest is hostile or broken",
                kind="model-unavailable",
            )
    return names
