"""TF.js in the measuring page: its Wasm binaries, what its adapter is told, its model files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, TypeAlias

from harness.errors import RunFailed

WasmVariant: TypeAlias = Literal["plain", "simd", "threaded-simd"]

TfjsBackend: TypeAlias = Literal["wasm", "webgl", "webgpu", "cpu"]

WASM_BINARIES: Mapping[WasmVariant, str] = {
    "plain": "tfjs-backend-wasm.wasm",
    "simd": "tfjs-backend-wasm-simd.wasm",
    "threaded-simd": "tfjs-backend-wasm-threaded-simd.wasm",
}


MOST_THREADS = 8


def threads_as_shipped(cores: int) -> int:
    """Return how many threads TF.js takes by itself in a browser that shows so many cores.

    Read back from `getThreadsCount` of TF.js 4.22.0 in Chromium for 1 to 64 cores; asked for
    more, it takes no more than this either.
    """
    return max(1, min(MOST_THREADS, cores // 2))


def wasm_argument(
    url: str, variant: WasmVariant | Literal["auto"], threads: int | None, *, layers: bool
) -> dict[str, Any]:
    """Return what the adapter is told to run the Wasm back end; `url` is the run's own.

    A variant is forced by TF.js's flags: without them it takes whatever the browser can do,
    which is what `auto` measures.
    """
    return {
        "backend": "wasm",
        "flags": {
            "WASM_HAS_SIMD_SUPPORT": variant in {"simd", "threaded-simd"},
            "WASM_HAS_MULTITHREAD_SUPPORT": variant == "threaded-simd",
        }
        if variant != "auto"
        else {},
        "threads": threads,
        "wasm_folder": f"{url}tfjs/",
        **_model(url, layers=layers),
    }


def plain_argument(url: str, backend: TfjsBackend, *, layers: bool) -> dict[str, Any]:
    """Return what the adapter is told to run a back end that needs no more than its name.

    `cpu` is TF.js' own reference kernels.
    """
    return {"backend": backend, "flags": {}, "threads": None, **_model(url, layers=layers)}


# How drivers of GPUs that are none call themselves: Chromium's, Mesa's two, Windows'.
_SOFTWARE_GPUS = ("swiftshader", "llvmpipe", "softpipe", "lavapipe", "basic render", "software")


def gpu_kind(renderer: str, *, fallback: bool | None) -> Literal["software", "hardware"]:
    """Say whether what calls itself so is a GPU; `fallback` is WebGPU's own word for that."""
    named = any(word in renderer.lower() for word in _SOFTWARE_GPUS)
    return "software" if named or fallback else "hardware"


def _model(url: str, *, layers: bool) -> dict[str, Any]:
    return {"model": f"{url}model/model.json", "layers": layers}


@dataclass(frozen=True, slots=True)
class ModelJson:
    """What a `model.json` says of itself: its weight files beside it, and which kind it is."""

    weight_files: tuple[str, ...]
    layers: bool


def read_model_json(data: bytes) -> ModelJson:
    """Read a TF.js graph or layers model's `model.json`.

    Raises:
        RunFailed: it is neither, or names files outside its folder.
    """
    try:
        model = json.loads(data)
        layers = model.get("format") == "layers-model" or "node" not in model["modelTopology"]
        names = tuple(str(name) for group in model["weightsManifest"] for name in group["paths"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise RunFailed(
            "the model's model.json has no model topology or no weights manifest",
            hint="name the model.json that the TF.js converter wrote",
            kind="model-unavailable",
        ) from error
    for name in names:
        if ".." in PurePosixPath(name).parts or name.startswith("/") or ":" in name:
            raise RunFailed(
                f"the model names a weight file outside its folder: {name}",
                hint="do not use this model: its manifest is hostile or broken",
                kind="model-unavailable",
            )
    return ModelJson(names, layers)
