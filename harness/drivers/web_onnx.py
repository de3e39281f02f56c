"""Driver `web-onnx`: onnxruntime-web in a real browser, its Wasm execution provider.

The library ships one Wasm build for it, with SIMD and threads; builds without were dropped
(microsoft/onnxruntime issue 25666). Threads are counted by the workers that it has set to work.
Library: https://onnxruntime.ai/docs/tutorials/web, npm `onnxruntime-web`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from harness.model import Facts
from harness.options import Options
from harness.plugins import ModelFormat
from harness.tools.measuring_page import RuntimeCall
from harness.web_lane.driver import WebDriver
from harness.web_lane.one_file import OneFileRuntime, backend_and_threads, heap
from harness.web_lane.packages import Runtime, installed
from harness.web_lane.page_scripts import RUNNING_WORKERS, pretend_cores
from harness.web_lane.runtime import RuntimeReading

_PACKAGE = "onnxruntime-web"
_LIBRARY = "onnx/ort.wasm.min.js"
_LOADER = "onnx/ort-wasm-simd-threaded.mjs"
_BINARY = "ort-wasm-simd-threaded.wasm"
_ADAPTER = "runtimes/onnx.js"
_MODEL = "model/model.onnx"
_RUNTIME = Runtime(
    label="onnxruntime-web",
    kind="runtime-missing",
    bring="make runtimes",
    files={
        name: (_PACKAGE, f"dist/{name.removeprefix('onnx/')}")
        for name in (_LIBRARY, _LOADER, f"onnx/{_BINARY}")
    },
)


class VariantOptions(Options):
    """Which Wasm build, and how many threads."""

    wasm: Annotated[
        Literal["plain", "simd", "threaded-simd"],
        Field(
            description="the Wasm build: `threaded-simd` is the only one that the library still "
            "has; the other two are skipped as unsupported"
        ),
    ] = "threaded-simd"
    threads: Annotated[
        int, Field(ge=1, le=32, description="threads of `wasm: threaded-simd` (`numThreads`)")
    ] = 1


class OnnxRuntimeWeb(OneFileRuntime):
    """onnxruntime-web as npm installed it; see `harness.web_lane.runtime.PageRuntime`."""

    __slots__ = ()
    label = _RUNTIME.label
    adapter = _ADAPTER
    model = _MODEL

    def call(self, url: str, variant: VariantOptions) -> RuntimeCall:
        """Return how the page runs the library with so many threads."""
        argument = {
            "loader": url + _LOADER,
            "binary": f"{url}onnx/{_BINARY}",
            "model": url + _MODEL,
            "threads": variant.threads,
            "provider": "wasm",
        }
        return RuntimeCall((RUNNING_WORKERS, _LIBRARY, _ADAPTER), argument)

    def init_scripts(self, variant: VariantOptions) -> Sequence[str]:
        """Have the page see as many cores as there are threads."""
        return [pretend_cores(variant.threads)]

    def asked(self, variant: VariantOptions) -> Facts:
        """Return the build, its threads, and the provider, which alone was allowed."""
        return {
            "wasm_binary": _BINARY,
            "wasm_sha256": self.files.sha256[f"onnx/{_BINARY}"],
            "backend": "wasm",
            "threads": variant.threads,
        }

    def subject(self, variant: VariantOptions) -> Facts:  # noqa: ARG002  one build for all
        """Return the version of the library, and the hashes of what it consists of."""
        return {
            "onnxruntime_web": self.files.version,
            "onnxruntime_web_sha256": self.files.digest((_LIBRARY, _LOADER)),
            "wasm_sha256": self.files.sha256[f"onnx/{_BINARY}"],
        }


def _setting(observed: Facts) -> Facts:
    ran = observed.get("wasm_binary") == _BINARY
    return {"threads": observed.get("threads"), "wasm": "threaded-simd" if ran else None}


class WebOnnx(WebDriver):
    """onnxruntime-web in a browser."""

    name = "web-onnx"
    model_format: ClassVar[ModelFormat] = "onnx"
    variant_options = VariantOptions
    reading = RuntimeReading(
        seen=backend_and_threads,
        setting=_setting,
        memory=heap,
        unsupported_hint="convert the model to operators and number types that it has",
    )

    def installed(self, root: Path | None = None) -> OnnxRuntimeWeb:
        """Return onnxruntime-web as npm installed it.

        Raises:
            TargetNotFound: runtime-missing.
        """
        return OnnxRuntimeWeb(installed(_RUNTIME, root))

    def runtimes(self) -> tuple[Runtime, ...]:
        """Return the library."""
        return (_RUNTIME,)

    def unsupported(self, options: Any, variant: VariantOptions) -> str:
        """Say that a build is gone, for those that the library no longer ships."""
        if variant.wasm != "threaded-simd":
            return (
                f"onnxruntime-web no longer ships a {variant.wasm} build: its only Wasm build "
                "has SIMD and threads (microsoft/onnxruntime issue 25666)"
            )
        return super().unsupported(options, variant)

    def needs_isolation(self, variant: VariantOptions) -> bool:
        """Tell whether there is more than one thread: with one, the build runs anywhere."""
        return variant.threads > 1


PLUGIN = WebOnnx()
