"""The bare page of each runtime: which variants it has, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.model import Tensor
from harness.options import Sampling
from harness.plugins import ModelFile, driver
from harness.web_lane.driver import WebDriver
from harness.web_lane.runtime import PageRuntime
from harness.web_lane.workloads import runtime_for


@dataclass(frozen=True)
class BarePage:
    """A hand-written page of one runtime; `variants` is wasm build → what the page is told of it.

    The first variant is the default: one that every browser can run.
    """

    driver: str
    file: Path
    variants: Mapping[str, Mapping[str, Any]]
    other_options: Mapping[str, Any]

    def runtime(self, model: ModelFile) -> PageRuntime:
        """Return our runtime for a model; raises `TargetNotFound` where it is not installed."""
        plugin = driver(self.driver)
        assert isinstance(plugin, WebDriver)
        return runtime_for(plugin.installed(), model)

    def options(self, variant: str) -> Any:
        """Return the variant as our driver takes it."""
        keys = {"wasm": variant, **self.other_options}
        return driver(self.driver).variant_options(**keys)

    def told(self, variant: str, tensor: Tensor, sampling: Sampling) -> dict[str, Any]:
        """Return what the page's `prepare` is given."""
        return {
            **self.variants[variant],
            "name": tensor.name,
            "shape": list(tensor.shape),
            "warmupRuns": sampling.warmup.iterations,
            "warmupMs": sampling.warmup.seconds * 1000,
        }


def _here(name: str) -> Path:
    return Path(__file__).with_name(name)


BARE_PAGES = {
    "tfjs": BarePage(
        "web-tfjs",
        _here("bare_tfjs.html"),
        {"simd": {"simd": True}, "plain": {"simd": False}},
        {},
    ),
    "litert": BarePage(
        "web-litert",
        _here("bare_litert.html"),
        {
            "compat": {"loader": "litert/litert_wasm_compat_internal.js"},
            "relaxed-simd": {"loader": "litert/litert_wasm_internal.js"},
        },
        {},
    ),
    "onnx": BarePage("web-onnx", _here("bare_onnx.html"), {"threaded-simd": {}}, {"threads": 1}),
}
