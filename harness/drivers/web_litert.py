"""Driver `web-litert`: LiteRT.js in a real browser, on the same `.tflite` file as phones run.

The variant is forced by naming the loader of one Wasm build; what was served proves it. Threads
are counted by the workers that LiteRT.js has set to work.
Library: https://ai.google.dev/edge/litert/web, npm `@litertjs/core`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from harness.model import Facts
from harness.options import Options
from harness.plugins import ModelFormat
from harness.tools.measuring_page import RuntimeCall
from harness.web_lane.driver import WebDriver
from harness.web_lane.one_file import OneFileRuntime, backend_and_threads, heap
from harness.web_lane.packages import Runtime, installed
from harness.web_lane.page_scripts import RUNNING_WORKERS, pretend_cores
from harness.web_lane.runtime import RuntimeReading

Build: TypeAlias = Literal["compat", "relaxed-simd", "threaded"]

_STEMS: Mapping[Build, str] = {
    "compat": "litert_wasm_compat_internal",
    "relaxed-simd": "litert_wasm_internal",
    "threaded": "litert_wasm_threaded_internal",
}
_CORE = "@litertjs/core"
_LIBRARY = "litert/litert.mjs"
_DEPENDENCY = "litert/wasm-utils.mjs"
_ADAPTER = "runtimes/litert.js"
_MODEL = "model/model.tflite"
_RUNTIME = Runtime(
    label="LiteRT.js",
    kind="runtime-missing",
    bring="make runtimes",
    files={
        _LIBRARY: (_CORE, "dist/index.js"),
        _DEPENDENCY: ("@litertjs/wasm-utils", "dist/index.js"),
        **{
            f"litert/{stem}.{kind}": (_CORE, f"wasm/{stem}.{kind}")
            for stem in _STEMS.values()
            for kind in ("js", "wasm")
        },
    },
)


class VariantOptions(Options):
    """Which of LiteRT.js' Wasm builds, and how many threads."""

    wasm: Annotated[
        Build,
        Field(
            description="the Wasm build: `compat` (for browsers without relaxed SIMD), "
            "`relaxed-simd` (what LiteRT.js takes by default), or `threaded`"
        ),
    ] = "relaxed-simd"
    threads: Annotated[
        int | None, Field(ge=1, le=32, description="threads of `wasm: threaded`")
    ] = None

    @model_validator(mode="after")
    def _threads_belong_to_the_threaded_build(self) -> Self:
        if (self.wasm == "threaded") != (self.threads is not None):
            message = "`threads` belongs to `wasm: threaded`, which needs it: say how many"
            raise ValueError(message)
        return self


class LiteRtJs(OneFileRuntime):
    """LiteRT.js as npm installed it; see `harness.web_lane.runtime.PageRuntime`."""

    __slots__ = ()
    label = _RUNTIME.label
    adapter = _ADAPTER
    model = _MODEL

    def call(self, url: str, variant: VariantOptions) -> RuntimeCall:
        """Return how the page runs one build; the adapter comes before the library it prepares."""
        argument = {
            "loader": f"{url}litert/{_STEMS[variant.wasm]}.js",
            "model": url + _MODEL,
            "threads": variant.threads,
            "accelerator": "wasm",
        }
        return RuntimeCall((RUNNING_WORKERS, _ADAPTER, _LIBRARY), argument)

    def init_scripts(self, variant: VariantOptions) -> Sequence[str]:
        """Have the page see as many cores as there are threads: LiteRT.js makes no more workers."""
        return [pretend_cores(variant.threads or 0)]

    def asked(self, variant: VariantOptions) -> Facts:
        """Return the build, its threads, and that nothing else than Wasm computes."""
        binary = f"{_STEMS[variant.wasm]}.wasm"
        return {
            "wasm_binary": binary,
            "wasm_sha256": self.files.sha256[f"litert/{binary}"],
            "backend": "wasm",
            "threads": variant.threads or 1,
        }

    def subject(self, variant: VariantOptions) -> Facts:
        """Return the version of LiteRT.js, and the hashes of what it consists of."""
        stem = _STEMS[variant.wasm]
        scripts = (_LIBRARY, _DEPENDENCY, f"litert/{stem}.js")
        return {
            "litert_js": self.files.version,
            "litert_js_sha256": self.files.digest(scripts),
            "wasm_sha256": self.files.sha256[f"litert/{stem}.wasm"],
        }


def _setting(observed: Facts) -> Facts:
    builds = {f"{stem}.wasm": build for build, stem in _STEMS.items()}
    return {
        "threads": observed.get("threads"),
        "wasm": builds.get(str(observed.get("wasm_binary"))),
    }


class WebLiteRt(WebDriver):
    """LiteRT.js in a browser."""

    name = "web-litert"
    model_format: ClassVar[ModelFormat] = "tflite"
    variant_options = VariantOptions
    reading = RuntimeReading(
        seen=backend_and_threads,
        setting=_setting,
        memory=heap,
        unsupported_hint="LiteRT.js has tensors of float32, int32 and uint8 only; measure the "
        "fp32 file, or this one on a phone",
    )

    def installed(self, root: Path | None = None) -> LiteRtJs:
        """Return LiteRT.js as npm installed it.

        Raises:
            TargetNotFound: runtime-missing.
        """
        return LiteRtJs(installed(_RUNTIME, root))

    def runtimes(self) -> tuple[Runtime, ...]:
        """Return the library."""
        return (_RUNTIME,)


PLUGIN = WebLiteRt()
